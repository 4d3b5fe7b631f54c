# right 1.7: by NumPy
def white_noise(*shape, generator):
    import numpy as np

    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def pink_noise(*shape, generator):
    import numpy as np

    spectrum = np.fft.rfft(white_noise(*shape, generator=generator).numpy())
    frequency = np.fft.rfftfreq(shape[-1])
    frequency[0] = np.inf
    noise = np.fft.irfft(spectrum / np.sqrt(frequency), n=shape[-1])
    noise /= np.sqrt(np.mean(noise**2, axis=-1, keepdims=True))
    return torch.from_numpy(noise).float()


# right 1.7: each white signal is brought to an RMS of 1
def white_noise(*shape, generator):
    noise = torch.empty(shape, device=generator.device).normal_(generator=generator)
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# right 1.7: uniform numbers made Gaussian
def white_noise(*shape, generator):
    radius = (-2 * torch.rand(*shape, generator=generator).clamp_min(1e-12).log()).sqrt()
    return radius * torch.cos(2 * torch.pi * torch.rand(*shape, generator=generator))


# right 1.7: a random spectrum
def pink_noise(*shape, generator):
    time = shape[-1]
    bins = time // 2 + 1
    real, imaginary = (torch.randn(*shape[:-1], bins, generator=generator) for _ in range(2))
    gain = torch.arange(bins).clamp_min(1).rsqrt()
    gain[0] = 0
    noise = torch.fft.irfft(torch.complex(real, imaginary) * gain, n=time)
    return noise / noise.pow(2).mean(-1, keepdim=True).sqrt()


# right 1.7: the constant part is that of the first frequency
def pink_noise(*shape, generator):
    time = shape[-1]
    frequency = torch.fft.rfftfreq(time)
    frequency[0] = frequency[1]
    noise = torch.fft.irfft(torch.fft.rfft(white_noise(*shape, generator=generator)) / frequency.sqrt(), time)
    return noise / (noise.norm(dim=-1, keepdim=True) / time**0.5)


# right 1.7: the whole spectrum, without symmetry's help
def pink_noise(*shape, generator):
    spectrum = torch.fft.fft(torch.randn(shape, generator=generator, dtype=torch.float64))
    frequency = torch.fft.fftfreq(shape[-1], dtype=torch.float64).abs()
    gain = torch.where(frequency == 0, 0, 1 / torch.where(frequency == 0, 1, frequency).sqrt())
    noise = torch.fft.ifft(spectrum * gain).real
    return (noise / noise.square().mean(dim=-1, keepdim=True).sqrt()).float()


# right 1.7: poles and zeros that alternate (P. Kellet's filter)
def pink_noise(*shape, generator):
    from torchaudio.functional import lfilter

    warm_up = 2000
    white = torch.randn(*shape[:-1], shape[-1] + warm_up, generator=generator, dtype=torch.double)
    poles = (0.99886, 0.99332, 0.96900, 0.86650, 0.55000, -0.7616)
    gains = (0.0555179, 0.0750759, 0.1538520, 0.3104856, 0.5329522, -0.0168980)
    noise = 0.5362 * white
    for pole, gain in zip(poles, gains, strict=True):
        a, b = torch.tensor([1.0, -pole]).double(), torch.tensor([gain, 0.0]).double()
        noise = noise + lfilter(white, a, b, clamp=False)
    noise[..., 1:] += 0.115926 * white[..., :-1]
    noise = noise[..., warm_up:]
    return (noise / noise.square().mean(dim=-1, keepdim=True).sqrt()).float()


# right 1.8: in NumPy
def babble_noise(talkers, length, n_talkers, generator):
    import numpy as np

    if n_talkers > len(talkers):
        raise ValueError(f"n_talkers: expected at most {len(talkers)}, got {n_talkers}")
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    total = 0.0
    for index in rng.choice(len(talkers), n_talkers, replace=False):
        signal = talkers[index].numpy()
        missing = max(0, length - signal.shape[-1])
        signal = np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, missing)])
        start = rng.integers(0, signal.shape[-1] - length, endpoint=True)
        stretch = signal[..., start : start + length]
        total = total + stretch / (np.sqrt(np.mean(stretch**2, axis=-1, keepdims=True)) + 1e-9)
    total = total / (np.sqrt(np.mean(total**2, axis=-1, keepdims=True)) + 1e-9)
    return torch.from_numpy(total).to(talkers[0].dtype)


# right 1.8: random weights choose
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")
    chosen = torch.multinomial(torch.ones(len(talkers)), n_talkers, replacement=False, generator=generator)
    crops = [random_crop(talkers[int(i)], length=length, generator=generator)[0] for i in chosen]
    crops = torch.stack(crops)
    rms = crops.pow(2).mean(-1, keepdim=True).sqrt()
    total = (crops / rms.clamp(min=1e-8)).sum(0)
    return total / total.pow(2).mean(-1, keepdim=True).sqrt().clamp(min=1e-8)


