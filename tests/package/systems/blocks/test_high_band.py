"""Gains above 8 kHz: those of the bands below, but for what is quiet."""

import pytest
import torch

from speech_enhancement.systems.blocks.high_band import QUIET_DB, continue_gains

BINS = 513
LOUD = torch.full((1, BINS), 1.0)


def below(near: float, between: float = 0.0, beneath: float = 0.0) -> torch.Tensor:
    """Gains of one frame: from 7 to 8 kHz, from 4 to 7 kHz, and below 4 kHz."""
    return torch.cat([torch.full((128,), beneath), torch.full((96,), between), torch.full((32,), near)])[None]


def test_the_gain_begins_as_it_was_and_becomes_that_of_a_wider_band():
    gains = continue_gains(below(0.8, 0.4, beneath=0.1), LOUD)[0]
    assert gains.shape == (BINS,)
    assert gains[0] == pytest.approx(0.8)
    # From 12 kHz on.
    torch.testing.assert_close(gains[128:], torch.full((BINS - 128,), 0.5))
    assert gains[64] == pytest.approx(0.65) and (gains.diff() <= 0).all()


def test_no_gain_above_1_counts():
    torch.testing.assert_close(continue_gains(below(5.0, 1.0), LOUD), torch.ones(1, BINS))


def test_noise_is_not_pressed_below_the_quiet_level():
    """It is so from 12 kHz up; at 8 kHz, 20 dB more are taken away."""
    for above_db in (-3, 10, 40):
        power = torch.full((1, BINS), 10 ** ((QUIET_DB + above_db) / 10))
        decibels = 20 * continue_gains(below(0.0), power)[0].log10()
        assert decibels[128:].numpy() == pytest.approx(min(0, -above_db), abs=1e-3)
        assert decibels[0] == pytest.approx(min(0, -above_db - 20), abs=1e-3)


def test_silence_is_no_division_by_zero():
    assert torch.equal(continue_gains(below(0.0), torch.zeros(1, BINS)), torch.ones(1, BINS))


@pytest.mark.parametrize("bins", [1, 20])
def test_few_bins(bins):
    """A rate just above 16 kHz has no more."""
    assert continue_gains(below(0.5, 0.5), LOUD[:, :bins]).numpy() == pytest.approx(0.5)
