"""Layers of tensors that lie in memory as (batch, frames, frequencies, channels), and the same layers for inference.

Linear layers of such tensors copy nothing. In evaluation mode batch normalisation only scales and shifts each channel,
which the layer before it can do as well.
"""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_LARGEST_LINEAR = 20480


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


class LinearByConvolution(nn.Conv2d):
    """A linear layer computed as a convolution with a kernel of 1.

    On a CPU, PyTorch leaves linear layers to MKL, which does not use the AVX-512 of AMD's processors, and convolutions
    to oneDNN, which does and is then two to three times as fast. A kernel of 1 goes to MKL as well unless it is
    dilated, which changes nothing in its result.

    PyTorch gives oneDNN no input of at most 20480 numbers (`ConvParams::use_mkldnn`), and computes dilated convolutions
    of these slowly. So a hop of a stream goes through the linear layer itself.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__(linear.in_features, linear.out_features, 1, dilation=2)
        self.weight = nn.Parameter(linear.weight.detach()[:, :, None, None])
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        if x.numel() <= _LARGEST_LINEAR:
            return functional.linear(x, self.weight[:, :, 0, 0], self.bias)
        y = super().forward(x.reshape(1, 1, -1, x.shape[-1]).permute(0, 3, 1, 2))
        return y.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


def without_norms(module: nn.Module) -> nn.Module:
    """Copy a module in evaluation mode, each `ChannelNorm` folded into the layer before it."""
    module = copy.deepcopy(module).eval()
    for parent in list(module.modules()):
        for (name, layer), (norm_name, norm) in pairwise(list(parent.named_children())):
            if isinstance(norm, ChannelNorm):
                fuse = fuse_conv_bn_eval if isinstance(layer, nn.Conv2d) else fuse_linear_bn_eval
                setattr(parent, name, fuse(layer, norm))
                setattr(parent, norm_name, nn.Identity())
    return module


def for_inference(module: nn.Module) -> nn.Module:
    """Copy a module in evaluation mode, with the same results but faster.

    It is left without norms. On processors with AVX-512, linear layers in float32 become convolutions.
    """
    module = without_norms(module)
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        for parent in list(module.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, nn.Linear) and layer.weight.is_cpu and layer.weight.dtype == torch.float32:
                    setattr(parent, name, LinearByConvolution(layer))
    return module
