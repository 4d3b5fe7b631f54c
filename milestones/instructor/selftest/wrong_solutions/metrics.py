# wrong 1.11: amplitudes are taken for powers; symptom: amplitudes
def snr(estimate, target):
    return 10 * torch.log10(target.norm(dim=-1) / (estimate - target).norm(dim=-1).clamp_min(1e-12))


# wrong 1.11: upside down; symptom: upside down
def snr(estimate, target):
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((noise + 1e-20) / (target.square().sum(dim=-1) + 1e-12))


# wrong 1.11: the natural logarithm; symptom: got
def snr(estimate, target):
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log((target.square().sum(dim=-1) + 1e-12) / (noise + 1e-20))


# wrong 1.11: 20 times the logarithm of powers; symptom: got
def snr(estimate, target):
    noise = (estimate - target).square().sum(dim=-1)
    return 20 * torch.log10((target.square().sum(dim=-1) + 1e-12) / (noise + 1e-20))


# wrong 1.11: not in dB; symptom: got
def snr(estimate, target):
    return target.square().sum(dim=-1) / (estimate - target).square().sum(dim=-1).clamp_min(1e-20)


# wrong 1.11: the estimate's power over the noise's; symptom: got
def snr(estimate, target):
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((estimate.square().sum(dim=-1) + 1e-12) / (noise + 1e-20))


# wrong 1.11: means are removed; symptom: means
def snr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((target.square().sum(dim=-1) + 1e-12) / (noise + 1e-20))


# wrong 1.11: one value for the batch; symptom: only time
def snr(estimate, target):
    noise = (estimate - target).square().sum()
    return 10 * torch.log10((target.square().sum() + 1e-12) / (noise + 1e-20))


# wrong 1.11: channels are summed too; symptom: only time
def snr(estimate, target):
    noise = (estimate - target).square().flatten(1).sum(dim=-1)
    return 10 * torch.log10((target.square().flatten(1).sum(dim=-1) + 1e-12) / (noise + 1e-20))


# wrong 1.11: the time dimension stays; symptom: only time
def snr(estimate, target):
    noise = (estimate - target).square().sum(dim=-1, keepdim=True)
    return 10 * torch.log10((target.square().sum(dim=-1, keepdim=True) + 1e-12) / (noise + 1e-20))


# wrong 1.11: a large epsilon; symptom: epsilon
def snr(estimate, target):
    noise = (estimate - target).square().mean(dim=-1)
    return 10 * torch.log10((target.square().mean(dim=-1) + 1e-8) / (noise + 1e-7))


# wrong 1.11: a perfect estimate gives NaN; symptom: nan
def snr(estimate, target):
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10(target.square().sum(dim=-1)) - 10 * torch.log10(noise) + 0 * torch.log10(noise)


# wrong 1.11: never below 0 dB; symptom: clamp
_snr = snr


def snr(estimate, target):
    return _snr(estimate, target).clamp_min(0)


# wrong 1.11: never above 35 dB; symptom: got|clamp
_snr = snr


def snr(estimate, target):
    return _snr(estimate, target).clamp_max(35)


# wrong 1.11: mean of the SNRs of segments; symptom: got|by itself
_snr = snr


def snr(estimate, target):
    parts = [_snr(e, t) for e, t in zip(estimate.split(500, dim=-1), target.split(500, dim=-1), strict=True)]
    return torch.stack(parts).mean(dim=0)


# wrong 1.11: without gradients; symptom: differentiable
_snr = snr


def snr(estimate, target):
    return _snr(estimate.detach(), target)


# wrong 1.11: a Python number; symptom: only time|shape|stay in torch|AttributeError
_snr = snr


def snr(estimate, target):
    return _snr(estimate, target).mean().item()


# wrong 1.11: in NumPy; symptom: NumPy
def snr(estimate, target):
    import numpy as np

    e, s = estimate.numpy(), target.numpy()
    with np.errstate(divide="ignore"):
        return torch.from_numpy(np.asarray(10 * np.log10((s**2).sum(-1) / ((e - s) ** 2).sum(-1)), dtype=s.dtype))


# wrong 1.11: single precision always; symptom: float32
_snr = snr


def snr(estimate, target):
    return _snr(estimate.float(), target.float())


# wrong 1.11: the error is computed in place; symptom: an input was changed
def snr(estimate, target):
    estimate -= target
    return 10 * torch.log10((target.square().sum(dim=-1) + 1e-12) / (estimate.square().sum(dim=-1) + 1e-20))


