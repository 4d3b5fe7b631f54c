"""Spectral subtraction: the share of noise that it leaves, and signals that it must not change."""

import pytest
import torch

from speech_enhancement.systems.spectral_subtraction import SpectralSubtraction
from tests.package.systems.signals import batch


def test_white_noise_falls_to_the_known_share():
    """An exponentially distributed power P with mean 1 leaves max(P - 1, P / 100), on average 0.372 (-4.3 dB).

    The spread of the noise estimate and the overlap of frames, which averages the rest, lower this to about -6 dB.
    """
    noise = torch.randn(8, 1, 32000, generator=torch.Generator().manual_seed(1))
    left_db = 10 * (SpectralSubtraction()(noise).square().mean() / noise.square().mean()).log10()
    assert -7 < left_db < -4.3


def test_volume_does_not_matter():
    noisy, _ = batch()
    assert torch.allclose(SpectralSubtraction()(4 * noisy), 4 * SpectralSubtraction()(noisy), atol=1e-5)


def test_noise_that_is_not_there_takes_nothing():
    """Digital silence in the first frames makes the noise estimate zero, so the signal comes back unchanged."""
    _, clean = batch()
    clean[..., :2000] = 0
    assert SpectralSubtraction()(clean) == pytest.approx(clean, abs=1e-5)
