"""Noisy speech through other microphones: speech and noise, each with a random spectral tilt of its own."""

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Generator, Tensor
from torch.utils.data import Dataset

from speech_enhancement.data import NoisySpeechDataset

_LARGEST_COEFFICIENT = 3 / 8


def color(signal: Tensor, generator: Generator) -> Tensor:
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
    colored = torch.from_numpy(lfilter(np.float32([1, r1, r2]), np.float32([1, r3, r4]), signal.numpy())).to(
        signal.dtype
    )
    before, after = (each.square().mean().sqrt() for each in (signal, colored))
    return colored * (before / after) if after > 0 else colored


class ColoredSpeechDataset(Dataset):
    """A `NoisySpeechDataset` whose speech and noise are colored, so that few recordings stand for many.

    Item, seed and epoch determine the pair, as there.

    Args:
        dataset: gives the pairs.
        seed: with the epoch and the index, all that decides the filters.
    """

    def __init__(self, dataset: NoisySpeechDataset, seed: int):
        self.dataset = dataset
        self.seed = seed
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.dataset)

    def set_epoch(self, epoch: int) -> None:
        self.epoch.fill_(epoch)
        self.dataset.set_epoch(epoch)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noisy, clean = self.dataset[index]
        generator = torch.Generator().manual_seed(hash((self.seed % 2**64, int(self.epoch), int(index), 1)) % 2**64)
        noise = color(noisy - clean, generator)
        clean = color(clean, generator)
        return clean + noise, clean