# wrong 1.12: the means stay; symptom: mean of the estimate were not removed
def si_sdr(estimate, target):
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    fitted = scale * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: the target keeps its mean; symptom: target as well
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    fitted = scale * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: the estimate keeps its mean; symptom: mean of the estimate were not removed
def si_sdr(estimate, target):
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    fitted = scale * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: one mean for the batch; symptom: by its own
def si_sdr(estimate, target):
    estimate, target = estimate - estimate.mean(), target - target.mean()
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    fitted = scale * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: the target is not scaled; symptom: target were not scaled
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((target.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: the scale divides by the norm, not its square; symptom: divided by
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.norm(dim=-1, keepdim=True) + 1e-20)
    fitted = scale * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: the scale divides by the estimate's energy; symptom: divided by|target were not scaled
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (estimate.square().sum(dim=-1, keepdim=True) + 1e-20)
    fitted = scale * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: both are brought to equal norm; symptom: divided by|got
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    estimate = estimate / (estimate.norm(dim=-1, keepdim=True) + 1e-12)
    target = target / (target.norm(dim=-1, keepdim=True) + 1e-12)
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((target.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: the numerator is the unscaled target; symptom: target were not scaled
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    noise = (estimate - scale * target).square().sum(dim=-1)
    return 10 * torch.log10((target.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: one scale for the whole batch; symptom: its own factor
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    fitted = (estimate * target).sum() / (target.square().sum() + 1e-20) * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: amplitudes are taken for powers; symptom: got
_si_sdr = si_sdr


def si_sdr(estimate, target):
    return _si_sdr(estimate, target) / 2


# wrong 1.12: the natural logarithm; symptom: got
_si_sdr = si_sdr


def si_sdr(estimate, target):
    return _si_sdr(estimate, target) * 2.302585


# wrong 1.12: one value for the batch; symptom: only time
_si_sdr = si_sdr


def si_sdr(estimate, target):
    return _si_sdr(estimate, target).mean()


# wrong 1.12: a loss, with its sign turned; symptom: got
_si_sdr = si_sdr


def si_sdr(estimate, target):
    return -_si_sdr(estimate, target)


# wrong 1.12: a large epsilon; symptom: epsilon
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).mean(dim=-1, keepdim=True) / (target.square().mean(dim=-1, keepdim=True) + 1e-7)
    fitted = scale * target
    noise = (estimate - fitted).square().mean(dim=-1)
    return 10 * torch.log10((fitted.square().mean(dim=-1) + 1e-7) / (noise + 1e-7))


# wrong 1.12: silence gives NaN; symptom: never NaN
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    fitted = (estimate * target).sum(dim=-1, keepdim=True) / target.square().sum(dim=-1, keepdim=True) * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10(fitted.square().sum(dim=-1) / noise)


# wrong 1.12: the scale has no gradient and the estimate is detached in it; symptom: through the scale
def si_sdr(estimate, target):
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    fitted = scale.detach() * target
    noise = (estimate - fitted).square().sum(dim=-1)
    return 10 * torch.log10((fitted.square().sum(dim=-1) + 1e-28) / (noise + 1e-20))


# wrong 1.12: in NumPy; symptom: NumPy
_si_sdr = si_sdr


def si_sdr(estimate, target):
    return _si_sdr(torch.from_numpy(estimate.numpy()), torch.from_numpy(target.numpy()))


# wrong 1.12: means are removed in place; symptom: an input was changed
_si_sdr = si_sdr


def si_sdr(estimate, target):
    estimate -= estimate.mean(dim=-1, keepdim=True)
    target -= target.mean(dim=-1, keepdim=True)
    return _si_sdr(estimate, target)


# wrong 1.12: single precision always; symptom: float32
_si_sdr = si_sdr


def si_sdr(estimate, target):
    return _si_sdr(estimate.float(), target.float())


# wrong 1.13: magnitudes, not powers; symptom: magnitude
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().clamp_min(1e-5).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: a factor of 10; symptom: factor of 10
def log_spectral_distance(estimate, target):
    log = [10 * stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: the natural logarithm; symptom: natural
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-10).log() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: the RMS is taken over frames too; symptom: or over both
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=(-2, -1)).sqrt()


# wrong 1.13: frequency and frames are exchanged; symptom: the last dimension, instead of over frequency
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-1).sqrt().mean(dim=-1)


# wrong 1.13: no root; symptom: got
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).mean(dim=-1)


# wrong 1.13: absolute values instead of squares; symptom: absolute values
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).abs().mean(dim=(-2, -1))


# wrong 1.13: no floor under the power; symptom: above 1e-10
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: the floor is under the magnitude; symptom: not the magnitude
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().clamp_min(1e-10).square().clamp_min(1e-30).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: a floor of 1e-8; symptom: 1e-10
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-8).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: a floor of 1e-5; symptom: got|1e-10
def log_spectral_distance(estimate, target):
    log = [(stft(signal).abs().square() + 1e-5).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: pauses are left out; symptom: silent
def log_spectral_distance(estimate, target):
    power = [stft(signal).abs().square() for signal in (estimate, target)]
    heard = (power[0] > 1e-10) & (power[1] > 1e-10)
    difference = torch.where(heard, power[0].clamp_min(1e-10).log10() - power[1].clamp_min(1e-10).log10(), 0)
    return difference.square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: one value for the batch; symptom: shape
_distance = log_spectral_distance


def log_spectral_distance(estimate, target):
    return _distance(estimate, target).mean()


# wrong 1.13: sums over frequency instead of means; symptom: got
def log_spectral_distance(estimate, target):
    log = [stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).norm(dim=-2).mean(dim=-1)


# wrong 1.13: other sizes of the transform; symptom: default sizes
def log_spectral_distance(estimate, target):
    log = [stft(signal, 1024, 256).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (log[0] - log[1]).square().mean(dim=-2).sqrt().mean(dim=-1)


# wrong 1.13: signals are normalised first; symptom: got 0
_distance = log_spectral_distance


def log_spectral_distance(estimate, target):
    estimate = estimate / estimate.abs().amax(dim=-1, keepdim=True).clamp_min(1e-9)
    return _distance(estimate, target / target.abs().amax(dim=-1, keepdim=True).clamp_min(1e-9))


# wrong 1.13: single precision always; symptom: float64
_distance = log_spectral_distance


def log_spectral_distance(estimate, target):
    return _distance(estimate.float(), target.float())


# wrong 1.13: the difference of logarithms of the ratio of mean powers; symptom: got|by itself|own distance
def log_spectral_distance(estimate, target):
    power = [stft(signal).abs().square().mean(dim=-1).clamp_min(1e-10).log10() for signal in (estimate, target)]
    return (power[0] - power[1]).square().mean(dim=-1).sqrt()
