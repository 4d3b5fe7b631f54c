"""Files and models that the tests of milestone 2 share."""

import pytest
import soundfile
import torch
from torch import nn

SAMPLE_RATE = 16000


@pytest.fixture(autouse=True)
def seeded_weights():
    torch.manual_seed(0)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(2)


@pytest.fixture
def speech_files(tmp_path, generator):
    """Three files of 1, 2 and 3 s, each of noise in one of three ranges of level."""
    return [_write(tmp_path / f"speech{n}.wav", n * SAMPLE_RATE, 0.02 * n, generator) for n in (1, 2, 3)]


@pytest.fixture
def noise_files(tmp_path, generator):
    """Two files of noise: one long, one of a tenth of a second."""
    return [_write(tmp_path / f"noise{n}.wav", n, 0.1, generator) for n in (1600, 4 * SAMPLE_RATE)]


def _write(path, length, level, generator):
    signal = (level * torch.randn(length, generator=generator)).clamp(-1, 1)
    soundfile.write(path, signal.numpy(), SAMPLE_RATE, subtype="PCM_16")
    return path


class Gain(nn.Module):
    """The smallest model there is: a factor on the waveform."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, noisy):
        return self.gain * noisy


@pytest.fixture
def gain_model():
    return Gain


def mean_absolute_error(estimate, target):
    return (estimate - target).abs().mean()


@pytest.fixture
def loss_fn():
    return mean_absolute_error
