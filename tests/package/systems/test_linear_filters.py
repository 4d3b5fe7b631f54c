"""The linear filters: tones through them against the formulas of the response, and no delay."""

import numpy as np
import pytest
import torch
from scipy.special import eval_chebyt

from speech_enhancement.systems.linear_filters import ButterworthFilter, ChebyshevFilter, EllipticFilter
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import batch

KINDS = (ButterworthFilter, ChebyshevFilter, EllipticFilter)
TIME = torch.arange(48000, dtype=torch.float64) / 16000


def gains_db(system, frequencies):
    """Measure the gain of tones of 3 s in their middle second; each tone is an item of one batch."""
    tones = torch.exp(2j * torch.pi * torch.tensor(frequencies).reshape(-1, 1, 1) * TIME)
    left = torch.complex(system(tones.real), system(tones.imag))[..., 16000:32000]
    gain = (left * tones[..., 16000:32000].conj()).mean(dim=-1).flatten()
    assert gain.imag.abs().max() < 1e-6, "a phase is shifted"
    return 20 * gain.real.abs().log10().numpy()


def distance_from_band(frequencies, low_hz=80.0, high_hz=7000.0):
    """Compute the low-pass frequency w to which the bilinear transform maps a frequency of the band-pass."""
    low, high, frequency = (np.tan(np.pi * np.asarray(hz) / 16000) for hz in (low_hz, high_hz, frequencies))
    return (frequency**2 - low * high) / (frequency * (high - low))


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    check_shapes(kind())


FREQUENCIES = [50.0, 65.0, 80.0, 100.0, 150.0, 400.0, 1000.0, 3000.0, 6000.0, 7000.0, 7200.0]


def test_butterworth_follows_its_formula():
    expected = -2 * 10 * np.log10(1 + distance_from_band(FREQUENCIES) ** 8)
    assert gains_db(ButterworthFilter(), FREQUENCIES) == pytest.approx(expected, abs=0.01)


def test_chebyshev_follows_its_formula():
    ripple = 10**0.025 - 1  # of one pass: half of half a dB
    expected = -2 * 10 * np.log10(1 + ripple * eval_chebyt(4, distance_from_band(FREQUENCIES)) ** 2)
    assert gains_db(ChebyshevFilter(), FREQUENCIES) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("ripple_db", "attenuation_db"), [(0.5, 60.0), (2.0, 40.0)])
def test_elliptic_keeps_ripple_and_attenuation(ripple_db, attenuation_db):
    system = EllipticFilter(ripple_db=ripple_db, attenuation_db=attenuation_db)
    within = gains_db(system, [*np.geomspace(80, 160, 20), *np.linspace(160, 7000, 20)])
    assert within.max() < 0.01 and within.min() == pytest.approx(-ripple_db, abs=0.02)
    outside = gains_db(system, [*np.linspace(5, 50, 20), *np.linspace(7350, 7950, 20)])
    assert outside.max() < -attenuation_db + 0.1 and outside.max() > -attenuation_db - 6


def test_steeper_for_more_ripple():
    """The measure is the mains hum at 50 Hz."""
    gains = [gains_db(kind(), [50.0])[0] for kind in KINDS]
    assert gains[0] > gains[1] + 3 > gains[2] + 6


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_delayed(kind):
    """A symmetric pulse stays symmetric about its middle."""
    pulse = torch.exp(-0.5 * ((TIME - 1.5) / 5e-4).square()) * torch.cos(2 * torch.pi * 1000 * (TIME - 1.5))
    filtered = kind()(pulse.reshape(1, 1, -1)).flatten()
    assert filtered.argmax() == 24000
    before, after = filtered[1:24000], filtered[24001:].flip(0)
    assert torch.allclose(before, after, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_is_linear_and_a_signal_in_band_stays(kind):
    noisy, clean = (waveform.double() for waveform in batch())
    assert torch.allclose(kind()(noisy), kind()(noisy - clean) + kind()(clean), atol=1e-10)
    left = (kind()(clean) - clean).square().sum() / clean.square().sum()
    assert left < 10 ** (-20 / 10), "harmonics above 100 Hz are changed by more than 1 %"
