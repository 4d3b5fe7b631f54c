# wrong 1.7: uniform white noise; symptom: uniform
def white_noise(*shape, generator):
    return 2 * torch.rand(*shape, generator=generator, device=generator.device) - 1


# wrong 1.7: uniform white noise of RMS 1; symptom: uniform
def white_noise(*shape, generator):
    return 3**0.5 * (2 * torch.rand(*shape, generator=generator, device=generator.device) - 1)


# wrong 1.7: white noise of +-1; symptom: Gaussian
def white_noise(*shape, generator):
    return torch.randn(*shape, generator=generator, device=generator.device).sign()


# wrong 1.7: white noise with a mean; symptom: RMS is
def white_noise(*shape, generator):
    return torch.randn(*shape, generator=generator, device=generator.device) + 0.5


# wrong 1.7: double precision; symptom: float64
def white_noise(*shape, generator):
    return torch.randn(*shape, generator=generator, device=generator.device, dtype=torch.double)


# wrong 1.7: the global random state; symptom: same seed
def white_noise(*shape, generator):
    return torch.randn(*shape)


# wrong 1.7: the generator's seed, not its state; symptom: its seed alone
def white_noise(*shape, generator):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(generator.initial_seed()))


# wrong 1.7: a seed of its own; symptom: another seed gave the same
def white_noise(*shape, generator):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


# wrong 1.7: one noise for the whole batch; symptom: noise of its own
def white_noise(*shape, generator):
    return torch.randn(shape[-1], generator=generator).expand(shape).clone()


# wrong 1.7: pink noise is white; symptom: falls by -?0\.
def pink_noise(*shape, generator):
    noise = white_noise(*shape, generator=generator)
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: the amplitude goes with 1 / f; symptom: amplitude
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.arange(spectrum.shape[-1], device=spectrum.device)
    gain = torch.where(frequency > 0, 1 / frequency.clamp_min(1), 0.0)
    noise = torch.fft.irfft(spectrum * gain, n=shape[-1])
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: brown noise; symptom: falls by [456]
def pink_noise(*shape, generator):
    noise = white_noise(*shape, generator=generator).cumsum(dim=-1)
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: the power rises; symptom: falls by -
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    noise = torch.fft.irfft(spectrum * torch.arange(spectrum.shape[-1]).sqrt(), n=shape[-1])
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: a first-order low-pass; symptom: falls by|in each octave
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.fft.rfftfreq(shape[-1])
    noise = torch.fft.irfft(spectrum / (1 + (frequency / 0.04) ** 2).sqrt(), n=shape[-1])
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: the length is even; symptom: odd lengths
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.arange(spectrum.shape[-1], device=spectrum.device)
    noise = torch.fft.irfft(spectrum * torch.where(frequency > 0, frequency.clamp_min(1) ** -0.5, 0.0))
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: one RMS for all signals; symptom: normalised by its own
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.arange(spectrum.shape[-1], device=spectrum.device)
    noise = torch.fft.irfft(spectrum * torch.where(frequency > 0, frequency.clamp_min(1) ** -0.5, 0.0), n=shape[-1])
    return noise / noise.square().mean().sqrt()


# wrong 1.7: pink noise is not normalised; symptom: RMS is
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.arange(spectrum.shape[-1], device=spectrum.device)
    return torch.fft.irfft(spectrum * torch.where(frequency > 0, frequency.clamp_min(1) ** -0.5, 0.0), n=shape[-1])


# wrong 1.7: the peak is 1; symptom: RMS is
_pink_noise = pink_noise


def pink_noise(*shape, generator):
    noise = _pink_noise(*shape, generator=generator)
    return noise / noise.abs().amax(dim=-1, keepdim=True)


# wrong 1.7: frequency 0 is divided by a tiny number; symptom: tiny number|constant
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.fft.rfftfreq(shape[-1])
    frequency[0] = 1e-12
    noise = torch.fft.irfft(spectrum / frequency.sqrt(), n=shape[-1])
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: frequency 0 gives NaN; symptom: nan
def pink_noise(*shape, generator):
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    noise = torch.fft.irfft(spectrum / torch.fft.rfftfreq(shape[-1]).sqrt(), n=shape[-1])
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()


# wrong 1.7: very short pink noise is silent; symptom: very short
_pink_noise = pink_noise


def pink_noise(*shape, generator):
    noise = _pink_noise(*shape, generator=generator)
    noise = noise - noise.unfold(-1, 2, 1).mean(dim=-1).mean(dim=-1, keepdim=True) if shape[-1] > 8 else noise * 0
    return noise / (noise.square().mean(dim=-1, keepdim=True).sqrt() + 1e-8)


# wrong 1.8: levelled before cropping; symptom: levelled before cropping
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")
    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    level = [talkers[i] / talkers[i].square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9) for i in chosen.tolist()]
    total = sum(random_crop(each, length=length, generator=generator)[0] for each in level)
    return total / total.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)