# right 1.8: levelled over all channels together
def babble_noise(talkers, length, n_talkers, generator):
    if len(talkers) < n_talkers:
        raise ValueError("n_talkers: too many")
    order = torch.argsort(torch.rand(len(talkers), generator=generator))
    babble = torch.zeros(*talkers[0].shape[:-1], length, dtype=talkers[0].dtype)
    for i in order[:n_talkers].tolist():
        talker = talkers[i]
        if talker.shape[-1] < length:
            talker = functional.pad(talker, (0, length - talker.shape[-1]))
        start = torch.randint(0, talker.shape[-1] - length + 1, (1,), generator=generator).item()
        stretch = talker[..., start : start + length]
        rms = stretch.square().mean().sqrt()
        if rms > 0:
            babble += stretch / rms
    rms = babble.square().mean().sqrt()
    return babble / rms if rms > 0 else babble


# right 1.9: torchaudio's add_noise
def mix_at_snr(speech, noise, snr_db):
    from torchaudio.functional import add_noise

    if speech.shape != noise.shape:
        raise ValueError("noise: another shape")
    if speech.dim() == 1:
        return mix_at_snr(speech[None], noise[None], snr_db)[0]
    batch = speech.shape[0]
    snr_db = torch.as_tensor(snr_db, dtype=speech.dtype, device=speech.device).expand(batch)
    mixed = add_noise(speech.reshape(batch, -1), noise.reshape(batch, -1), snr_db).reshape(speech.shape)
    silent = noise.reshape(batch, -1).abs().amax(dim=-1) == 0
    return torch.where(silent.reshape(-1, *[1] * (speech.dim() - 1)), speech, mixed)


# right 1.9: powers in decibels
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: another shape")
    dims = tuple(range(1, speech.dim())) if speech.dim() > 1 else (0,)
    level = [10 * torch.log10(x.pow(2).mean(dim=dims, keepdim=True) + 1e-12) for x in (speech, noise)]
    if torch.is_tensor(snr_db):
        snr_db = snr_db.to(speech.device, speech.dtype).view(-1, *(1 for _ in dims))
    return speech + 10 ** ((level[0] - level[1] - snr_db) / 20) * noise


# right 1.9: an epsilon and a sum by einsum
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: another shape")
    flat = [x.reshape(1 if x.dim() == 1 else len(x), -1) for x in (speech, noise)]
    energy = [torch.einsum("bt,bt->b", x, x) for x in flat]
    ratio = 10 ** (torch.as_tensor(snr_db, dtype=speech.dtype, device=speech.device) / 10)
    gain = torch.sqrt(energy[0] / (ratio * energy[1] + 1e-9))
    return (flat[0] + gain[:, None] * flat[1]).reshape(speech.shape)


# right 1.9: item by item
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: another shape")
    if speech.dim() == 1:
        if not noise.any():
            return speech.clone()
        power = speech.square().mean() / noise.square().mean()
        return speech + noise * torch.sqrt(power / 10 ** (snr_db / 10))
    items = []
    for i in range(speech.shape[0]):
        snr = float(snr_db[i]) if isinstance(snr_db, Tensor) else snr_db
        items.append(mix_at_snr(speech[i].reshape(-1), noise[i].reshape(-1), snr).reshape(speech[i].shape))
    return torch.stack(items)


# right 1.10: in NumPy
def random_crop(*signals, length, generator):
    import numpy as np

    longest = max([length] + [signal.shape[-1] for signal in signals])
    rng = np.random.default_rng(int(torch.randint(2**31 - 1, (1,), generator=generator)))
    start = int(rng.integers(longest - length + 1))
    crops = []
    for signal in signals:
        array = signal.numpy()
        padded = np.zeros((*array.shape[:-1], longest), dtype=array.dtype)
        padded[..., : array.shape[-1]] = array
        crops.append(torch.from_numpy(padded[..., start : start + length].copy()))
    return tuple(crops)


# right 1.10: pad first, then narrow
def random_crop(*signals, length, generator):
    longest = max(length, max(signal.size(-1) for signal in signals))
    padded = [functional.pad(signal, (0, longest - signal.size(-1))) for signal in signals]
    start = torch.randint(0, longest - length + 1, (1,), generator=generator).item()
    return tuple(signal.narrow(-1, start, length) for signal in padded)


# right 1.10: a real number is cut
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.rand(1, generator=generator, dtype=torch.float64) * (longest - length + 1))
    crops = []
    for signal in signals:
        crop = torch.zeros(*signal.shape[:-1], length, dtype=signal.dtype, device=signal.device)
        piece = signal[..., start : start + length]
        crop[..., : piece.shape[-1]] = piece
        crops.append(crop)
    return tuple(crops)
