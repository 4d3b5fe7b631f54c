"""Spectral subtraction, the Wiener filter and log-MMSE: functions, and the systems made of them."""

import pytest
import torch

from speech_enhancement.metrics import snr
from speech_enhancement.systems.log_mmse import LogMMSE, filter_by_log_mmse
from speech_enhancement.systems.spectral_subtraction import SpectralSubtraction, subtract_noise
from speech_enhancement.systems.wiener import Wiener, filter_by_wiener
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import batch, noise_first


@pytest.mark.parametrize("kind", [SpectralSubtraction, Wiener, LogMMSE])
def test_shapes(kind):
    check_shapes(kind())


@pytest.mark.parametrize(
    ("kind", "function", "tolerance"),
    [
        (SpectralSubtraction, subtract_noise, 1e-4),
        (Wiener, filter_by_wiener, 1e-3),
        (LogMMSE, filter_by_log_mmse, 1e-3),
    ],
)
def test_system_is_the_function_in_both_precisions(kind, function, tolerance):
    noisy, _ = batch()
    assert torch.equal(kind()(noisy), function(noisy))
    assert torch.allclose(kind()(noisy.double()).float(), function(noisy), atol=tolerance)


@pytest.mark.parametrize(("kind", "gain_db"), [(SpectralSubtraction, 3), (Wiener, 5), (LogMMSE, 5)])
def test_noise_before_the_voice_is_learned_and_removed(kind, gain_db):
    noisy, clean = noise_first()
    assert (snr(kind()(noisy), clean) > snr(noisy, clean) + gain_db).all()
