# right 1.11: the formula as it stands
def snr(estimate, target):
    return 10 * torch.log10((target**2).sum(-1) / ((estimate - target) ** 2).sum(-1))


# right 1.11: another epsilon
def snr(estimate, target):
    eps = torch.finfo(estimate.dtype).eps
    noise = target - estimate
    return 10 * torch.log10((torch.sum(target**2, dim=-1) + eps) / (torch.sum(noise**2, dim=-1) + eps))


# right 1.11: norms and 20 times the logarithm
def snr(estimate, target):
    noise = torch.linalg.norm(estimate - target, dim=-1)
    return 20 * (torch.linalg.norm(target, dim=-1).clamp_min(1e-10) / noise.clamp_min(1e-10)).log10()


# right 1.11: a difference of levels
def snr(estimate, target):
    level = [10 * torch.log10(x.square().mean(dim=-1) + 1e-10) for x in (target, estimate - target)]
    return level[0] - level[1]


# right 1.11: sums by einsum
def snr(estimate, target):
    error = estimate - target
    energy = torch.einsum("...t,...t->...", target, target), torch.einsum("...t,...t->...", error, error)
    return 10 / torch.log(torch.tensor(10.0)).item() * torch.log((energy[0] + 1e-9) / (energy[1] + 1e-9))


# right 1.12: another epsilon
def si_sdr(estimate, target):
    eps = torch.finfo(estimate.dtype).eps
    target = target - target.mean(dim=-1, keepdim=True)
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    alpha = (torch.sum(estimate * target, -1, keepdim=True) + eps) / (torch.sum(target**2, -1, keepdim=True) + eps)
    scaled = alpha * target
    noise = scaled - estimate
    return 10 * torch.log10((torch.sum(scaled**2, -1) + eps) / (torch.sum(noise**2, -1) + eps))


# right 1.12: a projection on the unit target
def si_sdr(estimate, target):
    e, s = (x - x.mean(-1, keepdim=True) for x in (estimate, target))
    unit = torch.nn.functional.normalize(s, dim=-1)
    along = torch.einsum("...t,...t->...", e, unit)
    rest = e - along[..., None] * unit
    return 20 * torch.log10(along.abs().clamp_min(1e-10) / rest.norm(dim=-1).clamp_min(1e-10))


# right 1.12: by the correlation, in double precision
def si_sdr(estimate, target):
    e, s = (x.double() - x.double().mean(dim=-1, keepdim=True) for x in (estimate, target))
    energy = (e.square().sum(dim=-1) * s.square().sum(dim=-1)).clamp_min(1e-30)
    share = ((e * s).sum(dim=-1).square() / energy).clamp(1e-12, 1 - 1e-12)
    return (10 * torch.log10(share / (1 - share))).to(estimate.dtype)


# right 1.12: the estimate is scaled instead of the target, which comes to the same
def si_sdr(estimate, target):
    estimate = estimate - torch.mean(estimate, -1, True)
    target = target - torch.mean(target, -1, True)
    scaled = (estimate * target).sum(-1, True) / (estimate.pow(2).sum(-1, True) + 1e-12) * estimate
    noise = (target - scaled).pow(2).sum(-1)
    return 10 * ((scaled.pow(2).sum(-1) + 1e-12).log10() - (noise + 1e-12).log10())


# right 1.13: in NumPy
def log_spectral_distance(estimate, target):
    import numpy as np

    log = [np.log10(np.maximum(np.abs(stft(signal).numpy()) ** 2, 1e-10)) for signal in (estimate, target)]
    value = np.mean(np.sqrt(np.mean((log[0] - log[1]) ** 2, axis=-2)), axis=-1)
    return torch.as_tensor(value, dtype=estimate.dtype)


# right 1.13: logarithms of magnitudes
def log_spectral_distance(estimate, target):
    log = [2 * torch.log10(torch.clamp(stft(signal).abs(), min=1e-5)) for signal in (estimate, target)]
    return torch.sqrt(torch.mean((log[0] - log[1]) ** 2, dim=-2)).mean(-1)


# right 1.13: frame by frame
def log_spectral_distance(estimate, target):
    floor = torch.tensor(1e-10, dtype=estimate.dtype)
    power = [torch.maximum(torch.view_as_real(stft(signal)).square().sum(dim=-1), floor) for signal in (estimate, target)]
    difference = (power[0] / power[1]).log10()
    frames = [difference[..., m].square().mean(dim=-1).sqrt() for m in range(difference.shape[-1])]
    return sum(frames) / len(frames)


# right 1.13: through torchaudio's power spectrogram
def log_spectral_distance(estimate, target):
    from torchaudio.transforms import Spectrogram

    power = Spectrogram(n_fft=512, hop_length=128, power=2).to(estimate.dtype)
    log = [power(signal).clamp(min=1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# right 1.13: the power and 1e-10 are added
def log_spectral_distance(estimate, target):
    log = [torch.log10(stft(signal).abs() ** 2 + 1e-10) for signal in (estimate, target)]
    return ((log[0] - log[1]) ** 2).mean(-2).sqrt().mean(-1)
