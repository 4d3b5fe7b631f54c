"""Spectral subtraction: what it takes from noise, and what it leaves."""

import pytest
import torch

from speech_enhancement.metrics import snr
from speech_enhancement.systems.spectral_subtraction import SpectralSubtraction, subtract_noise
from tests.package.systems.checks import batch, check_shapes
from tests.package.systems.lead_in import noise_first


def test_shapes():
    check_shapes(SpectralSubtraction())


def test_is_the_function_in_both_precisions():
    noisy, _ = batch()
    assert torch.equal(SpectralSubtraction()(noisy), subtract_noise(noisy))
    assert torch.allclose(SpectralSubtraction()(noisy.double()).float(), subtract_noise(noisy), atol=1e-4)


def test_removes_noise_that_it_heard_before_the_voice():
    noisy, clean = noise_first()
    assert (snr(SpectralSubtraction()(noisy), clean) > snr(noisy, clean) + 3).all()


def test_white_noise_falls_to_the_known_share():
    """Of exponentially distributed power P with mean 1, max(P - 1, P / 100) is left: 0.372 on average (-4.3 dB).

    The noise estimate's spread and the overlap of frames, which average what is left, lower that to about -6 dB.
    """
    noise = torch.randn(8, 1, 32000, generator=torch.Generator().manual_seed(1))
    left_db = 10 * (SpectralSubtraction()(noise).square().mean() / noise.square().mean()).log10()
    assert -7 < left_db < -4.3


def test_volume_does_not_matter():
    noisy, _ = batch()
    assert torch.allclose(SpectralSubtraction()(4 * noisy), 4 * SpectralSubtraction()(noisy), atol=1e-5)


def test_noise_that_is_not_there_takes_nothing():
    """Digital silence in the first frames: the noise estimate is zero and the signal comes back."""
    _, clean = batch()
    clean[..., :2000] = 0
    assert SpectralSubtraction()(clean) == pytest.approx(clean, abs=1e-5)
