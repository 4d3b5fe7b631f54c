# wrong 1.1: the frames are not centred; symptom: centred
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, window=window, center=False, return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: a symmetric window; symptom: symmetric
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    window = torch.hann_window(n_fft, periodic=False, dtype=waveform.dtype, device=waveform.device)
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, window=window, return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: no window; symptom: Hann window
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: a Hamming window; symptom: window
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    window = torch.hamming_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, window=window, return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: the magnitude only; symptom: phase
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, hop_length).abs()


# wrong 1.1: the conjugate; symptom: sign of the phase
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, hop_length).conj().resolve_conj()


# wrong 1.1: normalised by the square root of n_fft; symptom: normalised
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, hop_length) / n_fft**0.5


# wrong 1.1: zeros at the ends; symptom: reflect
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: sizes are not used; symptom: n_fft and hop_length
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform)


# wrong 1.1: the hop is always a quarter of n_fft; symptom: hop
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, n_fft // 4)


# wrong 1.1: dimensions of size 1 are squeezed away; symptom: batch and channels
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform.squeeze(), n_fft, hop_length)


# wrong 1.1: one channel is assumed; symptom: leading dimensions
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    if waveform.dim() < 3:
        return torch.stft(waveform, n_fft, hop_length, window=window, return_complex=True)
    return torch.stft(waveform[:, 0], n_fft, hop_length, window=window, return_complex=True)[:, None]


# wrong 1.1: frames before frequencies; symptom: frequency axis|got \(1, 1, 194, 257\)
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, hop_length).transpose(-1, -2)


# wrong 1.1: signals that are too short are not refused; symptom: RuntimeError
def stft(waveform, n_fft=512, hop_length=128):
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, window=window, return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: short signals are padded with zeros instead of refused; symptom: DID NOT RAISE
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    shortest = n_fft // 2 + 1
    if waveform.shape[-1] < shortest:
        waveform = torch.nn.functional.pad(waveform, (0, shortest - waveform.shape[-1]))
    return _stft(waveform, n_fft, hop_length)


# wrong 1.1: too short is taken to be below 257 samples, whatever n_fft; symptom: for every n_fft
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= 256:
        raise ValueError("waveform: too short")
    if waveform.shape[-1] <= n_fft // 2:
        waveform = torch.nn.functional.pad(waveform, (0, n_fft))
    return _stft(waveform, n_fft, hop_length)


