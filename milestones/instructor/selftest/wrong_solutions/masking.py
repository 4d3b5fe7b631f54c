# wrong 1.3: the magnitude alone is returned; symptom: complex
def apply_mask(spectrogram, mask):
    return spectrogram.abs() * mask


# wrong 1.3: only the real part is masked; symptom: magnitude
def apply_mask(spectrogram, mask):
    return torch.complex(spectrogram.real * mask, spectrogram.imag.expand((spectrogram.real * mask).shape).clone())


# wrong 1.3: the mask is applied twice; symptom: mask \* magnitude
def apply_mask(spectrogram, mask):
    return torch.polar(mask**2 * spectrogram.abs(), spectrogram.angle().expand((mask * spectrogram.abs()).shape))


# wrong 1.3: the mask is taken for one of powers; symptom: mask \* magnitude
def apply_mask(spectrogram, mask):
    return spectrogram * mask.sqrt()


# wrong 1.3: the phase is scaled too; symptom: phase
def apply_mask(spectrogram, mask):
    return torch.polar(mask * spectrogram.abs(), mask * spectrogram.angle())


# wrong 1.3: the phase is set to zero; symptom: phase
def apply_mask(spectrogram, mask):
    return (mask * spectrogram.abs()).to(spectrogram.dtype)


# wrong 1.3: the mask is detached; symptom: detached|does not require grad
def apply_mask(spectrogram, mask):
    return spectrogram * mask.detach()


# wrong 1.3: in NumPy; symptom: NumPy
def apply_mask(spectrogram, mask):
    return torch.from_numpy(spectrogram.numpy() * mask.numpy())


# wrong 1.3: in place; symptom: an input was changed|in-place
def apply_mask(spectrogram, mask):
    spectrogram *= mask
    return spectrogram


# wrong 1.3: silent bins become NaN; symptom: NaN
def apply_mask(spectrogram, mask):
    magnitude = spectrogram.abs()
    return mask * magnitude * (spectrogram / magnitude)


# wrong 1.3: the phase by arctan of a quotient; symptom: phase
def apply_mask(spectrogram, mask):
    phase = torch.atan(spectrogram.imag / (spectrogram.real + 1e-12))
    return mask * spectrogram.abs() * torch.exp(1j * phase)


# wrong 1.3: the mask must have the very shape; symptom: broadcast|shape
def apply_mask(spectrogram, mask):
    return spectrogram * mask.reshape(spectrogram.shape)


# wrong 1.3: a batch of masks of the same dimensions is expected; symptom: broadcast
def apply_mask(spectrogram, mask):
    if mask.dim() != spectrogram.dim():
        raise ValueError("mask: expected as many dimensions as the spectrogram")
    return spectrogram * mask


# wrong 1.3: the mask is clamped; symptom: clamp
def apply_mask(spectrogram, mask):
    return spectrogram * mask.clamp(0.05, 1.0)


# wrong 1.3: the mask is made binary; symptom: mask \* magnitude
def apply_mask(spectrogram, mask):
    return spectrogram * (mask + (mask > 0.5) - mask.detach())


# wrong 1.3: single precision always; symptom: complex64
def apply_mask(spectrogram, mask):
    return (spectrogram * mask).to(torch.complex64)


# wrong 1.3: constants on the CPU; symptom: device
def apply_mask(spectrogram, mask):
    return torch.polar(spectrogram.abs() * mask, spectrogram.angle() + torch.zeros(spectrogram.shape, dtype=mask.dtype))


# wrong 1.4: the square root; symptom: square root
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    return (speech_power / torch.where(total > 0, total, 1)).sqrt()


# wrong 1.4: powers are squared once more; symptom: taken as magnitudes
def wiener_mask(speech_power, noise_power):
    total = speech_power**2 + noise_power**2
    return speech_power**2 / torch.where(total > 0, total, 1)


# wrong 1.4: the noise's share; symptom: got \[0\.1|got \[0\.09
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    return noise_power / torch.where(total > 0, total, 1)


