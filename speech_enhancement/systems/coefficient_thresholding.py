"""Coefficient thresholding: small coefficients of the spectrogram count as noise; it also makes data to train on.

Speech occupies few, large coefficients of the short-time Fourier transform; noise is in all of them. So each
coefficient Y is judged by its magnitude alone, and its phase stays:

    hard    S = Y                             where |Y| > t, else 0
    soft    S = Y * max(1 - t / |Y|, 0)

The hard rule keeps loud parts as they are but jumps at t; the soft rule is continuous but takes t from everything. Both
leave single coefficients that noise raised above t, the musical noise; `block_thresholding` judges neighbours together
to avoid it. The threshold is the universal one. Among n values of noise of power N, whose |Y|^2 is exponentially
distributed, the largest is near N log n, hence

    t[k]^2 = N[k] log n,    n = number of frequencies and frames

Hardly any noise exceeds t, and much speech does not either: for 10 s, t is 11 dB above the noise. The noise N[k] is
estimated from a quantile over all frames, because more than half of them hold no speech at that frequency; the quantile
at q of an exponential distribution of mean N is -N log(1 - q). Sources: Donoho and Johnstone, "Ideal spatial adaptation
by wavelet shrinkage", Biometrika 81(3), 1994 (universal threshold, hard and soft); Stahl, Fischer and Bippus, "Quantile
based noise estimation for spectral subtraction and Wiener filtering", ICASSP 2000.

**As a corruption.** Thresholding clean speech too strongly makes pairs from which a model can learn to restore.
`zero_small` makes holes, as low-rate coders do. `raise_small` fills every quiet place up to magnitude 1 and keeps its
phase, so that pauses and the gaps between harmonics drown. Both work on spectrograms; `through` applies them to
waveforms.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System


def quantile_noise_power(noisy_power: Tensor, quantile: float = 0.5) -> Tensor:
    """Estimate the noise power, `(..., freq, 1)`, from that of noise and intermittent speech, `(..., freq, frames)`.

    The estimate holds for complex Gaussian noise. At 0 Hz and at half the sample rate, where coefficients are real, it
    is 1.8 dB too low.
    """
    return torch.quantile(noisy_power, quantile, dim=-1, keepdim=True) / -math.log1p(-quantile)


def zero_small(spectrogram: Tensor, threshold: Tensor | float) -> Tensor:
    """Threshold hard: coefficients up to the threshold become zero, the others stay."""
    return apply_mask(spectrogram, spectrogram.abs() > threshold)


def shrink(spectrogram: Tensor, threshold: Tensor | float) -> Tensor:
    """Threshold softly: every magnitude falls by the threshold, at most to zero."""
    magnitude = spectrogram.abs()
    return apply_mask(spectrogram, (magnitude - threshold).clamp_min(0) / magnitude.clamp_min(1e-12))


def raise_small(spectrogram: Tensor, threshold: Tensor | float = 1.0) -> Tensor:
    """Raise coefficients below the threshold, which is at most 1, to magnitude 1; the phase of a zero is 0."""
    raised = torch.polar(torch.ones_like(spectrogram.real), spectrogram.angle())
    return torch.where(spectrogram.abs() < threshold, raised, spectrogram)


def through(change: Callable[[Tensor], Tensor], waveform: Tensor) -> Tensor:
    """Change a waveform `(..., time)` into the one whose spectrogram is nearest to the changed spectrogram."""
    return istft(change(stft(waveform)), length=waveform.shape[-1])


class CoefficientThresholding(System):
    """The universal threshold; through the noise estimate every sample depends on the whole recording.

    Args:
        threshold: `shrink` (soft) or `zero_small` (hard).

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "coefficient thresholding"

    def __init__(self, threshold: Callable[[Tensor, Tensor], Tensor] = shrink):
        super().__init__()
        self.threshold = threshold

    def forward(self, noisy: Tensor) -> Tensor:
        return through(lambda spectrogram: self.threshold(spectrogram, universal_threshold(spectrogram)), noisy)


def universal_threshold(spectrogram: Tensor) -> Tensor:
    """Compute the magnitude that hardly any noise exceeds: `(..., freq, frames)` -> `(..., freq, 1)`."""
    noise_power = quantile_noise_power(spectrogram.abs().square())
    return (noise_power * math.log(spectrogram.shape[-2] * spectrogram.shape[-1])).sqrt()
