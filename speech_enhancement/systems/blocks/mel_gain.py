"""Systems that estimate the mel spectrum of clean speech: features, statistics, and the way back to sound.

A frame of 512 samples, every 128, becomes the logarithm of its power in mel bands,

    f[m, b] = log(sum_k F[k, b] |Y[k, m]|^2 + 1e-5),

with triangular F. A subclass estimates the same of the clean speech, s[m, b]. Some 40 bands hold neither phase nor
pitch, so a waveform cannot be made of them alone; but they do say by how much each band must be turned down. That gain
is applied to the noisy spectrogram, which keeps its fine structure and its phase:

    G[k, m] = sum_b F'[k, b] * exp(min(s[m, b] - f[m, b], 0) / 2)

Rows of F' are those of F divided by their sums, so that G lies between the gains of the two bands around k; below the
centre of the first band and above that of the last one it is the gain of that band. Noise is removed and nothing is
added: G <= 1.
"""

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional
from torchaudio.functional import melscale_fbanks

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System

N_FFT = 512
HOP_LENGTH = 128
FLOOR = 1e-5
FRAME_REACH = N_FFT // 2 - 1
"""Samples on either side of its centre on which a frame depends; the first weight of the window is zero."""
N_BATCHES = 20
"""Number of batches from which `pretrain` takes the statistics."""


class MelGainSystem(System):
    """A system that estimates clean log mel power; the subclass defines `estimate`.

    Args:
        n_mels: number of bands.
    """

    def __init__(self, n_mels: int):
        super().__init__()
        self.n_mels = n_mels
        bands = melscale_fbanks(N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, n_mels, SAMPLE_RATE)  # (freq, n_mels)
        spread = bands.clone()
        spread[0, 0] = spread[-1, -1] = 1.0  # 0 Hz and half the sample rate, where all triangles are 0
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("spread", spread / spread.sum(dim=1, keepdim=True), persistent=False)
        self.register_buffer("mean", torch.zeros(n_mels))
        self.register_buffer("deviation", torch.ones(n_mels))

    def estimate(self, features: Tensor) -> Tensor:
        """Estimate the features of clean speech from those of noisy speech, both `(batch, frames, n_mels)`."""
        raise NotImplementedError

    def forward(self, noisy: Tensor) -> Tensor:
        spectrogram = stft(noisy.squeeze(1), N_FFT, HOP_LENGTH)  # (batch, freq, frames)
        features = self._normalise(self._log_mel(spectrogram))  # (batch, frames, n_mels)
        change = (self.estimate(features) - features) * self.deviation  # (batch, frames, n_mels)
        gain = self.spread @ torch.exp(change.clamp_max(0) / 2).mT
        return istft(apply_mask(spectrogram, gain), noisy.shape[-1], N_FFT, HOP_LENGTH).unsqueeze(1)

    def features(self, waveform: Tensor) -> Tensor:
        """Compute log mel power, normalised by the statistics to mean 0 and deviation 1: `(batch, frames, n_mels)`."""
        return self._normalise(self._log_mel_of_waveform(waveform))

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the mean squared error of the features."""
        return functional.mse_loss(self.estimate(self.features(noisy)), self.features(clean))

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Take mean and deviation of each band, over noisy and clean speech alike."""
        pairs = islice(batches, N_BATCHES)
        log_mel = torch.cat([self._log_mel_of_waveform(waveform) for pair in pairs for waveform in pair])
        self.mean.copy_(log_mel.mean(dim=(0, 1)))
        self.deviation.copy_(log_mel.std(dim=(0, 1)).clamp_min(1e-2))

    def _log_mel_of_waveform(self, waveform: Tensor) -> Tensor:
        return self._log_mel(stft(waveform.squeeze(1), N_FFT, HOP_LENGTH))

    def _log_mel(self, spectrogram: Tensor) -> Tensor:
        power = torch.view_as_real(spectrogram).square().sum(dim=-1)  # (batch, freq, frames)
        return torch.log(power.mT @ self.bands + FLOOR)

    def _normalise(self, log_mel: Tensor) -> Tensor:
        return (log_mel - self.mean) / self.deviation


def windows(features: Tensor, n_frames: int) -> Tensor:
    """Give each frame its neighbours, the ends repeated: `(batch, frames, n)` -> `(batch, frames, n, n_frames)`."""
    side = n_frames // 2
    return functional.pad(features.mT, (side, side), mode="replicate").unfold(-1, n_frames, 1).transpose(1, 2)
