"""Convolutions in time with long kernels, in a memory layout that is faster on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class LongConvolution(nn.Conv1d):
    """`nn.Conv1d` without groups or dilation, with the channels of a sample side by side in memory.

    The values are the same up to rounding. PyTorch has this layout in two dimensions only, hence a second dimension of
    length 1. A benchmark measures the kernels for which it is faster.

    Shape:
        `(batch, in_channels, time)` -> `(batch, out_channels, time)`, shortened by stride and padding as usual
    """

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(-1).contiguous(memory_format=torch.channels_last)  # (batch, channels, time, 1)
        padding = self.padding if isinstance(self.padding, str) else (*self.padding, 0)
        return functional.conv2d(x, self.weight.unsqueeze(-1), self.bias, (*self.stride, 1), padding).squeeze(-1)
