"""Coefficient thresholding: what is small in the spectrogram is noise. The same also makes puzzles to train on.

Speech sits in few, large coefficients of the short-time Fourier transform, noise in all. So each coefficient Y is
judged by its magnitude alone, its phase stays:

    hard    S = Y                             where |Y| > t, else 0
    soft    S = Y * max(1 - t / |Y|, 0)

Hard keeps loud parts as they are but jumps at t; soft is continuous but takes t from everything. Both leave single
coefficients that noise lifted over t, musical noise; `block_thresholding` judges neighbours together against that.
The threshold is the universal one: among n values of noise of power N, whose |Y|^2 is exponentially distributed, the
largest is near N log n, hence

    t[k]^2 = N[k] log n,    n = number of frequencies and frames

above which hardly any noise is left, and much speech is not either: for 10 s, 11 dB over the noise. The noise N[k] is
taken from a quantile over all frames, as more than half of them hold no speech at that frequency; the quantile at q
of an exponential distribution of mean N is -N log(1 - q). Sources: Donoho and Johnstone, "Ideal spatial adaptation by
wavelet shrinkage", Biometrika 81(3), 1994 (universal threshold, hard and soft); Stahl, Fischer and Bippus, "Quantile
based noise estimation for spectral subtraction and Wiener filtering", ICASSP 2000.

**As a corruption.** The same two steps, done to clean speech at a threshold that is too high, make pairs from which a
model learns to restore: `zero_small` makes holes, as low-rate coders do, and `raise_small` fills every quiet place up
to magnitude 1 with the phase it has, so that pauses and the room between harmonics drown. Both on spectrograms;
`through` applies them to waveforms."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System


def quantile_noise_power(noisy_power: Tensor, quantile: float = 0.5) -> Tensor:
    """Power `(..., freq, frames)` of noise and speech that comes and goes -> power of the noise, `(..., freq, 1)`.

    For complex Gaussian noise; at 0 Hz and half the sample rate, where coefficients are real, it is 1.8 dB too low.
    """
    return torch.quantile(noisy_power, quantile, dim=-1, keepdim=True) / -math.log1p(-quantile)


def zero_small(spectrogram: Tensor, threshold: Tensor | float) -> Tensor:
    """Hard thresholding: coefficients up to the threshold become zero, the others stay."""
    return apply_mask(spectrogram, spectrogram.abs() > threshold)


def shrink(spectrogram: Tensor, threshold: Tensor | float) -> Tensor:
    """Soft thresholding: every magnitude falls by the threshold, at most to zero."""
    magnitude = spectrogram.abs()
    return apply_mask(spectrogram, (magnitude - threshold).clamp_min(0) / magnitude.clamp_min(1e-12))


def raise_small(spectrogram: Tensor, threshold: Tensor | float = 1.0) -> Tensor:
    """Coefficients under the threshold, which is 1 or less, get magnitude 1; the phase of a zero is 0."""
    raised = torch.polar(torch.ones_like(spectrogram.real), spectrogram.angle())
    return torch.where(spectrogram.abs() < threshold, raised, spectrogram)


def through(change: Callable[[Tensor], Tensor], waveform: Tensor) -> Tensor:
    """Waveform `(..., time)` -> the waveform whose spectrogram comes nearest to the changed one."""
    return istft(change(stft(waveform)), length=waveform.shape[-1])


class CoefficientThresholding(System):
    """The universal threshold; the noise estimate, and so every sample, depends on the whole recording.

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
    """Magnitude that hardly any noise exceeds, `(..., freq, frames)` -> `(..., freq, 1)`."""
    noise_power = quantile_noise_power(spectrogram.abs().square())
    return (noise_power * math.log(spectrogram.shape[-2] * spectrogram.shape[-1])).sqrt()
