"""Spectral subtraction with a stationary noise estimate: the simplest way to remove noise.

The power of the noise is averaged over the first frames, in which nobody speaks yet, and subtracted from every frame;
values below a floor are raised to it. The noise that is left comes as short random tones, "musical noise". Source:
Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE Trans. ASSP 27(2), 1979, who subtracts
magnitudes; with powers and a floor Berouti, Schwartz and Makhoul, "Enhancement of speech corrupted by acoustic noise",
ICASSP 1979. Their floor is a share of the noise power, the one here of the noisy power.
"""

from torch import Tensor

from speech_enhancement.masking import apply_mask, estimate_noise_power, spectral_subtraction
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System


def subtraction_gain(noisy_power: Tensor) -> Tensor:
    """Compute the gain for a power `(..., freq, frames)`: the same shape, 0.1 to 1, or 0 where there is no power."""
    speech_power = spectral_subtraction(noisy_power, estimate_noise_power(noisy_power))
    return (speech_power / noisy_power.clamp_min(1e-12)).sqrt()


def subtract_noise(noisy: Tensor) -> Tensor:
    """Noisy waveform `(..., time)` -> enhanced waveform of the same shape."""
    spectrogram = stft(noisy)
    gain = subtraction_gain(spectrogram.abs().square())
    return istft(apply_mask(spectrogram, gain), length=noisy.shape[-1])


class SpectralSubtraction(System):
    """`subtract_noise` as a system; every sample depends on the first frames, which the noise is estimated from.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "spectral subtraction"

    def forward(self, noisy: Tensor) -> Tensor:
        return subtract_noise(noisy)
