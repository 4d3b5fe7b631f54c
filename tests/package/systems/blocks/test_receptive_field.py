"""The measured context: as far as the network reaches and not much further, and None if pieces would not join."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from speech_enhancement import unet
from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.systems import registry
from speech_enhancement.systems.blocks.receptive_field import measure_context
from tests.package.systems.receptive_field import reached


class Echo(nn.Module):
    """The sum of an earlier and a later sample, so that its reach is known."""

    alignment, shortest = 64, 1

    def __init__(self, before: int, after: int):
        super().__init__()
        self.before, self.after = before, after

    def forward(self, x):
        time = x.shape[-1]
        padded = functional.pad(x, (self.before, self.after))
        return padded[..., :time] + padded[..., padded.shape[-1] - time :]


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1000, 10), (10, 1000), (30_000, 30_000), (100_000, 0)])
def test_reach_of_an_echo(before, after):
    context = measure_context(Echo(before, after))
    assert max(before, after) <= context <= max(before, after) + Echo.alignment


def test_a_recurrence_looks_at_the_whole_input():
    class Sum(Echo):
        def forward(self, x):
            return x.cumsum(dim=-1)

    assert measure_context(Sum(0, 0)) is None


def test_what_stops_nan_is_measured_too():
    """A comparison with NaN is false, so that NaN itself does not spread."""

    class Gate(Echo):
        def forward(self, x):
            shifted = super().forward(x)
            return torch.where(shifted > 0.3, shifted, torch.zeros_like(shifted))

    assert measure_context(Gate(1000, 0)) >= 1000


def double_block(kernel, normalisation):
    """A `DownBlock` as a student may write it."""

    class DownBlock(nn.Sequential):
        def __init__(self, in_channels, out_channels):
            super().__init__(
                nn.Conv2d(in_channels, out_channels, kernel, stride=2, padding=kernel // 2),
                normalisation(out_channels),
                nn.LeakyReLU(),
            )

    return DownBlock


@pytest.fixture
def students_unet(monkeypatch):
    def build(kernel, normalisation):
        monkeypatch.setattr(unet, "DownBlock", double_block(kernel, normalisation))
        torch.manual_seed(0)
        return registry.build("unet", channels=(4, 8, 8, 8)).eval()

    return build


def joined(system, waveform):
    """Enhance in chunks of two seconds, as long files are."""

    class Source:
        sample_rate, frames = SAMPLE_RATE, len(waveform)

        def read(self, start, length):
            return waveform[None, start : start + length]

    return torch.cat(list(Enhancer(system, chunk_seconds=2).enhance_recording(Source())), dim=-1)[0]


@pytest.mark.slow
def test_a_unet_with_kernel_7_and_batch_normalisation_joins_without_a_seam(students_unet, generator):
    system = students_unet(7, nn.BatchNorm2d)
    before, after = reached(system, 160_000, 80_000)
    assert max(before, after) <= system.context <= max(before, after) + 2 * system.alignment
    noisy = 0.1 * torch.randn(15 * SAMPLE_RATE, generator=generator)
    # Float rounding in chunks was measured at 1.2e-7; a seam where the context is short was 1e-3 and more.
    assert (joined(system, noisy) - Enhancer(system).enhance(noisy)).abs().max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("normalisation", [lambda channels: nn.GroupNorm(2, channels), nn.InstanceNorm2d])
def test_a_unet_that_normalises_over_time_looks_at_the_whole_recording(students_unet, normalisation, generator):
    system = students_unet(3, normalisation)
    assert system.context is None
    noisy = 0.1 * torch.randn(5 * SAMPLE_RATE, generator=generator)
    assert torch.equal(joined(system, noisy), Enhancer(system).enhance(noisy))


def test_a_unet_that_interpolates_between_frames_is_not_cut(monkeypatch):
    """It reaches no further than others, but its weights depend on the length of the input."""
    monkeypatch.setattr(unet, "functional", _Bilinear)
    torch.manual_seed(0)
    assert registry.build("unet", channels=(4, 8, 8, 8)).eval().context is None


class _Bilinear:
    avg_pool1d = staticmethod(functional.avg_pool1d)

    @staticmethod
    def interpolate(x, size):
        return functional.interpolate(x, size=size, mode="bilinear")


def test_a_unet_of_six_scales_has_the_context_of_its_layers():
    """Level window, first convolution, three convolutions and a repetition for each scale, and window add up to it."""
    frames = 64 + 1 + 5 * (2**5 - 1)
    context = registry.build("unet").context
    assert (frames + 1) * 256 // 2 < context <= (frames + 1) * 256 + 512 + 256 * 2**5


def test_modes_are_put_back():
    system = registry.build("unet", channels=(4, 8)).train()
    system.enhancer.unet.encoder.eval()
    measure_context(system)
    assert system.training and not system.enhancer.unet.encoder.training
