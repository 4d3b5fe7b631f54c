"""The convolution with long kernels, against PyTorch's own."""

import pytest
import torch
from torch import nn

from speech_enhancement.systems.blocks.long_convolution import LongConvolution

SETTINGS = [{"padding": "same"}, {"padding": 15, "stride": 2}, {"bias": False}]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_gives_what_pytorch_gives(setting):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 200, generator=generator, dtype=torch.float64, requires_grad=True)
    long, plain = (kind(3, 5, 31, **setting).double() for kind in (LongConvolution, nn.Conv1d))
    plain.load_state_dict(long.state_dict())
    torch.testing.assert_close(long(x), plain(x))
    gradients = [torch.autograd.grad(layer(x).square().sum(), [x, layer.weight]) for layer in (long, plain)]
    torch.testing.assert_close(*gradients)
