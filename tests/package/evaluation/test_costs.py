"""Costs of systems whose costs are known beforehand."""

import pytest
import torch
from torch import nn

from speech_enhancement.enhancement import Enhancer
from speech_enhancement.evaluation import costs
from speech_enhancement.systems import registry
from speech_enhancement.systems.convolutional_autoencoder import ConvolutionalAutoencoder
from speech_enhancement.systems.system import System


class Convolution(System):
    """A convolution that looks `ahead` samples ahead."""

    def __init__(self, ahead):
        super().__init__()
        self.ahead = ahead
        self.layer = nn.Conv1d(1, 1, 2 * ahead + 1, padding=ahead, bias=False)

    def forward(self, noisy):
        return self.layer(noisy)


class Recurrent(System):
    """An LSTM over 160 frames a second: 4 gates of 8 values, each from 100 and 8 values; then 8 x 100 weights."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(100, 8, batch_first=True)
        self.out = nn.Linear(8, 100)

    def forward(self, noisy):
        return self.out(self.lstm(noisy.reshape(1, -1, 100))[0]).reshape(1, 1, -1)


class Normalizing(System):
    """A system that needs the loudest sample of the file."""

    def forward(self, noisy):
        return noisy / noisy.abs().amax(dim=-1, keepdim=True)


@pytest.mark.slow
def test_multiply_adds_of_a_convolution():
    assert costs.count_multiply_adds(Convolution(5)) == 11 * 16000


def test_multiply_adds_of_an_autoencoder():
    """2 x 32 x 2048 weights are used once in 32 samples, except at the ends."""
    assert costs.count_multiply_adds(ConvolutionalAutoencoder()) == pytest.approx(2 * 2048 * 16000, rel=0.03)


@pytest.mark.slow
def test_multiply_adds_of_an_lstm():
    assert costs.count_multiply_adds(Recurrent()) == (4 * 8 * (100 + 8) + 8 * 100) * 160


class Attending(System):
    """Attention among 32 values of 10 samples each, fused into one operation."""

    def forward(self, noisy):
        x = noisy.reshape(1, -1, 32, 10)
        return nn.functional.scaled_dot_product_attention(x, x, x).reshape(noisy.shape)


def test_multiply_adds_of_attention():
    assert costs.count_multiply_adds(Attending()) == 2 * 32 * 16000


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [0, 7, 100])
def test_latency_is_how_far_it_looks_ahead(ahead):
    torch.manual_seed(0)
    assert costs.latency(Convolution(ahead).eval()) == ahead / 16000


class Slicing(System):
    """A system that subtracts the mean of each slice, so that it needs the whole slice."""

    alignment = 8192

    def forward(self, noisy):
        slices = torch.nn.functional.pad(noisy, (0, -noisy.shape[-1] % 8192)).unflatten(-1, (-1, 8192))
        return (slices - slices.mean(dim=-1, keepdim=True)).flatten(-2)[..., : noisy.shape[-1]]


def test_latency_of_slices():
    """The latency is found to an eighth of a slice."""
    assert 7 / 8 * 8192 <= 16000 * costs.latency(Slicing()) <= 8192


@pytest.mark.slow
def test_latency_is_that_of_the_task():
    """Without a loss there is nothing to fill."""
    assert costs.latency(registry.build("packet-loss-filling").eval()) is None


def test_latency_of_what_looks_far_ahead_but_not_over_the_file():
    """The latency reaches as far as the system's `context` says."""
    torch.manual_seed(0)
    system = Convolution(1)
    system.context = 40_000
    system.forward = lambda noisy: torch.nn.functional.pad(noisy[..., 40_000:], (0, 40_000))
    assert costs.latency(system) == 40_000 / 16000


class Limiting(System):
    """A system that needs the loudest sample of the file, if it is loud."""

    def forward(self, noisy):
        return noisy / noisy.abs().amax(dim=-1, keepdim=True).clamp_min(10)


@pytest.mark.parametrize("kind", [Normalizing, Limiting])
def test_latency_of_what_needs_the_file(kind):
    assert costs.latency(kind()) is None


def test_latency_leaves_the_system_in_single_precision():
    system = Convolution(1).eval()
    costs.latency(system)
    assert system.layer.weight.dtype == torch.float32


def test_real_time_factor_uses_one_core():
    class Counting(Convolution):
        threads = set()

        def forward(self, noisy):
            self.threads.add(torch.get_num_threads())
            return super().forward(noisy)

    before = torch.get_num_threads()
    system = Counting(1)
    assert costs.real_time_factor(Enhancer(system).enhance) > 0
    assert system.threads == {1} and torch.get_num_threads() == before


def test_real_time_factor_is_that_of_the_stream(monkeypatch):
    system = registry.build("dual-path", channels=8, width=16, n_blocks=1).eval()
    monkeypatch.setattr(type(system), "forward", None)
    assert costs.real_time_factor(Enhancer(system).enhance) > 0