# wrong 1.4: speech over noise; symptom: got \[9|got \[1\.0, 1
def wiener_mask(speech_power, noise_power):
    return (speech_power / (noise_power + 1e-12)).clamp(max=1)


# wrong 1.4: silence gives NaN; symptom: NaN
def wiener_mask(speech_power, noise_power):
    return speech_power / (speech_power + noise_power)


# wrong 1.4: silence gives one; symptom: expected 0
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    return torch.where(total > 0, speech_power / total, torch.ones_like(total))


# wrong 1.4: silence gives a half; symptom: expected 0
def wiener_mask(speech_power, noise_power):
    return (speech_power + 1e-12) / (speech_power + noise_power + 2e-12)


# wrong 1.4: a large epsilon; symptom: 1e-5|got
def wiener_mask(speech_power, noise_power):
    return speech_power / (speech_power + noise_power + 1e-3)


# wrong 1.4: an epsilon of 1e-7; symptom: 1e-5|got
def wiener_mask(speech_power, noise_power):
    return speech_power / (speech_power + noise_power + 1e-7)


# wrong 1.4: by an SNR that is infinite without noise; symptom: without noise|noise is silent
def wiener_mask(speech_power, noise_power):
    snr = torch.where(speech_power > 0, speech_power / noise_power, 0)
    return snr / (1 + snr)


# wrong 1.4: silence is looked for in the whole spectrum only; symptom: bin by bin
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    return torch.where(total.sum() > 0, speech_power / total, torch.zeros_like(total))


# wrong 1.4: never below a floor; symptom: clamped|expected 0|got
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    return torch.where(total > 0, speech_power / total, 0).clamp(0.01, 1) * (speech_power > 0)


# wrong 1.4: the shapes must agree; symptom: broadcast
def wiener_mask(speech_power, noise_power):
    if speech_power.shape != noise_power.shape:
        raise ValueError("noise_power: expected the shape of speech_power")
    total = speech_power + noise_power
    return speech_power / torch.where(total > 0, total, 1)


# wrong 1.4: in NumPy; symptom: NumPy
def wiener_mask(speech_power, noise_power):
    import numpy as np

    speech, noise = speech_power.numpy(), noise_power.numpy()
    total = speech + noise
    return torch.from_numpy(np.where(total > 0, speech / np.where(total > 0, total, 1), 0).astype(speech.dtype))


# wrong 1.4: ones are made on the CPU; symptom: tensor made without device
def wiener_mask(speech_power, noise_power):
    total = speech_power + noise_power
    return speech_power / torch.where(total > 0, total, torch.ones(total.shape, dtype=total.dtype))


# wrong 1.4: single precision always; symptom: float32
def wiener_mask(speech_power, noise_power):
    total = (speech_power + noise_power).float()
    return speech_power.float() / torch.where(total > 0, total, 1)


# wrong 1.4: in place; symptom: an input was changed
def wiener_mask(speech_power, noise_power):
    noise_power += speech_power
    return speech_power / torch.where(noise_power > 0, noise_power, 1)


# wrong 1.5: always ten frames; symptom: n_frames
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :10].mean(dim=-1, keepdim=True)


# wrong 1.5: the frames' dimension is lost; symptom: dimension stays
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].mean(dim=-1)


# wrong 1.5: the median; symptom: not the mean
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].median(dim=-1, keepdim=True).values


# wrong 1.5: the minimum; symptom: not the mean
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].amin(dim=-1, keepdim=True)


# wrong 1.5: the mean of the magnitudes, squared; symptom: not the mean
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].sqrt().mean(dim=-1, keepdim=True).square()


# wrong 1.5: the last frames; symptom: first 10 frames
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., -n_frames:].mean(dim=-1, keepdim=True)


# wrong 1.5: all frames; symptom: first 10 frames
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power.mean(dim=-1, keepdim=True)


# wrong 1.5: one frame too many; symptom: first 10 frames
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., : n_frames + 1].mean(dim=-1, keepdim=True)


# wrong 1.5: divided by n_frames where there are fewer; symptom: frames there are
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].sum(dim=-1, keepdim=True) / n_frames


