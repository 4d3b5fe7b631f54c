"""The training pairs of task 2.1 from packed recordings: the same numbers, without opening a file for each."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.corpora.packed import PackedRecordings
from speech_enhancement.engine.random_filter import random_filter
from speech_enhancement.seeding import item_generator, shared_epoch


class PackedPairs(Dataset):
    """Filtered noisy and clean speech: `dataset[i]` is that of `FilteredSpeechDataset` for the same files and seed.

    Args:
        speech, noise: recordings.
        repeats: crops of each recording of speech in an epoch.
        n_samples: of each crop.
        snr_db: range of the signal-to-noise ratios.
        seed: determines, together with epoch and index, everything that is drawn.
    """

    def __init__(
        self,
        speech: PackedRecordings,
        noise: PackedRecordings,
        repeats: int,
        n_samples: int,
        snr_db: tuple[float, float],
        seed: int,
    ):
        self.speech, self.noise = speech, noise
        self.repeats = repeats
        self.n_samples = n_samples
        self.lowest_snr, self.highest_snr = snr_db
        self.seed = seed
        self.current_epoch = shared_epoch()

    def __len__(self) -> int:
        return self.repeats * len(self.speech)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the items that follow, also in workers that are already running."""
        self.current_epoch.fill_(epoch)

    def augment(self, crop: Tensor, generator: Generator) -> Tensor:
        """Filter a crop of speech or of noise at random, `(1, time)`."""
        return random_filter(crop, generator)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        generator = item_generator(self.seed, self.current_epoch, index)
        drawn_noise = int(torch.randint(len(self.noise), (), generator=generator))
        ratio = self.lowest_snr + (self.highest_snr - self.lowest_snr) * float(torch.rand((), generator=generator))
        clean = self._crop(self.speech, index % len(self.speech), generator)
        noise = self._crop(self.noise, drawn_noise, generator)
        # Most recordings are longer, and neither padding nor repeating is free.
        if clean.shape[-1] < self.n_samples:
            clean = functional.pad(clean, (0, self.n_samples - clean.shape[-1]))
        if noise.shape[-1] < self.n_samples:
            noise = noise.repeat(1, math.ceil(self.n_samples / noise.shape[-1]))[:, : self.n_samples]
        return mix_at_snr(clean, noise, ratio), clean

    def _crop(self, recordings: PackedRecordings, number: int, generator: Generator) -> Tensor:
        """Draw a crop of a recording of the manifest, all of a shorter one, and filter it: `(1, time)`."""
        place = recordings.order[number]
        begin, end = recordings.starts[place : place + 2].tolist()
        spare = max(1, end - begin - self.n_samples + 1)
        begin += int(torch.randint(spare, (), generator=generator))
        crop = torch.from_numpy(recordings.read(begin, min(self.n_samples, end - begin)))
        return self.augment(crop.unsqueeze(0), generator)
