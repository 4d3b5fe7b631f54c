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
    """Convolve with a kernel of 3, normalise, and cut off what is negative.

    Shape:
        `(batch, before, freq, frames)` -> `(batch, after, ceil(freq / stride), ceil(frames / stride))`
    """

    def __init__(self, before: int, after: int, stride: int = 1):
        convolution = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(after), nn.ReLU())


class Narrowing(nn.Sequential):
    """One stage on the way down, which halves frequency and time, and a second one of that size."""

    def __init__(self, before: int, after: int):
        super().__init__(Stage(before, after, stride=2), Stage(after, after))


class Widening(nn.Module):
    """One stage on the way up: `(below, skip)` -> a picture of the size of the skip."""

    def __init__(self, below: int, skip: int):
        super().__init__()
        self.stage = Stage(below + skip, skip)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        enlarged = functional.interpolate(below, skip.shape[2:])
        return self.stage(torch.cat((skip, enlarged), 1))


class WayUp(nn.Module):
    """All stages on the way up: `(bottleneck, skips)`, finest skip first, -> a picture of the size of that skip."""

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        self.stages = nn.ModuleList(Widening(coarse, fine) for fine, coarse in pairwise(channels))

    def forward(self, bottleneck: Tensor, skips: list[Tensor]) -> Tensor:
        picture = bottleneck
        for level in reversed(range(len(skips))):
            picture = self.stages[level](picture, skips[level])
        return picture


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
        self.way_down = nn.ModuleList(Narrowing(*pair) for pair in pairwise(channels))
        self.way_up = WayUp(channels)
        self.outlet = nn.Conv2d(channels[0], 1, kernel_size=1)

    def forward(self, magnitude: Tensor) -> Tensor:
        loudness = magnitude.mean(dim=(2, 3), keepdim=True) + 1e-5
        pictures = [self.inlet((magnitude / loudness + 1e-6) ** 0.3)]
        for narrowing in self.way_down:
            pictures.append(narrowing(pictures[-1]))
        return self.outlet(self.way_up(pictures[-1], pictures[:-1])).sigmoid()
