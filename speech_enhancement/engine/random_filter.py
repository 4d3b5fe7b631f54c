"""Training pairs in which few recordings stand for many: a random filter changes the colour of each stretch.

Speech and noise are filtered separately, as if other microphones had recorded them, and mixed afterwards. Validation
uses the unfiltered pairs of `speech_enhancement.data`.
"""

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Generator, Tensor

from speech_enhancement.data import NoisySpeechDataset

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


class FilteredSpeechDataset(NoisySpeechDataset):
    """The dataset of task 2.1, in which each stretch of speech and of noise passes a random filter before mixing."""

    def augment(self, stretch: Tensor, generator: Generator) -> Tensor:
        return random_filter(stretch, generator)