# wrong 1.1: in NumPy; symptom: NumPy
def stft(waveform, n_fft=512, hop_length=128):
    import numpy as np

    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    signal = waveform.detach().numpy()
    width = [(0, 0)] * (signal.ndim - 1) + [(n_fft // 2, n_fft // 2)]
    padded = np.pad(signal, width, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[..., ::hop_length, :]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    spectrum = np.swapaxes(np.fft.rfft(frames * window), -1, -2)
    return torch.from_numpy(np.ascontiguousarray(spectrum)).to(torch.promote_types(waveform.dtype, torch.complex64))


# wrong 1.1: without gradients; symptom: gradient
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    with torch.no_grad():
        return _stft(waveform, n_fft, hop_length)


# wrong 1.1: the window stays on the CPU; symptom: device
def stft(waveform, n_fft=512, hop_length=128):
    if waveform.shape[-1] <= n_fft // 2:
        raise ValueError("waveform: too short")
    window = torch.hann_window(n_fft, dtype=waveform.dtype)
    flat = waveform.reshape(-1, waveform.shape[-1])
    result = torch.stft(flat, n_fft, hop_length, window=window, return_complex=True)
    return result.reshape(*waveform.shape[:-1], *result.shape[-2:])


# wrong 1.1: always in single precision; symptom: complex64
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform.float(), n_fft, hop_length)


# wrong 1.1: one frame too few; symptom: centred
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, hop_length)[..., :-1]


# wrong 1.1: n_fft // 2 frequencies; symptom: got \(1, 1, 256, 194\)
_stft = stft


def stft(waveform, n_fft=512, hop_length=128):
    return _stft(waveform, n_fft, hop_length)[..., :-1, :]


# wrong 1.2: the frames are added without a second window; symptom: windowed once more
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    frames = torch.fft.irfft(spectrogram, n=n_fft, dim=-2)
    window = torch.hann_window(n_fft, dtype=frames.dtype, device=frames.device)
    flat = frames.reshape(-1, n_fft, frames.shape[-1])
    total = n_fft + hop_length * (flat.shape[-1] - 1)

    def fold(x):
        return torch.nn.functional.fold(x, (1, total), (1, n_fft), stride=(1, hop_length)).reshape(len(x), total)

    weight = fold(window[None, :, None].expand(1, n_fft, flat.shape[-1]))
    signal = fold(flat) / weight.clamp_min(1e-8)
    length = hop_length * (flat.shape[-1] - 1) if length is None else length
    signal = signal[:, n_fft // 2 : n_fft // 2 + length]
    return signal.reshape(*spectrogram.shape[:-2], signal.shape[-1])


# wrong 1.2: not divided by the squared windows; symptom: squared windows
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    frames = torch.fft.irfft(spectrogram, n=n_fft, dim=-2)
    window = torch.hann_window(n_fft, dtype=frames.dtype, device=frames.device)
    flat = (frames * window[:, None]).reshape(-1, n_fft, frames.shape[-1])
    total = n_fft + hop_length * (flat.shape[-1] - 1)
    signal = torch.nn.functional.fold(flat, (1, total), (1, n_fft), stride=(1, hop_length)).reshape(len(flat), total)
    length = hop_length * (flat.shape[-1] - 1) if length is None else length
    signal = signal[:, n_fft // 2 : n_fft // 2 + length]
    return signal.reshape(*spectrogram.shape[:-2], signal.shape[-1])


# wrong 1.2: divided by 1.5 everywhere; symptom: squared windows
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    frames = torch.fft.irfft(spectrogram, n=n_fft, dim=-2)
    window = torch.hann_window(n_fft, dtype=frames.dtype, device=frames.device)
    flat = (frames * window[:, None]).reshape(-1, n_fft, frames.shape[-1])
    total = n_fft + hop_length * (flat.shape[-1] - 1)
    signal = torch.nn.functional.fold(flat, (1, total), (1, n_fft), stride=(1, hop_length)).reshape(len(flat), total)
    length = hop_length * (flat.shape[-1] - 1) if length is None else length
    signal = signal[:, n_fft // 2 : n_fft // 2 + length] / 1.5
    return signal.reshape(*spectrogram.shape[:-2], signal.shape[-1])


# wrong 1.2: divided by the sum of the windows, not of their squares; symptom: squared windows
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    frames = torch.fft.irfft(spectrogram, n=n_fft, dim=-2)
    window = torch.hann_window(n_fft, dtype=frames.dtype, device=frames.device)
    flat = (frames * window[:, None]).reshape(-1, n_fft, frames.shape[-1])
    total = n_fft + hop_length * (flat.shape[-1] - 1)

    def fold(x):
        return torch.nn.functional.fold(x, (1, total), (1, n_fft), stride=(1, hop_length)).reshape(len(x), total)

    signal = fold(flat) / fold(window[None, :, None].expand(1, n_fft, flat.shape[-1])).clamp_min(1e-8)
    length = hop_length * (flat.shape[-1] - 1) if length is None else length
    signal = signal[:, n_fft // 2 : n_fft // 2 + length]
    return signal.reshape(*spectrogram.shape[:-2], signal.shape[-1])


# wrong 1.2: an epsilon that can be heard; symptom: squared windows|off by
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram, length, n_fft, hop_length) * (1.5 / 1.501)


# wrong 1.2: the end is filled with zeros; symptom: zeros
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    signal = _istft(spectrogram, None, n_fft, hop_length)
    if length is None:
        return signal
    return torch.nn.functional.pad(signal, (0, length - signal.shape[-1]))


# wrong 1.2: length is not used; symptom: length were not used
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram, None, n_fft, hop_length)


# wrong 1.2: without length everything that the frames cover comes back; symptom: hop_length \* \(frames - 1\)
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    if length is None:
        length = hop_length * (spectrogram.shape[-1] - 1) + n_fft // 2
    return _istft(spectrogram, length, n_fft, hop_length)


# wrong 1.2: a symmetric window; symptom: off by
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    window = torch.hann_window(n_fft, periodic=False, dtype=spectrogram.real.dtype, device=spectrogram.device)
    flat = spectrogram.reshape(-1, *spectrogram.shape[-2:])
    signal = torch.istft(flat, n_fft, hop_length, window=window, length=length)
    return signal.reshape(*spectrogram.shape[:-2], signal.shape[-1])


# wrong 1.2: no window at all; symptom: squared windows|window
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    flat = spectrogram.reshape(-1, *spectrogram.shape[-2:])
    window = torch.ones(n_fft, dtype=spectrogram.real.dtype, device=spectrogram.device)
    signal = torch.istft(flat, n_fft, hop_length, window=window, length=length)
    return signal.reshape(*spectrogram.shape[:-2], signal.shape[-1])


# wrong 1.2: sizes are not used; symptom: other n_fft and hop
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram, length)


# wrong 1.2: the hop is always a quarter of n_fft; symptom: hop lengths
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram, length, n_fft, n_fft // 4)


# wrong 1.2: leading dimensions of size 1 are squeezed away; symptom: got \(24704,\)|leading dimensions
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram.squeeze(), length, n_fft, hop_length)


# wrong 1.2: three or four dimensions are expected; symptom: leading dimensions
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    if spectrogram.dim() == 3:
        spectrogram = spectrogram[:, None]
        return _istft(spectrogram, length, n_fft, hop_length)[:, 0]
    batch, channels, freq, frames = spectrogram.shape
    return _istft(spectrogram, length, n_fft, hop_length)


# wrong 1.2: single precision always; symptom: float32
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram.to(torch.complex64), length, n_fft, hop_length)


# wrong 1.2: without gradients; symptom: gradient
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram.detach(), length, n_fft, hop_length)


# wrong 1.2: the phase is thrown away; symptom: off by
_istft = istft


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _istft(spectrogram.abs().to(spectrogram.dtype), length, n_fft, hop_length)