# wrong 1.5: frequencies are averaged, not frames; symptom: got \(2, 1, 1, 30\)
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames, :].mean(dim=-2, keepdim=True)


# wrong 1.5: the batch is averaged too; symptom: got \(1, 1, 257, 1\)|not the mean
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].mean(dim=tuple(d for d in range(noisy_power.dim()) if d != noisy_power.dim() - 2), keepdim=True)


# wrong 1.5: repeated for every frame; symptom: size 1
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].mean(dim=-1, keepdim=True).expand_as(noisy_power).clone()


# wrong 1.5: fewer frames than asked for are refused; symptom: ValueError
_estimate = estimate_noise_power


def estimate_noise_power(noisy_power, n_frames=10):
    if noisy_power.shape[-1] < n_frames:
        raise ValueError("noisy_power: too few frames")
    return _estimate(noisy_power, n_frames)


# wrong 1.5: single precision always; symptom: float64
def estimate_noise_power(noisy_power, n_frames=10):
    return noisy_power[..., :n_frames].float().mean(dim=-1, keepdim=True)


# wrong 1.5: summed up within the input; symptom: in place
def estimate_noise_power(noisy_power, n_frames=10):
    n_frames = min(n_frames, noisy_power.shape[-1])
    result = noisy_power[..., :1].clone()
    for m in range(1, n_frames):
        result += noisy_power[..., m : m + 1]
    noisy_power[..., :1] = result / n_frames
    return result / n_frames


# wrong 1.6: the floor is a number, not a share; symptom: a power itself
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return (noisy_power - noise_power).clamp_min(floor)


# wrong 1.6: the floor is a share of the noise; symptom: share of the noise
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.maximum(noisy_power - noise_power, floor * noise_power)


# wrong 1.6: no floor; symptom: floor
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return (noisy_power - noise_power).clamp_min(0)


# wrong 1.6: the floor holds for negative differences only; symptom: expected \[7, 0.4
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    difference = noisy_power - noise_power
    return torch.where(difference > 0, difference, floor * noisy_power)


# wrong 1.6: another default; symptom: floor 0.01
def spectral_subtraction(noisy_power, noise_power, floor=0.1):
    return torch.maximum(noisy_power - noise_power, floor * noisy_power)


# wrong 1.6: the floor is not used; symptom: expected \[7, 0.4
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.maximum(noisy_power - noise_power, 0.01 * noisy_power)


# wrong 1.6: the floor is squared; symptom: expected \[7, 0.4
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.maximum(noisy_power - noise_power, floor**2 * noisy_power)


# wrong 1.6: magnitudes are subtracted; symptom: expected \[7
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    magnitude = torch.maximum(noisy_power.sqrt() - noise_power.sqrt(), torch.zeros_like(noisy_power))
    return torch.maximum(magnitude.square(), floor * noisy_power)


# wrong 1.6: the gain is returned; symptom: expected \[7
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return (1 - noise_power / noisy_power).clamp_min(floor)


# wrong 1.6: silence gives NaN; symptom: NaN
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return noisy_power * (1 - noise_power / noisy_power).clamp_min(floor)


# wrong 1.6: the noise is subtracted twice; symptom: expected \[7
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.maximum(noisy_power - 2 * noise_power, floor * noisy_power)


# wrong 1.6: the absolute difference; symptom: expected \[7
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.maximum((noisy_power - noise_power).abs(), floor * noisy_power)


# wrong 1.6: in place; symptom: an input was changed
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    least = floor * noisy_power
    noisy_power -= noise_power
    return torch.maximum(noisy_power, least)


# wrong 1.6: single precision always; symptom: float32
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    return torch.maximum(noisy_power - noise_power, floor * noisy_power).float()


# wrong 1.6: in NumPy; symptom: NumPy
def spectral_subtraction(noisy_power, noise_power, floor=0.01):
    import numpy as np

    noisy, noise = noisy_power.numpy(), noise_power.numpy()
    return torch.from_numpy(np.maximum(noisy - noise, floor * noisy).astype(noisy.dtype))
