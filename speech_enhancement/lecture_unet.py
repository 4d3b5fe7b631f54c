"""The U-Net of lectures 6 and 7: small, and with its own code, so that their effects do not depend on a solution.

Every convolution is followed by batch normalisation and ReLU, which lets so small a network learn within seconds. The
magnitude is divided by its mean, so that the volume does not matter, and compressed by an exponent of 0.3.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Stage(nn.Sequential):
    """Convolution with a kernel of 3, batch normalisation and ReLU.

    Shape:
        `(batch, before, freq, frames)` -> `(batch, after, ceil(freq / stride), ceil(frames / stride))`
    """

    def __init__(self, before: int, after: int, stride: int = 1):
        convolution = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(after), nn.ReLU())


class Narrowing(nn.Sequential):
    """Two stages on the way down, of which the first halves frequency and time."""

    def __init__(self, before: int, after: int):
        super().__init__(Stage(before, after, stride=2), Stage(after, after))


class Widening(Stage):
    """A stage on the way up, which gets the skip and what comes from below as one picture."""


class Skip(nn.Identity):
    """A connection across, as a module of its own so that a hook can change what it carries."""


class LectureUNet(nn.Module):
    """U-Net from the magnitude of noisy speech to a mask.

    Args:
        channels: at each size of the picture, finest first.

    Shape:
        `(batch, 1, freq, frames)` -> the same
    """

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        self.inlet = Stage(1, channels[0])
        self.narrowings = nn.ModuleList(Narrowing(fine, coarse) for fine, coarse in pairwise(channels))
        self.widenings = nn.ModuleList(Widening(coarse + fine, fine) for fine, coarse in pairwise(channels))
        self.skips = nn.ModuleList(Skip() for _ in self.narrowings)
        self.outlet = nn.Conv2d(channels[0], 1, kernel_size=1)

    def forward(self, magnitude: Tensor) -> Tensor:
        loudness = magnitude.mean(dim=(2, 3), keepdim=True) + 1e-5
        picture = self.inlet((magnitude / loudness + 1e-6) ** 0.3)
        return self.outlet(self._down_and_up(picture, 0)).sigmoid()

    def _down_and_up(self, picture: Tensor, level: int) -> Tensor:
        """Halve a picture, send it through all levels below, and join what comes back with the picture itself."""
        if level == len(self.narrowings):
            return picture
        below = self._down_and_up(self.narrowings[level](picture), level + 1)
        enlarged = functional.interpolate(below, picture.shape[2:])
        return self.widenings[level](torch.cat((self.skips[level](picture), enlarged), 1))