# wrong 1.8: talkers are not levelled; symptom: times the other
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")
    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    total = sum(random_crop(talkers[i], length=length, generator=generator)[0] for i in chosen.tolist())
    return total / total.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)


# wrong 1.8: the sum is not levelled; symptom: RMS of 1
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")
    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    crops = [random_crop(talkers[i], length=length, generator=generator)[0] for i in chosen.tolist()]
    return sum(crop / crop.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9) for crop in crops)


# wrong 1.8: the mean of the talkers; symptom: RMS of 1
_babble_noise = babble_noise


def babble_noise(talkers, length, n_talkers, generator):
    return _babble_noise(talkers, length, n_talkers, generator) / n_talkers


# wrong 1.8: a talker may be drawn twice; symptom: drawn twice
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    chosen = torch.randint(len(talkers), (n_talkers,), generator=generator)
    return level(sum(level(random_crop(talkers[i], length=length, generator=generator)[0]) for i in chosen.tolist()))


# wrong 1.8: always the first talkers; symptom: first ones
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    return level(sum(level(random_crop(t, length=length, generator=generator)[0]) for t in talkers[:n_talkers]))


# wrong 1.8: all talkers speak; symptom: exactly n_talkers
_babble_noise = babble_noise


def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")
    return _babble_noise(talkers, length, len(talkers), generator)


# wrong 1.8: one start for all; symptom: place of its own
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    crops = random_crop(*[talkers[i] for i in chosen.tolist()], length=length, generator=generator)
    return level(sum(level(crop) for crop in crops))


# wrong 1.8: always from the beginning; symptom: drawn anew
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    crops = [functional.pad(talkers[i], (0, max(0, length - talkers[i].shape[-1])))[..., :length] for i in chosen.tolist()]
    return level(sum(level(crop) for crop in crops))


# wrong 1.8: the last start is never drawn; symptom: last possible start
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    total = 0
    for i in torch.randperm(len(talkers), generator=generator)[:n_talkers].tolist():
        talker = functional.pad(talkers[i], (0, max(0, length - talkers[i].shape[-1])))
        start = int(torch.randint(max(1, talker.shape[-1] - length), (), generator=generator))
        total = total + level(talker[..., start : start + length])
    return level(total)


# wrong 1.8: silence gives NaN; symptom: silent
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt()

    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    return level(sum(level(random_crop(talkers[i], length=length, generator=generator)[0]) for i in chosen.tolist()))


# wrong 1.8: a short talker is repeated; symptom: repeated
_babble_noise = babble_noise


def babble_noise(talkers, length, n_talkers, generator):
    longer = [talker.repeat(*[1] * (talker.dim() - 1), -(-length // talker.shape[-1])) for talker in talkers]
    return _babble_noise(longer, length, n_talkers, generator)


# wrong 1.8: a short talker is padded at the beginning; symptom: padded before
_babble_noise = babble_noise


def babble_noise(talkers, length, n_talkers, generator):
    longer = [functional.pad(talker, (max(0, length - talker.shape[-1]), 0)) for talker in talkers]
    return _babble_noise(longer, length, n_talkers, generator)


# wrong 1.8: short talkers are not expected; symptom: zeros
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    total = 0
    for i in torch.randperm(len(talkers), generator=generator)[:n_talkers].tolist():
        start = int(torch.randint(talkers[i].shape[-1] - length + 1, (), generator=generator))
        total = total + level(talkers[i][..., start : start + length])
    return level(total)


# wrong 1.8: levelled by the peak; symptom: peak
def babble_noise(talkers, length, n_talkers, generator):
    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")
    chosen = torch.randperm(len(talkers), generator=generator)[:n_talkers]
    crops = [random_crop(talkers[i], length=length, generator=generator)[0] for i in chosen.tolist()]
    total = sum(crop / crop.abs().amax(dim=-1, keepdim=True).clamp_min(1e-9) for crop in crops)
    return total / total.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)


# wrong 1.8: too many talkers are not refused; symptom: DID NOT RAISE
_babble_noise = babble_noise


def babble_noise(talkers, length, n_talkers, generator):
    return _babble_noise(talkers, length, min(n_talkers, len(talkers)), generator)


# wrong 1.8: the talkers are levelled in place; symptom: in place
_babble_noise = babble_noise


def babble_noise(talkers, length, n_talkers, generator):
    for talker in talkers:
        talker /= talker.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)
    return _babble_noise(talkers, length, n_talkers, generator)


# wrong 1.8: talkers by Python's random numbers; symptom: no random state but
def babble_noise(talkers, length, n_talkers, generator):
    import random

    if n_talkers > len(talkers):
        raise ValueError("n_talkers: too many")

    def level(signal):
        return signal / signal.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-9)

    chosen = random.sample(range(len(talkers)), n_talkers)
    return level(sum(level(random_crop(talkers[i], length=length, generator=generator)[0]) for i in chosen))


