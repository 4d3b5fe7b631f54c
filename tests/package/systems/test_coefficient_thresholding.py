"""Coefficient thresholding: soft and hard against their definitions, the threshold on noise, the two corruptions."""

import pytest
import torch

from speech_enhancement.metrics import snr
from speech_enhancement.stft import stft
from speech_enhancement.systems.coefficient_thresholding import (
    CoefficientThresholding,
    quantile_noise_power,
    raise_small,
    shrink,
    through,
    universal_threshold,
    zero_small,
)
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import batch, noise_first

SPECTROGRAM = torch.tensor([[3 + 4j, -0.3 + 0.4j, 0j, -2j]])
"""Magnitudes 5, 0.5, 0 and 2."""


@pytest.fixture
def noise_spectrogram():
    return stft(torch.randn(2, 1, 64000, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("threshold", [shrink, zero_small])
def test_shapes(threshold):
    check_shapes(CoefficientThresholding(threshold))


def test_hard_soft_and_raised_by_hand():
    assert torch.equal(zero_small(SPECTROGRAM, 1.0), torch.tensor([[3 + 4j, 0, 0, -2j]]))
    assert torch.allclose(shrink(SPECTROGRAM, 1.0), torch.tensor([[0.8 * (3 + 4j), 0, 0, -1j]]))
    assert torch.allclose(raise_small(SPECTROGRAM), torch.tensor([[3 + 4j, -0.6 + 0.8j, 1, -2j]]))
    assert torch.allclose(raise_small(SPECTROGRAM, 0.1), torch.tensor([[3 + 4j, -0.3 + 0.4j, 1, -2j]]))


@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.8])
def test_noise_power_is_found_at_every_quantile(noise_spectrogram, quantile):
    power = noise_spectrogram.abs().square()
    ratio = quantile_noise_power(power, quantile)[..., 2:-2, :] / power.mean(dim=-1, keepdim=True)[..., 2:-2, :]
    assert ratio.mean().item() == pytest.approx(1, abs=0.03) and ratio.std() < 0.2


def test_speech_that_comes_and_goes_moves_the_noise_estimate_little(noise_spectrogram):
    power = noise_spectrogram.abs().square()
    with_speech = power.clone()
    with_speech[..., ::4] *= 1000
    ratio = quantile_noise_power(with_speech) / quantile_noise_power(power)
    assert 1 < ratio.mean() < 2, "the median lies at 2/3 of the frames without speech, 2 dB higher"


def test_hardly_any_noise_is_above_the_universal_threshold(noise_spectrogram):
    above = noise_spectrogram.abs() > universal_threshold(noise_spectrogram)
    assert above.double().mean() < 1e-4
    assert (noise_spectrogram.abs() > 0.6 * universal_threshold(noise_spectrogram)).double().mean() > 1e-3


@pytest.mark.parametrize("threshold", [shrink, zero_small])
def test_noise_is_removed(threshold):
    noisy, clean = noise_first()
    assert (snr(CoefficientThresholding(threshold)(noisy), clean) > snr(noisy, clean) + 2).all()


def test_corruptions_of_a_waveform():
    """At a threshold of 0 both give the waveform back; at 1 holes take little power and raising adds much."""
    _, clean = batch()
    assert torch.allclose(through(lambda spectrogram: zero_small(spectrogram, 0.0), clean), clean, atol=1e-5)
    assert torch.allclose(through(lambda spectrogram: raise_small(spectrogram, 0.0), clean), clean, atol=1e-5)
    holes = through(lambda spectrogram: zero_small(spectrogram, 1.0), clean)
    filled = through(raise_small, clean)
    assert (stft(holes).abs().median() < 0.1).all() and (stft(filled).abs().median() > 0.3).all()
    assert (snr(holes, clean) > 10).all() and (snr(filled, clean) < snr(holes, clean)).all()
