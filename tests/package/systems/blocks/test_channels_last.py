"""Layers for inference: the same results without batch normalisation, and by other products, in a copy."""

import pytest
import torch
from torch import nn

from speech_enhancement.systems.blocks.channels_last import (
    ChannelNorm,
    FrequencyConvolution,
    LinearByConvolution,
    for_inference,
)


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
    without = for_inference(layers)
    assert not any(isinstance(module, ChannelNorm) for module in without.modules())
    with torch.no_grad():
        torch.testing.assert_close(without(x), layers(x), rtol=tolerance, atol=tolerance)


def test_the_module_itself_stays_as_it_is(layers):
    layers.train()
    before = {name: tensor.clone() for name, tensor in layers.state_dict().items()}
    without = for_inference(layers)
    assert layers.training and not without.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in layers.state_dict().items())


@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 3, 4, 5), (30, 40, 5, 5)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_is_a_convolution(shape, bias):
    linear, x = nn.Linear(5, 6, bias=bias), torch.randn(shape)
    convolution = LinearByConvolution(linear)
    with torch.no_grad():
        torch.testing.assert_close(convolution(x), linear(x))


@pytest.mark.parametrize(("capability", "expected"), [("AVX512", True), ("AVX2", False)])
def test_convolutions_stand_in_where_they_are_faster(layers, monkeypatch, capability, expected):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    for dtype in (torch.float32, torch.float64):
        without = for_inference(layers.to(dtype))
        assert isinstance(without.linear, LinearByConvolution) == (expected and dtype == torch.float32)
        x = torch.randn(2, 3, 4, 5, dtype=dtype)
        with torch.no_grad():
            torch.testing.assert_close(without(x), layers(x))