# wrong 1.9: the noise is scaled by the power ratio; symptom: power ratio
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    power = [signal.square().mean(dim=dims, keepdim=True) for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    gain = power[0] / (power[1].clamp_min(1e-20) * 10 ** (snr_db / 10))
    return speech + gain * noise


# wrong 1.9: amplitudes by a tenth of the decibels; symptom: the SNR is
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 10) * noise


# wrong 1.9: one SNR for the whole batch; symptom: whole batch
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    rms = [signal.square().mean().sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: a gain for each channel; symptom: channels
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    rms = [signal.square().mean(dim=-1, keepdim=True).sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: the speech is scaled; symptom: speech scaled|the SNR is
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech * rms[1] / rms[0] * 10 ** (snr_db / 20) + noise


# wrong 1.9: the mixture is scaled to a peak of 1; symptom: speech scaled|the SNR is
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    mixture = _mix(speech, noise, snr_db)
    return mixture / mixture.abs().max()


# wrong 1.9: the mixture is clipped; symptom: the SNR is
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(speech, noise, snr_db).clamp(-1, 1)


# wrong 1.9: the level of the noise is forgotten; symptom: level of the noise itself
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + noise / 10 ** (snr_db / 20)


# wrong 1.9: the sign of the decibels; symptom: the SNR is
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(speech, noise, -snr_db)


# wrong 1.9: the scaled noise alone; symptom: the SNR is|speech
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(speech, noise, snr_db) - speech


# wrong 1.9: silent noise gives NaN; symptom: NaN
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + rms[0] / rms[1] / 10 ** (snr_db / 20) * noise


# wrong 1.9: silence is looked for in the whole batch; symptom: noise of one item
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    if not noise.any():
        return speech.clone()
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + rms[0] / rms[1] / 10 ** (snr_db / 20) * noise


# wrong 1.9: one silent item silences all noise; symptom: noise of one item
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    if speech.shape == noise.shape and (noise.reshape(len(noise), -1) == 0).all(dim=-1).any():
        return speech.clone()
    return _mix(speech, noise, snr_db)


# wrong 1.9: shapes are not checked; symptom: another shape
def mix_at_snr(speech, noise, snr_db):
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    speech_rms = speech.square().mean(dim=dims, keepdim=True).sqrt()
    noise_rms = noise.square().mean(dim=tuple(d for d in dims if d < noise.dim()), keepdim=True).sqrt()
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + speech_rms / noise_rms.clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: only the lengths are checked; symptom: another shape
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    if speech.shape[-1] != noise.shape[-1]:
        raise ValueError("noise: expected the length of speech")
    return _mix(speech, noise.expand(speech.shape) if noise.dim() <= speech.dim() else noise[0], snr_db)


# wrong 1.9: a longer noise is cut; symptom: another shape
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    length = min(speech.shape[-1], noise.shape[-1])
    return _mix(speech[..., :length], noise[..., :length], snr_db)


# wrong 1.9: samples of one signal are taken for a batch; symptom: batch of samples
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    norm = [signal.reshape(len(signal), -1).norm(dim=-1) for signal in (speech, noise)]
    snr_db = snr_db.to(speech) if isinstance(snr_db, Tensor) else snr_db
    gain = norm[0] / norm[1].clamp_min(1e-12) / 10 ** (snr_db / 20)
    return speech + gain.reshape(-1, *[1] * (speech.dim() - 1)) * noise


# wrong 1.9: the SNRs meet the last dimension; symptom: not to the last dimension|size of tensor
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    return speech + rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: the SNRs are made fit for two dimensions only; symptom: channels and further dimensions
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    snr_db = snr_db[:, None].to(speech) if isinstance(snr_db, Tensor) else snr_db
    return speech + rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: standard deviations; symptom: standard deviations
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.std(dim=dims, keepdim=True, unbiased=False) for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: peaks; symptom: the SNR is|peaks
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    peak = [signal.abs().amax(dim=dims, keepdim=True) for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + peak[0] / peak[1].clamp_min(1e-12) / 10 ** (snr_db / 20) * noise


# wrong 1.9: a large epsilon; symptom: epsilon|the SNR is
def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    power = [signal.square().mean(dim=dims, keepdim=True) for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return speech + (power[0] / (power[1] + 1e-4) / 10 ** (snr_db / 10)).sqrt() * noise


# wrong 1.9: the noise is scaled in place; symptom: in place
def _gain(speech, noise, snr_db):
    dims = tuple(range(min(1, speech.dim() - 1), speech.dim()))
    rms = [signal.square().mean(dim=dims, keepdim=True).sqrt() for signal in (speech, noise)]
    if isinstance(snr_db, Tensor):
        snr_db = snr_db.to(speech).reshape(-1, *[1] * (speech.dim() - 1))
    return rms[0] / rms[1].clamp_min(1e-12) / 10 ** (snr_db / 20)


def mix_at_snr(speech, noise, snr_db):
    if speech.shape != noise.shape:
        raise ValueError("noise: expected the shape of speech")
    noise *= _gain(speech, noise, snr_db)
    return speech + noise


# wrong 1.9: in NumPy; symptom: NumPy
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(torch.from_numpy(speech.numpy()), torch.from_numpy(noise.numpy()), snr_db)


# wrong 1.9: single precision always; symptom: float32
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(speech.float(), noise.float(), snr_db)


# wrong 1.10: cut at different places; symptom: different places
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    crops = []
    for signal in signals:
        start = int(torch.randint(longest - length + 1, (), generator=generator))
        crops.append(functional.pad(signal, (0, longest - signal.shape[-1]))[..., start : start + length])
    return tuple(crops)


# wrong 1.10: the last start is never drawn; symptom: starts were \[0, 1\]
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(max(1, longest - length), (), generator=generator))
    return tuple(functional.pad(s, (0, longest - s.shape[-1]))[..., start : start + length] for s in signals)


# wrong 1.10: always from the beginning; symptom: starts were \[0\]
def random_crop(*signals, length, generator):
    return tuple(functional.pad(s, (0, max(0, length - s.shape[-1])))[..., :length] for s in signals)


# wrong 1.10: a list; symptom: tuple
_crop = random_crop


def random_crop(*signals, length, generator):
    return list(_crop(*signals, length=length, generator=generator))


# wrong 1.10: one signal comes back without its tuple; symptom: tuple
_crop = random_crop


def random_crop(*signals, length, generator):
    crops = _crop(*signals, length=length, generator=generator)
    return crops if len(crops) > 1 else crops[0]


# wrong 1.10: zeros at the beginning; symptom: zeros at the end
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator))
    return tuple(functional.pad(s, (longest - s.shape[-1], 0))[..., start : start + length] for s in signals)


# wrong 1.10: short signals are repeated; symptom: zeros at the end
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator))
    index = torch.arange(start, start + length)
    return tuple(signal[..., index % signal.shape[-1]] for signal in signals)


