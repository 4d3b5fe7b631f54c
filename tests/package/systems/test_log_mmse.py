"""Log-MMSE: the gain against the integral that it solves, and its effect on noise."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import rice

from speech_enhancement.systems.log_mmse import LogMMSE, log_mmse_gain
from speech_enhancement.systems.wiener import Wiener


@pytest.mark.parametrize(("xi", "gamma"), [(0.05, 0.5), (0.3, 4.0), (1.0, 1.0), (5.0, 2.0), (20.0, 30.0)])
def test_gain_is_the_mean_of_the_log_magnitude(xi, gamma):
    """Given a noisy value Y and noise of power 1, speech is Gaussian around W * Y with variance W, W = xi / (1 + xi).

    Its magnitude is Rice distributed, and the estimate is exp(E log |S|).
    """
    wiener = xi / (1 + xi)
    scale = np.sqrt(wiener / 2)
    magnitude = rice(wiener * np.sqrt(gamma) / scale, scale=scale)
    highest = magnitude.ppf(1 - 1e-12)
    mean_log, _ = quad(lambda value: np.log(value) * magnitude.pdf(value), 0, highest, limit=200)
    gain = log_mmse_gain(torch.tensor([xi]).double(), torch.tensor([gamma]).double()).item()
    assert gain == pytest.approx(np.exp(mean_log) / np.sqrt(gamma), rel=1e-5)


def test_leaves_more_noise_than_the_wiener_filter():
    """The logarithm punishes a magnitude that is too small, so the gain for the same input is higher."""
    noise = torch.randn(4, 1, 32000, generator=torch.Generator().manual_seed(1))
    left, left_by_wiener = (system(noise)[..., 16000:].square().mean() for system in (LogMMSE(), Wiener()))
    assert left_by_wiener < left < 0.1 * noise.square().mean()
