"""Cepstral smoothing of the gain: it removes lonely peaks, the musical noise, and keeps onsets and harmonics.

Spectral subtraction opens at random wherever the noise exceeds its mean for a moment, and each lonely open bin is heard
as a short tone. Averaging the gain over time would hide these tones but blur every onset too. The cepstrum of the gain,
which is the Fourier transform of its logarithm over frequency, separates what the spectrum mixes:

    c[q, m] = inverse DFT of log G[k, m] over k                                 q: quefrency, in samples

Low q hold the broad shape (formants, onsets and pauses). The q at and near the pitch period hold the comb of harmonics.
All other q hold fine structure that changes from bin to bin: speech has none of it, and lonely bins consist mostly of
it. Each is averaged over time with a constant of its own, and the gain is put together again:

    c'[q, m] = b[q, m] * c'[q, m - 1] + (1 - b[q, m]) * c[q, m]
    b = 0 for q < 8 (0.5 ms),    0.4 at the pitch period,    0.8 elsewhere
    G'[k, m] = exp(DFT of c'[q, m] over q)

The pitch period is the q between 2 ms and 14 ms (500 to 70 Hz) at which the frame's own c is highest, together with one
quefrency on either side. In a frame without voice this frees three of 257 coefficients, which does no harm. The mean of
a logarithm is below the logarithm of the mean, so that noise falls lower than without smoothing.

Source: Breithaupt, Gerkmann and Martin, "Cepstral smoothing of spectral filter gains for speech enhancement without
musical noise", IEEE Signal Processing Letters 14(12), 2007. The paper smooths any gain; here it is that of
`spectral_subtraction`, which needs it most. The paper's table of constants was not at hand: the three constants and the
limits are ours, chosen for a hop of 8 ms.
"""

import torch
from torch import Tensor

from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.spectral_subtraction import subtraction_gain
from speech_enhancement.systems.system import System

SHORTEST_PERIOD = 32
LONGEST_PERIOD = 228
"""Samples at 16 kHz: 500 and 70 Hz."""

LOWEST_GAIN = 0.01
"""Digital silence has the gain zero, which has no logarithm."""


def cepstrum(gain: Tensor) -> Tensor:
    """Compute the cepstrum of positive gains: `(..., freq, frames)` -> `(..., quefrency, frames)`.

    There are as many quefrencies as frequencies; the other half of the cepstrum mirrors them.
    """
    return torch.fft.irfft(gain.log(), dim=-2)[..., : gain.shape[-2], :]


def gain_of_cepstrum(coefficients: Tensor) -> Tensor:
    """Compute the gain that has a given cepstrum, the inverse of `cepstrum`."""
    mirrored = coefficients[..., 1:-1, :].flip(-2)
    return torch.fft.rfft(torch.cat([coefficients, mirrored], dim=-2), dim=-2).real.exp()


def pitch_period(coefficients: Tensor) -> Tensor:
    """Find the quefrency of the highest coefficient in the range of pitch, `(..., 1, frames)`."""
    return coefficients[..., SHORTEST_PERIOD : LONGEST_PERIOD + 1, :].argmax(dim=-2, keepdim=True) + SHORTEST_PERIOD


class CepstralSmoothing(System):
    """Spectral subtraction whose gain is smoothed over time in the cepstrum; every frame depends on those before.

    Args:
        memory: b, the share of the frame before, except at low quefrencies and at the pitch period.
        pitch_memory: b at the pitch period.
        envelope_memory: b at low quefrencies.
        envelope_size: number of low quefrencies.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "cepstral smoothing"

    def __init__(
        self, memory: float = 0.8, pitch_memory: float = 0.4, envelope_memory: float = 0.0, envelope_size: int = 8
    ):
        super().__init__()
        self.memory = memory
        self.pitch_memory = pitch_memory
        self.envelope_memory = envelope_memory
        self.envelope_size = envelope_size

    def forward(self, noisy: Tensor) -> Tensor:
        spectrogram = stft(noisy)
        gain = self.smooth(subtraction_gain(spectrogram.abs().square()))
        return istft(apply_mask(spectrogram, gain), length=noisy.shape[-1])

    def smooth(self, gain: Tensor) -> Tensor:
        """Smooth gains `(..., freq, frames)`; the result has the same shape and is at most 1."""
        coefficients = cepstrum(gain.clamp_min(LOWEST_GAIN))
        quefrency = torch.arange(coefficients.shape[-2], device=gain.device).unsqueeze(-1)
        is_pitch = (quefrency - pitch_period(coefficients)).abs() <= 1  # (..., quefrency, frames)
        memory = torch.full_like(coefficients, self.memory).masked_fill(is_pitch, self.pitch_memory)
        memory[..., : self.envelope_size, :] = self.envelope_memory
        smoothed = coefficients[..., 0]
        frames = []
        for coefficient, kept in zip(coefficients.unbind(-1), memory.unbind(-1), strict=True):
            smoothed = torch.lerp(coefficient, smoothed, kept)
            frames.append(smoothed)
        return gain_of_cepstrum(torch.stack(frames, dim=-1)).clamp_max(1)
