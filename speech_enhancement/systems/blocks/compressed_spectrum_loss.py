"""The loss of dual-path masking: compressed spectra before and after the inverse transform, and SI-SDR.

For a compressed spectrum E and its target S, with w = 2 where |E| < |S| and 1 elsewhere,

    L(E) = 15 mean(w (|E| - |S|)^2) / 1.3  +  7.5 mean(w |E - S|^2) / 1.3

and in all  L(estimate) + L(consistent) - 0.3 SI-SDR.  "Estimate" is what the network has made, "consistent" the
spectrum that its waveform really has. Compression, and magnitudes beside complex values: Braun and Tashev, "A
consolidated view of loss functions for supervised deep learning-based speech enhancement", TSP 2021, equation 6.
Consistency: Wisdom et al., "Differentiable consistency constraints for improved deep speech enhancement", ICASSP 2019.
Speech that is taken away counts twice: Rika et al., "DPDFNet", 2025, equations 8 and 9. The division by 1.3 keeps the
loss near its size without w.
"""

import torch
from torch import Tensor

MAGNITUDE_WEIGHT, COMPLEX_WEIGHT, SI_SDR_WEIGHT = 15.0, 7.5, 0.3
TAKEN_AWAY = 2.0
_SCALE = 1.3
_HIGHEST_SI_SDR = 30.0
_SILENCE = 1e-8
"""Power below which a target has no speech, so that no ratio to it can be formed."""


def compressed_spectrum_loss(
    estimate: Tensor, consistent: Tensor, target: Tensor, waveform: Tensor, clean: Tensor
) -> Tensor:
    """Compute the loss of a batch.

    Args:
        estimate, consistent, target: compressed spectra, complex `(batch, freq, frames)`.
        waveform, clean: enhanced and clean waveforms, `(batch, time)`.

    Returns:
        A scalar.
    """
    spectral = _spectral_loss(estimate, target) + _spectral_loss(consistent, target)
    has_speech = clean.square().mean(-1) > _SILENCE
    ratios = si_sdr(waveform, clean)[has_speech].clamp(max=_HIGHEST_SI_SDR)
    return spectral - SI_SDR_WEIGHT * ratios.sum() / has_speech.sum().clamp_min(1)


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Compute the scale-invariant ratio of signal to distortion in dB, finite for silence: `(..., time)` -> `(...)`.

    The package's own `metrics.si_sdr` is written by students, and a system that ships must not depend on it.
    """
    scale = (estimate * target).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + 1e-7)
    wanted = scale * target
    return 10 * torch.log10((wanted.square().sum(-1) + 1e-6) / ((estimate - wanted).square().sum(-1) + 1e-6))


def _spectral_loss(spectrum: Tensor, target: Tensor) -> Tensor:
    magnitude, wanted = spectrum.abs().clamp_min(1e-6), target.abs().clamp_min(1e-6)
    weights = torch.where(magnitude < wanted, TAKEN_AWAY, 1.0) / _SCALE
    of_magnitudes = (weights * (magnitude - wanted).square()).mean()
    of_values = (weights * torch.view_as_real(spectrum - target).square().sum(-1)).mean()
    return MAGNITUDE_WEIGHT * of_magnitudes + COMPLEX_WEIGHT * of_values
