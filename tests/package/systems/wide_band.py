"""Voices that reach up to half the sample rate, for systems that fill the upper band."""

import torch
from torch import Tensor


def wide_band_voices(time: int = 2000) -> Tensor:
    """Make two gliding voices with 42 harmonics, the last near 7.5 kHz: `(2, 1, time)`."""
    seconds = torch.arange(time) / 16000
    pitch = torch.tensor([165.0, 180.0]).view(2, 1, 1)
    phase = 2 * torch.pi * pitch * (seconds + 0.1 * seconds.square())
    return 0.1 * sum(torch.cos(number * phase) / number**0.5 for number in range(1, 43))
