"""Measures of an estimate against its target, in the waveform and in the spectrum."""

import torch
from torch import Tensor

from speech_enhancement.stft import stft


def snr(estimate: Tensor, target: Tensor) -> Tensor:
    """Task 1.11. Signal-to-noise ratio: everything that differs from the target is noise.

        SNR = 10 * log10( sum_n s[n]^2 / sum_n (e[n] - s[n])^2 )

    Source: Loizou, "Speech Enhancement: Theory and Practice", 2nd edition, CRC Press 2013, section 11.1.

    Args:
        estimate: shape `(..., time)`.
        target: clean signal s, of the same shape.

    Returns:
        Ratio in dB, shape `(...)`, differentiable. A perfect estimate of a target that is not silent gives inf or more
        than 60 dB. It is never NaN: silence against silence may give any other value. The error stays under 0.05 dB for
        signals with an RMS of 1e-3 and more.
    """
    ### BEGIN SOLUTION
    signal = target.square().sum(dim=-1)
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((signal + 1e-12) / (noise + 1e-20))
    ### END SOLUTION


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Task 1.12. Scale-invariant signal-to-distortion ratio.

    Both signals are first made zero-mean. The target is then scaled to come nearest to the estimate, so that a change
    of volume does not count as distortion:

        SI-SDR = 10 * log10( ||a s||^2 / ||e - a s||^2 ),    a = <e, s> / ||s||^2

    Source: Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", ICASSP 2019, equation 5.

    Args:
        estimate: shape `(..., time)`.
        target: clean signal s, of the same shape.

    Returns:
        Ratio in dB, shape `(...)`, differentiable. A perfect estimate of a target that is not silent gives inf or more
        than 60 dB. It is never NaN: a silent estimate, target or both may give any other value. The error stays under
        0.05 dB for signals with an RMS of 1e-3 and more.
    """
    ### BEGIN SOLUTION
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    scale = (estimate * target).sum(dim=-1, keepdim=True) / (target.square().sum(dim=-1, keepdim=True) + 1e-20)
    projection = scale * target
    distortion = estimate - projection
    return 10 * torch.log10((projection.square().sum(dim=-1) + 1e-28) / (distortion.square().sum(dim=-1) + 1e-20))
    ### END SOLUTION


def log_spectral_distance(estimate: Tensor, target: Tensor) -> Tensor:
    """Task 1.13. Distance of the log power spectra of two waveforms.

        LSD = mean_m sqrt( mean_k (log10 max(|E[k, m]|^2, 1e-10) - log10 max(|S[k, m]|^2, 1e-10))^2 )

    with E and S the results of task 1.1 at its default sizes: the RMS over frequency, then the mean over frames. There
    is no factor 10: the unit is a factor of ten in power.

    Source: Gray and Markel, "Distance measures for speech processing", IEEE Trans. ASSP 24(5), 1976, in the form of
    Kuleshov, Enam and Ermon, "Audio super-resolution using neural nets", ICLR workshop 2017.

    Args:
        estimate: shape `(..., time)`.
        target: clean signal, of the same shape.

    Returns:
        Distance, shape `(...)`; 0 for equal signals, including silence against silence.
    """
    ### BEGIN SOLUTION
    log_power = [stft(signal).abs().square().clamp_min(1e-10).log10() for signal in (estimate, target)]
    difference = log_power[0] - log_power[1]  # (..., freq, frames)
    return torch.linalg.vector_norm(difference, dim=-2).mean(dim=-1) / difference.shape[-2] ** 0.5
    ### END SOLUTION


def weighted_sdr(estimate: Tensor, target: Tensor, noisy: Tensor) -> Tensor:
    """Weighted source-to-distortion ratio of the speech and of the noise that was removed.

        wSDR = a * <e, s> / (||e|| ||s||) + (1 - a) * <y - e, y - s> / (||y - e|| ||y - s||)
        a = ||s||^2 / (||s||^2 + ||y - s||^2)

    Source: Choi et al., "Phase-aware speech enhancement with deep complex U-Net", ICLR 2019, equation 7 (there the
    negative, a loss).

    Args:
        estimate, target, noisy: e, s and y, shape `(..., time)`.

    Returns:
        Value in [-1, 1], shape `(...)`; 1 for a perfect estimate.
    """

    def cosine(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(dim=-1) / (a.norm(dim=-1) * b.norm(dim=-1)).clamp_min(1e-12)

    noise = noisy - target
    speech_energy, noise_energy = (signal.square().sum(dim=-1) for signal in (target, noise))
    weight = speech_energy / (speech_energy + noise_energy).clamp_min(1e-12)
    return weight * cosine(estimate, target) + (1 - weight) * cosine(noisy - estimate, noise)
