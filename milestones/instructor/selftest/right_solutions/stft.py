# right 1.1: torchaudio's transform
def stft(waveform, n_fft=512, hop_length=128):
    from torchaudio.transforms import Spectrogram

    if waveform.size(-1) <= n_fft // 2:
        raise ValueError(f"waveform is too short: {waveform.size(-1)}")
    return Spectrogram(n_fft=n_fft, hop_length=hop_length, power=None).to(waveform.device, waveform.dtype)(waveform)


# right 1.1: frames by unfold
def stft(waveform, n_fft=512, hop_length=128):
    *leading, time = waveform.shape
    if time <= n_fft // 2:
        raise ValueError("waveform: not enough samples")
    padded = functional_pad(waveform.reshape(-1, 1, time), (n_fft // 2, n_fft // 2), mode="reflect")
    frames = padded.unfold(-1, n_fft, hop_length).squeeze(1)
    n = torch.arange(n_fft, device=waveform.device, dtype=waveform.dtype)
    window = 0.5 * (1 - torch.cos(2 * torch.pi * n / n_fft))
    spectrum = torch.fft.rfft(frames * window).transpose(1, 2)
    return spectrum.reshape(*leading, *spectrum.shape[1:])


from torch.nn.functional import pad as functional_pad


# right 1.1: a convolution with the Fourier matrix
def stft(waveform, n_fft=512, hop_length=128):
    time = waveform.shape[-1]
    if time < n_fft // 2 + 1:
        raise ValueError("waveform: too short")
    n = torch.arange(n_fft, device=waveform.device, dtype=torch.int64)
    k = torch.arange(n_fft // 2 + 1, device=waveform.device, dtype=torch.int64)
    angle = (2 * torch.pi / n_fft) * (k[:, None] * n % n_fft).to(waveform.dtype)
    window = torch.hann_window(n_fft, device=waveform.device, dtype=waveform.dtype)
    padded = torch.nn.functional.pad(waveform.reshape(-1, 1, time), [n_fft // 2] * 2, mode="reflect")
    real = torch.nn.functional.conv1d(padded, (window * angle.cos())[:, None], stride=hop_length)
    imaginary = torch.nn.functional.conv1d(padded, (-window * angle.sin())[:, None], stride=hop_length)
    result = torch.complex(real, imaginary)
    return result.view(waveform.shape[:-1] + result.shape[-2:])


# right 1.1: a loop over frames
def stft(waveform, n_fft=512, hop_length=128):
    half, time = n_fft // 2, waveform.shape[-1]
    if time <= half:
        raise ValueError("waveform: too short")
    padded = torch.cat([waveform[..., 1 : half + 1].flip(-1), waveform, waveform[..., -half - 1 : -1].flip(-1)], dim=-1)
    window = torch.signal.windows.hann(n_fft, sym=False, dtype=waveform.dtype, device=waveform.device)
    columns = [
        torch.fft.rfft(padded[..., m * hop_length : m * hop_length + n_fft] * window, dim=-1)
        for m in range(1 + time // hop_length)
    ]
    return torch.stack(columns, dim=-1)


# right 1.2: torchaudio's transform
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    from torchaudio.transforms import InverseSpectrogram

    inverse = InverseSpectrogram(n_fft=n_fft, hop_length=hop_length).to(spectrogram.device, spectrogram.real.dtype)
    return inverse(spectrogram, length)


# right 1.2: overlap-add by fold
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    *leading, _, frames = spectrogram.shape
    pieces = torch.fft.irfft(spectrogram.reshape(-1, spectrogram.shape[-2], frames), n=n_fft, dim=1)
    window = torch.hann_window(n_fft, dtype=pieces.dtype, device=pieces.device).unsqueeze(-1)
    total = n_fft + hop_length * (frames - 1)

    def add(x):
        return torch.nn.functional.fold(x, (1, total), (1, n_fft), stride=(1, hop_length))[:, 0, 0]

    signal = add(pieces * window) / (add((window**2).expand(1, n_fft, frames)) + 1e-11)
    length = hop_length * (frames - 1) if length is None else length
    return signal[:, n_fft // 2 :][:, :length].reshape(*leading, -1)


# right 1.2: overlap-add in a loop
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    frames = spectrogram.shape[-1]
    window = torch.hann_window(n_fft, dtype=spectrogram.real.dtype, device=spectrogram.device)
    total = n_fft + hop_length * (frames - 1)
    signal = torch.zeros(*spectrogram.shape[:-2], total, dtype=window.dtype, device=window.device)
    weight = torch.zeros(total, dtype=window.dtype, device=window.device)
    for m in range(frames):
        place = slice(m * hop_length, m * hop_length + n_fft)
        signal[..., place] += window * torch.fft.irfft(spectrogram[..., m], n=n_fft)
        weight[place] += window.square()
    signal = torch.where(weight > 1e-10, signal / weight.clamp_min(1e-10), 0)[..., n_fft // 2 :]
    return signal[..., : hop_length * (frames - 1) if length is None else length]


# right 1.2: one signal at a time
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    if spectrogram.dim() > 2:
        return torch.stack([istft(each, length, n_fft, hop_length) for each in spectrogram])
    window = torch.hann_window(n_fft).to(spectrogram.real)
    return torch.istft(spectrogram, n_fft=n_fft, hop_length=hop_length, win_length=n_fft, window=window, length=length)
