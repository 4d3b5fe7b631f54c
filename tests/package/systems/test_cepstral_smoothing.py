"""Cepstral smoothing: the cepstrum and its way back, musical noise, onsets, pitch."""

import pytest
import torch

from speech_enhancement.metrics import si_sdr
from speech_enhancement.stft import stft
from speech_enhancement.systems.cepstral_smoothing import (
    CepstralSmoothing,
    cepstrum,
    gain_of_cepstrum,
    pitch_period,
)
from speech_enhancement.systems.spectral_subtraction import SpectralSubtraction, subtraction_gain
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import noise_first


@pytest.fixture(scope="module")
def noise_gain():
    """Gain of spectral subtraction for white noise, `(4, 1, 257, 501)`."""
    noise = torch.randn(4, 1, 64000, generator=torch.Generator().manual_seed(0))
    return subtraction_gain(stft(noise).abs().square())


def lonely_share(gain):
    """Compute the share of bins 10 dB above the mean of their 8 neighbours in frequency and time: musical noise."""
    neighbours = torch.nn.functional.avg_pool2d(gain.flatten(0, 1), 3, stride=1)
    middle = gain.flatten(0, 1)[:, 1:-1, 1:-1]
    return (middle > 10 ** (10 / 20) * (9 * neighbours - middle) / 8).double().mean().item()


def test_shapes():
    check_shapes(CepstralSmoothing())


def test_cepstrum_is_undone_and_is_the_transform_of_the_whole_spectrum(noise_gain):
    coefficients = cepstrum(noise_gain[0, 0].double())
    assert torch.allclose(gain_of_cepstrum(coefficients), noise_gain[0, 0].double(), atol=1e-12)
    frame = noise_gain[0, 0, :, 3].double().log()
    whole = torch.fft.ifft(torch.cat([frame, frame[1:-1].flip(0)])).real
    assert torch.allclose(coefficients[:, 3], whole[:257], atol=1e-12)


def test_without_memory_it_is_spectral_subtraction():
    noisy, _ = noise_first()
    without = CepstralSmoothing(memory=0, pitch_memory=0)
    assert torch.allclose(without(noisy), SpectralSubtraction()(noisy), atol=1e-5)


def test_musical_noise_goes(noise_gain):
    smoothed = CepstralSmoothing().smooth(noise_gain)
    assert lonely_share(noise_gain) > 0.01
    assert lonely_share(smoothed) < 0.1 * lonely_share(noise_gain)
    assert smoothed.log().var() < 0.5 * noise_gain.log().var()


def test_the_mean_of_the_log_gain_stays(noise_gain):
    """Smoothing is an average of logarithms over time: it keeps the level and removes fluctuations."""
    smoothed = CepstralSmoothing().smooth(noise_gain)[..., 50:]
    assert smoothed.log().mean().item() == pytest.approx(noise_gain[..., 50:].log().mean().item(), abs=0.02)


def test_an_onset_of_the_whole_spectrum_is_not_delayed():
    """The onset is in the lowest quefrencies, which keep nothing of the previous frame."""
    gain = torch.full((1, 257, 20), 0.1)
    gain[..., 10:] = 1
    assert torch.allclose(CepstralSmoothing().smooth(gain), gain, atol=1e-4)


@pytest.mark.parametrize("period", [60, 100, 160])
def test_pitch_is_found_and_its_comb_rises_faster_than_other_fine_structure(period):
    """A comb of gains sets in at frame 10: three frames later it is deeper than if the pitch were smoothed too."""
    frequency = torch.arange(257).reshape(1, 257, 1)
    comb = torch.exp(torch.cos(2 * torch.pi * frequency * period / 512) - 1).expand(1, 257, 20)
    assert (pitch_period(cepstrum(comb)) == period).all()
    gain = torch.where(torch.arange(20) < 10, comb.log().mean().exp(), comb)
    depth = [
        CepstralSmoothing(pitch_memory=memory).smooth(gain)[..., 12].log().std() / comb.log().std()
        for memory in (0.4, 0.8)
    ]
    assert depth[0].item() == pytest.approx(1 - 0.4**3, abs=0.02)
    assert depth[1].item() == pytest.approx(1 - 0.8**3, abs=0.02)


def test_speech_is_enhanced_no_less():
    noisy, clean = noise_first()
    gained, without = (si_sdr(system(noisy), clean) for system in (CepstralSmoothing(), SpectralSubtraction()))
    assert (gained > si_sdr(noisy, clean) + 3).all() and (gained > without - 1).all()


def test_digital_silence_stays_silent():
    assert not CepstralSmoothing()(torch.zeros(1, 1, 8000)).any()
