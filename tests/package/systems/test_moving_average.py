"""The moving average: its response to tones, noise and steps, and its ends."""

import math

import pytest
import torch

from speech_enhancement.systems.moving_average import MovingAverage
from tests.package.systems.checks import check_shapes
from tests.package.systems.receptive_field import reached


def gain(length, frequency):
    """Measure the factor, with its sign, by which a tone comes back away from the ends."""
    tone = torch.cos(2 * torch.pi * frequency / 16000 * torch.arange(-8000, 8001, dtype=torch.float64))
    return MovingAverage(length)(tone.reshape(1, 1, -1))[0, 0, 8000].item()


def test_shapes():
    check_shapes(MovingAverage())


@pytest.mark.parametrize("length", [3, 5, 9, 17])
def test_zeros_lie_at_multiples_of_rate_over_length(length):
    for multiple in range(1, length // 2 + 1):
        assert abs(gain(length, 16000 * multiple / length)) < 1e-12


@pytest.mark.parametrize("length", [1, 3, 5, 9, 17])
@pytest.mark.parametrize("frequency", [0.0, 200.0, 1111.0, 2500.0, 5000.0, 7999.0])
def test_response_follows_the_formula(length, frequency):
    angle = math.pi * frequency / 16000
    expected = math.sin(length * angle) / (length * math.sin(angle)) if angle else 1.0
    assert gain(length, frequency) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("length", "frequency"), [(3, 2484.4), (5, 1442.5), (9, 791.7), (17, 417.5)])
def test_minus_3_db_lie_where_the_table_says(length, frequency):
    assert gain(length, frequency) ** 2 == pytest.approx(0.5, abs=1e-4)


def test_white_noise_falls_by_the_length():
    noise = torch.randn(1, 1, 160000, generator=torch.Generator().manual_seed(0))
    assert MovingAverage(9)(noise).var().item() == pytest.approx(1 / 9, rel=0.05)


def test_a_step_becomes_a_ramp_and_a_constant_stays_to_its_ends():
    step = torch.cat([torch.zeros(50), torch.ones(50)]).reshape(1, 1, -1)
    averaged = MovingAverage(5)(step).flatten()
    assert averaged[48:52].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert torch.equal(averaged[:48], torch.zeros(48)) and averaged[52:] == pytest.approx(torch.ones(48))


@pytest.mark.parametrize("length", [1, 5, 17])
def test_context_is_what_is_reached(length):
    assert reached(MovingAverage(length), 4097, 2000) == (MovingAverage(length).context,) * 2


@pytest.mark.parametrize("length", [0, 4, -3])
def test_even_lengths_are_refused(length):
    with pytest.raises(ValueError, match="odd"):
        MovingAverage(length)
