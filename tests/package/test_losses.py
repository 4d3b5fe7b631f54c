"""The losses: least for equal signals, and the envelope loss against STOI, which it stands for."""

import pytest
import torch
from pystoi import stoi

from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.losses import CompressedSpectralLoss, EnhancementLoss, EnvelopeLoss
from tests.package.conftest import voice_like


@pytest.fixture
def speech(generator):
    return voice_like(3.0, 120, generator).reshape(1, 1, -1)


@pytest.fixture
def noise(generator):
    return torch.randn(1, 1, 48000, generator=generator)


@pytest.mark.parametrize("loss", [CompressedSpectralLoss(), EnvelopeLoss(), EnhancementLoss()])
def test_noise_costs_more_the_louder_it_is(loss, speech, noise):
    values = [float(loss(mix_at_snr(speech, noise, snr_db), speech)) for snr_db in (30, 10, -10)]
    assert float(loss(speech, speech)) < values[0] < values[1] < values[2]


def test_envelope_loss_does_not_change_with_volume(speech, noise):
    noisy = mix_at_snr(speech, noise, 0)
    assert float(EnvelopeLoss()(3 * noisy, speech)) == pytest.approx(float(EnvelopeLoss()(noisy, speech)), abs=1e-3)


@pytest.mark.parametrize("snr_db", [15, 5])
def test_envelope_loss_is_near_stoi(speech, noise, snr_db):
    """Without resampling and clipping it is 0.045 and 0.065 below STOI, and more under 0 dB, where STOI clips."""
    noisy = mix_at_snr(speech, noise, snr_db)
    expected = stoi(speech[0, 0].numpy(), noisy[0, 0].numpy(), 16000)
    assert 1 - float(EnvelopeLoss()(noisy, speech)) == pytest.approx(expected, abs=0.1)


def test_silence_and_short_signals_have_a_loss_with_a_gradient(noise):
    for length in (600, 48000):
        estimate = noise[..., :length].clone().requires_grad_()
        EnhancementLoss()(estimate, torch.zeros(1, 1, length)).backward()
        assert estimate.grad.isfinite().all()