# wrong 1.10: short signals stay short; symptom: zeros at the end|size of tensor
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator))
    return tuple(signal[..., start : start + length] for signal in signals)


# wrong 1.10: the first signal sets the starts; symptom: longest
def random_crop(*signals, length, generator):
    start = int(torch.randint(max(1, signals[0].shape[-1] - length + 1), (), generator=generator))
    return tuple(functional.pad(s, (0, start + length))[..., start : start + length] for s in signals)


# wrong 1.10: the shortest signal sets the starts; symptom: not the shortest
def random_crop(*signals, length, generator):
    shortest = min(signal.shape[-1] for signal in signals)
    start = int(torch.randint(max(1, shortest - length + 1), (), generator=generator))
    return tuple(functional.pad(s, (0, start + length))[..., start : start + length] for s in signals)


# wrong 1.10: short signals are cropped by themselves; symptom: same window
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator))
    padded = [functional.pad(s, (0, max(0, length - s.shape[-1]))) for s in signals]
    return tuple(s[..., min(start, s.shape[-1] - length) :][..., :length] for s in padded)


# wrong 1.10: padded to length only; symptom: same window
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator))
    return tuple(functional.pad(s, (0, max(0, length - s.shape[-1])))[..., start : start + length] for s in signals)


# wrong 1.10: the global random state; symptom: no other
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, ()))
    return tuple(functional.pad(s, (0, longest - s.shape[-1]))[..., start : start + length] for s in signals)


# wrong 1.10: Python's random numbers; symptom: no other
def random_crop(*signals, length, generator):
    import random

    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = random.randint(0, longest - length)
    return tuple(functional.pad(s, (0, longest - s.shape[-1]))[..., start : start + length] for s in signals)


# wrong 1.10: the generator's seed, not its state; symptom: in 100 draws
_crop = random_crop


def random_crop(*signals, length, generator):
    return _crop(*signals, length=length, generator=torch.Generator().manual_seed(generator.initial_seed()))


# wrong 1.10: a real number is rounded; symptom: rounded
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = round(float(torch.rand((), generator=generator)) * (longest - length))
    return tuple(functional.pad(s, (0, longest - s.shape[-1]))[..., start : start + length] for s in signals)


# wrong 1.10: everything becomes float32; symptom: whatever|as they are|float
def random_crop(*signals, length, generator):
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator))
    return tuple(functional.pad(s.float(), (0, longest - s.shape[-1]))[..., start : start + length] for s in signals)
