"""Layers of tensors that lie in memory as (batch, frames, frequencies, channels), and their normalisation folded away.

Linear layers of such tensors copy nothing. In evaluation mode batch normalisation only scales and shifts each channel,
which the layer before it can do as well.
"""

import copy
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval


class ChannelNorm(nn.BatchNorm1d):
    """Batch normalisation of the last dimension.

    In a module with several layers it is defined directly after the linear layer or convolution that it follows.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(-1, x.shape[-1])).view_as(x)


class FrequencyConvolution(nn.Conv2d):
    """Convolution over three neighbouring frequencies of `(batch, frames, freq, channels)`."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False):
        super().__init__(in_channels, out_channels, (1, 3), padding=(0, 1), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def folded(module: nn.Module) -> nn.Module:
    """Copy a module in evaluation mode, with each `ChannelNorm` folded into the layer before it."""
    module = copy.deepcopy(module).eval()
    for parent in list(module.modules()):
        for (name, layer), (norm_name, norm) in pairwise(list(parent.named_children())):
            if isinstance(norm, ChannelNorm):
                fuse = fuse_conv_bn_eval if isinstance(layer, nn.Conv2d) else fuse_linear_bn_eval
                setattr(parent, name, fuse(layer, norm))
                setattr(parent, norm_name, nn.Identity())
    return module
