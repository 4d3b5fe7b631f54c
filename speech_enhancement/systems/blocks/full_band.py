"""What becomes of a result that ends at 8 kHz, or that was computed channel by channel, by means of its gains."""

import torch
from torch import Tensor

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.systems.blocks.high_band import continue_gains


def with_high_band(noisy: Tensor, heard: Tensor, enhanced: Tensor, sample_rate: int, hop: int) -> Tensor:
    """Add to each channel of a result what its system did not hear, with gains continued from below.

    Args:
        noisy: the recording, `(channels, time)`.
        heard: the part of it below 8 kHz, which the system got.
        enhanced: the system's result.
        sample_rate: Hz.
        hop: distance of frames in samples; windows are four times as long.

    Returns:
        Shape of `noisy`.
    """
    if sample_rate <= SAMPLE_RATE:
        return enhanced
    transform = _Transform(hop, sample_rate, noisy)
    gains = transform.gains(transform(heard), transform(enhanced))
    spectrum = transform(noisy - heard)
    gains = transform.continued(gains, spectrum)
    # Where both overlap, just below 8 kHz, the rest gets the gain that it has at 8 kHz.
    gains[..., : transform.n_low] = gains[..., transform.n_low :][..., :1]
    return enhanced + transform.inverse(gains * spectrum)


def with_common_gains(noisy: Tensor, heard: Tensor, enhanced: Tensor, sample_rate: int, hop: int) -> Tensor:
    """Give all channels of a recording the same gains, of powers summed over the channels; arguments as above."""
    transform = _Transform(hop, sample_rate, noisy)
    gains = transform.gains(*(transform(each).abs().square().sum(0, keepdim=True).sqrt() for each in (heard, enhanced)))
    spectrum = transform(noisy)
    return transform.inverse(transform.continued(gains.clamp_max(1), spectrum) * spectrum)


class _Transform:
    """Spectra `(channels, frames, bins)` of waveforms `(channels, time)`, and gains of their bins."""

    def __init__(self, hop: int, sample_rate: int, like: Tensor):
        self.hop, self.length = hop, like.shape[-1]
        self.window = torch.hann_window(4 * hop).to(like)
        self.n_low = min(2 * hop + 1, round(SAMPLE_RATE / 2 * 4 * hop / sample_rate))
        self._density = 2 * SAMPLE_RATE / sample_rate / self.window.square().sum()

    def __call__(self, waveform: Tensor) -> Tensor:
        # Unlike mirroring, zeros do for any length.
        options = {"window": self.window, "pad_mode": "constant", "return_complex": True}
        return torch.stft(waveform, len(self.window), self.hop, **options).transpose(1, 2)

    def inverse(self, spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum.transpose(1, 2), len(self.window), self.hop, window=self.window, length=self.length)

    def gains(self, heard: Tensor, enhanced: Tensor) -> Tensor:
        """Compute the gains below 8 kHz."""
        heard, enhanced = (each[..., : self.n_low].abs() for each in (heard, enhanced))
        return enhanced / heard.clamp_min(torch.finfo(heard.dtype).tiny)

    def continued(self, gains: Tensor, spectrum: Tensor) -> Tensor:
        """Continue gains above 8 kHz, for one channel or for all."""
        power = self._density * spectrum[..., self.n_low :].abs().square()
        if not power.shape[-1]:
            return gains
        power = power if len(gains) == len(power) else power.mean(0, keepdim=True)
        return torch.cat([gains, continue_gains(gains, power)], dim=-1)
