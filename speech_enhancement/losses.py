"""Losses of training: distances of compressed spectra, of waveforms, and of the envelopes that carry words.

They have their own transform and their own ratio, since a system that ships learns by them and must not depend on what
students write.
"""

import torch
from torch import Tensor, nn

from speech_enhancement.audio import SAMPLE_RATE


class CompressedSpectralLoss(nn.Module):
    """Distance of power-law compressed spectra, as magnitudes and as complex values, and the SNR of the waveforms.

        L = (1 - a) * mean (|S|^c - |E|^c)^2  +  a * mean | |S|^c e^(j arg S) - |E|^c e^(j arg E) |^2  -  b * SNR

    with c = 0.3, near the growth of loudness with power, so that quiet parts count too. Both signals are first divided
    by the RMS of the target, so that loud recordings count no more than quiet ones. Source: Ephrat et al., "Looking to
    listen at the cocktail party", SIGGRAPH 2018, section 4; the mixture of magnitudes and complex values is Braun and
    Tashev, "A consolidated view of loss functions for supervised deep learning-based speech enhancement", TSP 2021,
    equation 6.

    Args:
        compression: c.
        complex_weight: a.
        snr_weight: b, per dB.

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
        estimate_magnitude, estimate_spectrum = self._compress(_spectrum(estimate, 512, 128))
        target_magnitude, target_spectrum = self._compress(_spectrum(target, 512, 128))
        magnitude_loss = (estimate_magnitude - target_magnitude).square().mean()
        complex_loss = torch.view_as_real(estimate_spectrum - target_spectrum).square().sum(dim=-1).mean()
        spectral_loss = torch.lerp(magnitude_loss, complex_loss, self.complex_weight)
        return spectral_loss - self.snr_weight * _snr(estimate, target).clamp(-30, 40).mean()

    def _compress(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        # The gradient of |X|^c has no bound at 0, hence the small constant.
        magnitude = (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-8).sqrt()
        compressed = magnitude**self.compression
        return compressed, spectrum * (compressed / magnitude)


class EnvelopeLoss(nn.Module):
    """One minus the correlation of the envelopes of estimate and target, in third-octave bands over 0.4 s.

        L = 1 - mean_{j, m} corr(E_j[m - 24 ... m], S_j[m - 24 ... m]),    X_j[m] = sqrt(sum_{k in band j} |X[k, m]|^2)

    This is STOI (Taal et al., "An algorithm for intelligibility prediction of time-frequency weighted noisy speech",
    IEEE Trans. ASLP 19(7), 2011, equations 1 to 6), adapted to training: without its resampling and its clipping, and
    with each stretch weighted by its share of frames in which the target is within 40 dB of its loudest frame.

    Shape:
        estimate and target `(batch, 1, time)` -> a number, the mean over the batch
    """

    def __init__(self, n_fft: int = 512, hop_length: int = 256, n_bands: int = 15, n_frames: int = 24):
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_frames = n_frames
        frequency = torch.arange(n_fft // 2 + 1) * SAMPLE_RATE / n_fft
        center = 150 * 2 ** (torch.arange(n_bands).unsqueeze(1) / 3)
        bands = (frequency >= center * 2 ** (-1 / 6)) & (frequency < center * 2 ** (1 / 6))
        self.register_buffer("bands", bands.float(), persistent=False)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        estimate_envelope, _ = self._envelopes(estimate)
        target_envelope, power = self._envelopes(target)
        is_loud = (power > 1e-4 * power.amax(dim=-1, keepdim=True)).to(power)
        n_frames = min(self.n_frames, power.shape[-1])
        weight = is_loud.unfold(-1, n_frames, 1).mean(dim=-1).unsqueeze(1)  # (batch, 1, stretches)
        correlation = nn.functional.cosine_similarity(
            _stretches(estimate_envelope, n_frames), _stretches(target_envelope, n_frames), dim=-1, eps=1e-6
        )  # (batch, bands, stretches)
        return 1 - (weight * correlation).sum() / (weight.sum() * correlation.shape[1]).clamp_min(1e-6)

    def _envelopes(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        spectrogram = _spectrum(signal, self.n_fft, self.hop_length)
        power = torch.view_as_real(spectrogram).square().sum(dim=-1)  # (batch, freq, frames)
        return (self.bands @ power + 1e-8).sqrt(), power.sum(dim=1)


def _spectrum(signal: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Transform `(batch, 1, time)` by a Hann window: complex, `(batch, freq, frames)`."""
    hann = torch.hann_window(n_fft).to(signal)
    return torch.stft(signal[:, 0], n_fft, hop_length, n_fft, hann, return_complex=True)


def _snr(estimate: Tensor, target: Tensor) -> Tensor:
    """Compute the ratio in dB, finite for silence and for a perfect estimate."""
    error = estimate - target
    return 10 * torch.log10((target.square().sum(dim=-1) + 1e-12) / (error.square().sum(dim=-1) + 1e-20))


def _stretches(envelope: Tensor, n_frames: int) -> Tensor:
    """Cut an envelope into all its stretches, less their means: `(batch, bands, stretches, n_frames)`."""
    stretches = envelope.unfold(-1, n_frames, 1)
    return stretches - stretches.mean(dim=-1, keepdim=True)


class EnhancementLoss(nn.Module):
    """The loss that `train` minimises: the compressed spectral loss plus the weighted envelope loss.

    Args:
        envelope_weight: weight of the envelope loss.

    Shape:
        estimate and target `(batch, 1, time)` -> a number, the mean over the batch
    """

    def __init__(self, envelope_weight: float = 2.0):
        super().__init__()
        self.spectral_loss = CompressedSpectralLoss()
        self.envelope_loss = EnvelopeLoss()
        self.envelope_weight = envelope_weight

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        return self.spectral_loss(estimate, target) + self.envelope_weight * self.envelope_loss(estimate, target)
