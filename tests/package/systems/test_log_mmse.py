"""Log-MMSE: the gain beside the integral that it is the solution of, and what it does to speech and noise."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import rice

from speech_enhancement.metrics import snr
from speech_enhancement.systems.log_mmse import LogMMSE, filter_by_log_mmse, log_mmse_gain
from speech_enhancement.systems.wiener import Wiener
from tests.package.systems.checks import batch, check_shapes
from tests.package.systems.lead_in import noise_first


def test_shapes():
    check_shapes(LogMMSE())


def test_is_the_function_in_both_precisions():
    noisy, _ = batch()
    assert torch.equal(LogMMSE()(noisy), filter_by_log_mmse(noisy))
    assert torch.allclose(LogMMSE()(noisy.double()).float(), filter_by_log_mmse(noisy), atol=1e-3)


@pytest.mark.parametrize(("xi", "gamma"), [(0.05, 0.5), (0.3, 4.0), (1.0, 1.0), (5.0, 2.0), (20.0, 30.0)])
def test_gain_is_the_mean_of_the_log_magnitude(xi, gamma):
    """With noise of power 1, speech given its noisy value is Gaussian around W * Y with variance W, W = xi / (1 + xi).

    Its magnitude is Rice distributed, and the estimate is exp(E log |S|).
    """
    wiener = xi / (1 + xi)
    scale = np.sqrt(wiener / 2)
    magnitude = rice(wiener * np.sqrt(gamma) / scale, scale=scale)
    highest = magnitude.ppf(1 - 1e-12)
    mean_log, _ = quad(lambda value: np.log(value) * magnitude.pdf(value), 0, highest, limit=200)
    gain = log_mmse_gain(torch.tensor([xi]).double(), torch.tensor([gamma]).double()).item()
    assert gain == pytest.approx(np.exp(mean_log) / np.sqrt(gamma), rel=1e-5)


def test_removes_noise_that_it_heard_before_the_voice():
    noisy, clean = noise_first()
    assert (snr(LogMMSE()(noisy), clean) > snr(noisy, clean) + 5).all()


def test_leaves_more_noise_than_the_wiener_filter():
    """The logarithm punishes a magnitude that is too small, so the gain is higher wherever both see the same."""
    noise = torch.randn(4, 1, 32000, generator=torch.Generator().manual_seed(1))
    left, left_by_wiener = (system(noise)[..., 16000:].square().mean() for system in (LogMMSE(), Wiener()))
    assert left_by_wiener < left < 0.1 * noise.square().mean()
