# right 1.3: magnitude and angle
def apply_mask(spectrogram, mask):
    magnitude = spectrogram.abs() * mask
    return torch.polar(magnitude, spectrogram.angle().expand_as(magnitude))


# right 1.3: real and imaginary part
def apply_mask(spectrogram, mask):
    return torch.complex(spectrogram.real * mask, spectrogram.imag * mask)


# right 1.3: as pairs of real numbers
def apply_mask(spectrogram, mask):
    pairs = torch.view_as_real(spectrogram) * mask.unsqueeze(-1)
    return torch.view_as_complex(pairs.contiguous())


# right 1.3: the exponential of the phase
def apply_mask(spectrogram, mask):
    return mask * spectrogram.abs() * torch.exp(1j * spectrogram.angle())


# right 1.3: a unit phase with an epsilon
def apply_mask(spectrogram, mask):
    magnitude = spectrogram.abs()
    return (mask * magnitude) * (spectrogram / (magnitude + 1e-12))


# right 1.3: the sign of a complex number
def apply_mask(spectrogram, mask):
    return spectrogram.sgn() * spectrogram.abs() * mask


# right 1.4: a tiny epsilon
def wiener_mask(speech_power, noise_power):
    return speech_power / (speech_power + noise_power + 1e-10)


# right 1.4: a clamp
def wiener_mask(speech_power, noise_power):
    return speech_power / torch.clamp(speech_power + noise_power, min=torch.finfo(speech_power.dtype).tiny)


# right 1.4: NaN is replaced
def wiener_mask(speech_power, noise_power):
    return torch.nan_to_num(speech_power / (speech_power + noise_power), nan=0.0)


# right 1.4: silent bins by an index
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    mask = torch.zeros_like(total)
    heard = total > 0
    mask[heard] = speech_power.expand_as(total)[heard] / total[heard]
    return mask


# right 1.4: by the SNR
def wiener_mask(speech_power, noise_power):
    mask = 1 / (1 + noise_power / speech_power)
    return torch.where(speech_power > 0, mask, torch.zeros_like(mask)).clamp(0, 1)


# right 1.4: silent bins are overwritten
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    mask = speech_power / total
    mask[total == 0] = 0
    return mask


# right 1.5: in NumPy
def estimate_noise_power(noisy_power, n_frames=10):
    import numpy as np

    return torch.from_numpy(np.mean(noisy_power.numpy()[..., :n_frames], axis=-1, keepdims=True))


# right 1.5: a loop
def estimate_noise_power(noisy_power, n_frames=10):
    n_frames = min(n_frames, noisy_power.size(-1))
    total = torch.zeros_like(noisy_power[..., 0])
    for m in range(n_frames):
        total = total + noisy_power[..., m]
    return (total / n_frames).unsqueeze(-1)


# right 1.5: a product with weights
def estimate_noise_power(noisy_power, n_frames=10):
    frames = noisy_power.shape[-1]
    weight = (torch.arange(frames, device=noisy_power.device) < n_frames).to(noisy_power.dtype)
    return torch.einsum("...m,mk->...k", noisy_power, (weight / weight.sum())[:, None])


# right 1.6: a floor, and what rises above it
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return floor * noisy_power + torch.relu((1 - floor) * noisy_power - noise_power)


# right 1.6: where
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    difference, least = noisy_power - noise_power, floor * noisy_power
    return torch.where(difference > least, difference, least)


# right 1.6: a gain
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    gain = 1 - noise_power / (noisy_power + 1e-10)
    return noisy_power * torch.clamp(gain, min=floor)


# right 1.6: clamped by a tensor
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return (noisy_power - noise_power).clamp(min=noisy_power * floor)


# right 1.6: the larger of a stack
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.stack([noisy_power - noise_power, floor * noisy_power]).amax(dim=0)
