"""Pairs to train on, in which few recordings stand for many: a random filter changes the colour of each stretch.

Speech and noise are filtered on their own, as if other microphones had recorded them, and are mixed afterwards. The
pairs to validate on are those of `speech_enhancement.data`, unfiltered.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Generator, Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from speech_enhancement.audio import SAMPLE_RATE, AudioError, Recording
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.files.path_list import PathSequence
from speech_enhancement.seeding import item_generator, shared_epoch

_LARGEST_COEFFICIENT = 3 / 8


def random_filter(signal: Tensor, generator: Generator) -> Tensor:
    """Filter a signal by a random second-order filter and keep its RMS.

        H(z) = (1 + r1 z^-1 + r2 z^-2) / (1 + r3 z^-1 + r4 z^-2),    r uniform in [-3/8, 3/8]

    Source: Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018,
    equation 7.

    Args:
        signal: shape `(..., time)`, on the CPU.
        generator: the only source of randomness.

    Returns:
        Shape of `signal`.
    """
    r1, r2, r3, r4 = ((2 * torch.rand(4, generator=generator) - 1) * _LARGEST_COEFFICIENT).tolist()
    filtered = lfilter(np.float32([1, r1, r2]), np.float32([1, r3, r4]), signal.numpy())
    filtered = torch.from_numpy(filtered).to(signal.dtype)
    before, after = (each.square().mean().sqrt() for each in (signal, filtered))
    return filtered * (before / after) if after > 0 else filtered


class FilteredSpeechDataset(Dataset):
    """Noisy and clean speech, each pair from a stretch of speech and one of noise that pass a random filter each.

    In all else the pairs are as in `NoisySpeechDataset` of task 2.1, and seed, epoch and index determine them.

    Args:
        speech_files: paths of clean speech; the dataset is as long.
        noise_files: paths of noise.
        segment_length: samples of each item.
        snr_db: range from which the SNR of each pair is drawn uniformly, in dB.
        seed: with the epoch and the index, all that decides what is drawn.

    Returns:
        `dataset[i]` -> `(noisy, clean)`, each float32 of shape `(1, segment_length)`.

    Raises:
        AudioError: on reading a file whose sample rate is not 16 kHz; it names the file.
    """

    def __init__(
        self,
        speech_files: Iterable[str | Path],
        noise_files: Iterable[str | Path],
        segment_length: int,
        snr_db: tuple[float, float],
        seed: int,
    ):
        self.speech = PathSequence(speech_files)
        self.noise = PathSequence(noise_files)
        self.length = segment_length
        self.lowest_snr_db, self.highest_snr_db = snr_db
        self.seed = seed
        self.epoch = shared_epoch()

    def __len__(self) -> int:
        return len(self.speech)

    def set_epoch(self, epoch: int) -> None:
        self.epoch.fill_(epoch)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        generator = item_generator(self.seed, self.epoch, index)
        speech = random_filter(self._stretch(self.speech[index], generator), generator)
        noise_index = int(torch.randint(len(self.noise), (), generator=generator))
        noise = random_filter(self._stretch(self.noise[noise_index], generator), generator)
        clean = functional.pad(speech, (0, self.length - speech.shape[-1]))
        noise = noise.tile(self.length // noise.shape[-1] + 1)[:, : self.length]
        snr_db = torch.empty(1).uniform_(self.lowest_snr_db, self.highest_snr_db, generator=generator)
        return mix_at_snr(clean, noise, float(snr_db)), clean

    def _stretch(self, path: str, generator: Generator) -> Tensor:
        """Read a random stretch of a file, `(1, length)`; all of it if it is shorter."""
        with Recording(path) as recording:
            if recording.sample_rate != SAMPLE_RATE:
                raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
            latest = max(0, recording.frames - self.length)
            start = int(torch.randint(latest + 1, (), generator=generator))
            return recording.read(start, self.length).mean(dim=0, keepdim=True)
