"""Signals that the tests of milestone 1 share."""

import pytest
import torch

SAMPLE_RATE = 16000


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(1)


@pytest.fixture
def waveform(generator):
    """1.55 seconds of white noise: (batch, channels, time)."""
    return torch.randn(1, 1, 24800, generator=generator)


@pytest.fixture
def tone():
    """One second of a sine of 1 kHz, which is bin 32 of 512."""
    return torch.sin(2 * torch.pi * 1000 * torch.arange(SAMPLE_RATE) / SAMPLE_RATE)
