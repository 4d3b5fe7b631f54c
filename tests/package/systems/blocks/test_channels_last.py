"""Batch normalisation folded into the layer before it: the same results, by a copy."""

import pytest
import torch
from torch import nn

from speech_enhancement.systems.blocks.channels_last import ChannelNorm, FrequencyConvolution, folded


class Layers(nn.Module):
    """A linear layer, which has a bias, a convolution, which has none, and a nested block; a norm follows each."""

    def __init__(self, width: int = 5):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.linear_norm = ChannelNorm(width)
        self.convolution = FrequencyConvolution(width, width)
        self.convolution_norm = ChannelNorm(width)
        self.nested = nn.Sequential(nn.SiLU(), nn.Linear(width, width, bias=False), ChannelNorm(width), nn.SiLU())

    def forward(self, x):
        x = torch.tanh(self.linear_norm(self.linear(x)))
        return self.nested(self.convolution_norm(self.convolution(x)))


@pytest.fixture
def layers():
    torch.manual_seed(0)
    layers = Layers().double()
    for norm in (module for module in layers.modules() if isinstance(module, ChannelNorm)):
        for values in (norm.weight.data, norm.bias.data, norm.running_mean):
            values.normal_()
        norm.running_var.uniform_(0.1, 3)
    return layers.eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_the_result_is_the_same_without_norms(layers, dtype, tolerance):
    x = torch.randn(2, 3, 4, 5, dtype=dtype)
    layers = layers.to(dtype)
    without = folded(layers)
    assert not any(isinstance(module, ChannelNorm) for module in without.modules())
    with torch.no_grad():
        torch.testing.assert_close(without(x), layers(x), rtol=tolerance, atol=tolerance)


def test_the_module_itself_stays_as_it_is(layers):
    layers.train()
    before = {name: tensor.clone() for name, tensor in layers.state_dict().items()}
    without = folded(layers)
    assert layers.training and not without.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in layers.state_dict().items())
