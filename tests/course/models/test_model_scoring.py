"""Scores of an output do not depend on gain, offset and delay, and an output that is none has a fault."""

import numpy as np
import pytest

from milestones.course import ROOT
from milestones.model_check import read_pairs
from milestones.model_scoring import fault, normalised, scores, si_sdr

MAX_DELAY = 0.1


@pytest.fixture(scope="module")
def pair():
    """Two seconds of a public recording, noisy and clean."""
    noisy, clean = read_pairs(ROOT / "milestones/milestone3/recordings")["01"]
    return noisy[:32000], clean[:32000]


def delayed(samples, delay):
    """Delay a signal by some samples; a negative delay makes it early."""
    return np.pad(samples, (max(0, delay), max(0, -delay)))[max(0, -delay) :][: len(samples)]


def white(count, seed=0):
    return np.random.default_rng(seed).normal(size=count)


@pytest.mark.parametrize(("gain", "offset"), [(1000, 0), (-0.5, 0), (1, 1), (1e-25, 0), (1e30, 3e29)])
def test_gain_and_offset_change_no_score(pair, gain, offset):
    """Rounding to single precision with the offset stays below a hundredth of a decibel."""
    noisy, clean = pair
    before = scores(noisy, clean, MAX_DELAY)
    after = scores((gain * noisy.astype(np.float64) + offset).astype(np.float32), clean, MAX_DELAY)
    assert after == pytest.approx(before, abs=0.01)


def test_numbers_whose_squares_overflow_are_scored(pair):
    noisy, clean = pair
    huge = noisy.astype(np.float64) / np.abs(noisy).max() * 1.7e308
    assert scores(huge, clean, MAX_DELAY) == pytest.approx(scores(noisy, clean, MAX_DELAY), abs=0.01)


@pytest.mark.parametrize("delay", [-1600, -1, 1, 37, 1600])
def test_delay_is_undone_up_to_the_maximum(pair, delay):
    """Only the samples are lost that were pushed out."""
    clean = pair[1]
    estimate, target = normalised(delayed(clean, delay), clean, MAX_DELAY)
    kept = slice(max(0, -delay), len(clean) - max(0, delay))
    assert np.abs(estimate - target)[kept].max() < 0.01 * np.abs(target).max()


def test_a_longer_delay_stays():
    clean = white(16000)
    for delay, undone in ((1600, True), (1601, False)):
        estimate, target = normalised(delayed(clean, delay), clean, MAX_DELAY)
        assert (np.abs(estimate - target).mean() < 0.2) == undone


def test_si_sdr_of_a_known_ratio():
    """Noise without anything of the signal, a tenth of its energy, gives 10 dB; a perfect output stops at 100."""
    clean = white(16000)
    clean -= clean.mean()
    noise = white(16000, seed=1)
    noise -= noise.mean() + clean * (noise @ clean) / (clean @ clean)
    noise *= np.sqrt(0.1 * (clean @ clean) / (noise @ noise))
    assert si_sdr(*normalised(clean + noise, clean, 0.0)) == pytest.approx(10, abs=1e-6)
    assert si_sdr(*normalised(clean, clean, 0.0)) == 100


def test_the_scale_is_that_of_least_squares(pair):
    """No other scale comes nearer to the clean recording."""
    estimate, target = normalised(7 * pair[0], pair[1], MAX_DELAY)
    nearest = np.square(estimate - target).sum()
    assert all(np.square(scale * estimate - target).sum() > nearest for scale in (0.9, 0.99, 1.01, 1.1))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (np.zeros(99, np.float32), "input's shape, (100,), got float32 of shape (99,)"),
        (np.zeros((2, 100), np.float32), "got float32 of shape (2, 100)"),
        (np.zeros(0, np.float32), "got float32 of shape (0,)"),
        (np.ones(100, np.int16), "got int16 of shape (100,)"),
        (np.ones(100, np.complex64), "got complex64 of shape (100,)"),
        (np.full(100, np.nan, np.float32), "expected finite samples, got NaN or infinity"),
        (np.r_[np.ones(99), np.inf], "expected finite samples, got NaN or infinity"),
        (np.zeros(100, np.float32), "expected sound, got silence"),
        (np.full(100, 0.25, np.float32), "expected sound, got silence"),
    ],
)
def test_faults(output, words):
    assert words in fault(output, np.ones(100, np.float32))


def test_sound_has_no_fault():
    for kind in (np.float16, np.float32, np.float64):
        assert fault(white(100).astype(kind), np.ones(100, np.float32)) is None
