"""Tasks 1.11 to 1.13: SNR, SI-SDR and log-spectral distance."""

import pytest
import torch
from torchmetrics.functional.audio import (
    scale_invariant_signal_distortion_ratio,
    signal_noise_ratio,
)

from speech_enhancement.metrics import log_spectral_distance, si_sdr, snr


@pytest.fixture
def pair(generator):
    target = torch.randn(2, 1, 8000, generator=generator)
    return target + 0.3 * torch.randn(2, 1, 8000, generator=generator) + 0.1, target


@pytest.mark.task("1.11", points=1)
def test_snr_of_a_tenth_of_noise(generator):
    """An error of a tenth of the amplitude is an SNR of 20 dB."""
    target = torch.randn(3, 1, 8000, generator=generator)
    value = snr(1.1 * target, target)
    assert value.shape == (3, 1), f"got the shape {tuple(value.shape)}: only time is reduced"
    assert torch.allclose(value, torch.tensor(20.0), atol=0.05), (
        f"got {value.flatten().tolist()} dB: 10 dB mean that amplitudes were taken for powers, -20 that the ratio is"
        " upside down"
    )


@pytest.mark.task("1.11", points=1)
def test_snr_agrees_with_torchmetrics(pair):
    """The value is that of torchmetrics."""
    assert torch.allclose(snr(*pair), signal_noise_ratio(*pair), atol=0.05)


@pytest.mark.task("1.11", points=1)
def test_snr_of_a_perfect_estimate(pair):
    """A perfect estimate gives inf or more than 60 dB, never NaN."""
    value = snr(pair[1], pair[1])
    assert (value > 60).all(), f"got {value.flatten().tolist()}"


@pytest.mark.task("1.12", points=1)
def test_si_sdr_does_not_change_with_volume_and_offset(pair):
    """Neither the volume of the estimate nor a constant added to it changes the value."""
    value = si_sdr(*pair)
    assert value.shape == (2, 1)
    assert torch.allclose(si_sdr(5 * pair[0], pair[1]), value, atol=0.05), (
        "the volume changes it: is the target scaled?"
    )
    assert torch.allclose(si_sdr(pair[0] + 3, pair[1]), value, atol=0.05), (
        "an offset changes it: are the means removed?"
    )


@pytest.mark.task("1.12", points=1)
def test_si_sdr_agrees_with_torchmetrics(pair):
    """The value is that of torchmetrics with zero_mean=True."""
    expected = scale_invariant_signal_distortion_ratio(*pair, zero_mean=True)
    got = si_sdr(*pair)
    assert torch.allclose(got, expected, atol=0.05), (
        f"got {got.flatten().tolist()}, not {expected.flatten().tolist()}: is <e, s> divided by ||s||^2?"
    )


@pytest.mark.task("1.12", points=1)
def test_si_sdr_of_a_perfect_estimate(pair):
    """A perfect estimate, louder or not, gives inf or more than 60 dB, never NaN."""
    value = si_sdr(2 * pair[1], pair[1])
    assert (value > 60).all(), f"got {value.flatten().tolist()}"


@pytest.mark.task("1.13", points=1)
def test_distance_of_equal_signals_is_zero(waveform):
    """Equal signals have a distance of 0, pauses included."""
    waveform[..., 5000:15000] = 0
    value = log_spectral_distance(waveform, waveform)
    assert value.shape == (1, 1), f"got the shape {tuple(value.shape)}: frequency and frames are reduced"
    assert value.abs().max() < 1e-3, f"got {float(value.max())}: is the power held above 1e-10 before the logarithm?"


@pytest.mark.task("1.13", points=1)
def test_distance_of_ten_times_the_amplitude_is_two(waveform):
    """Ten times the amplitude is a hundred times the power: a distance of 2."""
    value = float(log_spectral_distance(10 * waveform, waveform))
    assert value == pytest.approx(2, abs=1e-3), (
        f"got {value:.3f}: 1 means magnitude instead of power, 20 a factor of 10, 4.6 the natural logarithm"
    )


@pytest.mark.task("1.13", points=1)
def test_distance_takes_the_root_before_the_mean_over_frames(waveform):
    """The RMS is taken over frequency, the mean over frames."""
    louder = waveform.clone()
    louder[..., :12400] *= 10
    value = float(log_spectral_distance(louder, waveform))
    assert value == pytest.approx(1, abs=0.05), f"got {value:.3f}: 1.41 means that the RMS is taken over frames too"
