"""What training minimises: a distance of compressed spectra, and a distance of waveforms."""

import torch
from torch import Tensor, nn

from speech_enhancement.metrics import snr
from speech_enhancement.stft import stft


class CompressedSpectralLoss(nn.Module):
    """Distance of power-law compressed spectra, of magnitudes and of complex values, with the SNR of the waveforms.

        L = (1 - a) * mean (|S|^c - |E|^c)^2  +  a * mean | |S|^c e^(j arg S) - |E|^c e^(j arg E) |^2  -  b * SNR

    with c = 0.3, near the growth of loudness with power, so that quiet parts count too. Both signals are first divided
    by the RMS of the target, so that loud recordings count no more than quiet ones. Source: Ephrat et al., "Looking to
    listen at the cocktail party", SIGGRAPH 2018, section 4; the mixture of magnitudes and complex values is Braun and
    Tashev, "A consolidated view of loss functions for supervised deep learning-based speech enhancement", TSP 2021,
    equation 6.

    Args:
        compression: c.
        complex_weight: a.
        snr_weight: b, a dB.

    Shape:
        estimate and target `(batch, 1, time)` -> a number, the mean over the batch
    """

    def __init__(self, compression: float = 0.3, complex_weight: float = 0.3, snr_weight: float = 0.02):
        super().__init__()
        self.compression = compression
        self.complex_weight = complex_weight
        self.snr_weight = snr_weight

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        level = target.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-4)
        estimate, target = estimate / level, target / level
        estimate_magnitude, estimate_spectrum = self._compress(stft(estimate))
        target_magnitude, target_spectrum = self._compress(stft(target))
        magnitude_loss = (estimate_magnitude - target_magnitude).square().mean()
        complex_loss = torch.view_as_real(estimate_spectrum - target_spectrum).square().sum(dim=-1).mean()
        spectral_loss = torch.lerp(magnitude_loss, complex_loss, self.complex_weight)
        return spectral_loss - self.snr_weight * snr(estimate, target).clamp(-30, 40).mean()

    def _compress(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        # The gradient of |X|^c has no bound at 0, hence the small constant.
        magnitude = (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-8).sqrt()
        compressed = magnitude**self.compression
        return compressed, spectrum * (compressed / magnitude)
