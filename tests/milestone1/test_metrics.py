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


def decibels(values):
    """List values for a message, to two decimals."""
    return values.detach().double().flatten().round(decimals=2).tolist()


@pytest.mark.task("1.11", points=1)
def test_snr_of_a_tenth_of_noise(generator):
    """An error of a tenth of the amplitude is an SNR of 20 dB, for weak signals too."""
    target = torch.randn(3, 1, 8000, generator=generator)
    value = snr(1.1 * target, target)
    assert value.shape == (3, 1), f"got the shape {tuple(value.shape)}: only time is reduced"
    assert torch.allclose(value, torch.tensor(20.0), atol=0.05), (
        f"got {decibels(value)} dB: 10 means that amplitudes were taken for powers, -20 that the ratio is upside down"
    )
    weak = snr(1.1e-3 * target, 1e-3 * target)
    assert torch.allclose(weak, torch.tensor(20.0), atol=0.05), (
        f"got {decibels(weak)} dB for an RMS of 1e-3, not 20: an epsilon is too large"
    )


@pytest.mark.task("1.11", points=1)
def test_snr_agrees_with_torchmetrics(pair):
    """The value is that of torchmetrics."""
    got, expected = snr(*pair), signal_noise_ratio(*pair)
    assert torch.allclose(got, expected, atol=0.05), (
        f"got {decibels(got)} dB, not {decibels(expected)}: 0.4 more would be the estimate's power in the"
        " numerator, or means removed"
    )


@pytest.mark.task("1.11", points=1)
def test_snr_of_a_perfect_estimate(pair):
    """A perfect estimate gives inf or more than 60 dB, never NaN."""
    value = snr(pair[1], pair[1])
    assert (value > 60).all(), f"got {decibels(value)} dB: nan would be 0 / 0, 60 and less an epsilon that is too large"


@pytest.mark.task("1.12", points=1)
def test_si_sdr_does_not_change_with_volume_and_offset(pair):
    """Neither the volume of the estimate nor a constant added to it changes the value."""
    value = si_sdr(*pair)
    assert value.shape == (2, 1), f"got the shape {tuple(value.shape)}: only time is reduced"
    assert torch.allclose(si_sdr(5 * pair[0], pair[1]), value, atol=0.05), (
        "the volume changes it, as if the target were not scaled to the estimate"
    )
    assert torch.allclose(si_sdr(pair[0] + 3, pair[1]), value, atol=0.05), (
        "an offset changes it, as if the mean of the estimate were not removed"
    )


@pytest.mark.task("1.12", points=1)
def test_si_sdr_agrees_with_torchmetrics(pair):
    """For signals with a mean of 0, the value is that of torchmetrics."""
    estimate, target = (signal - signal.mean(dim=-1, keepdim=True) for signal in pair)
    got, expected = si_sdr(estimate, target), scale_invariant_signal_distortion_ratio(estimate, target)
    assert torch.allclose(got, expected, atol=0.05), (
        f"got {decibels(got)} dB, not {decibels(expected)}, as if <e, s> were not divided by ||s||^2, or the"
        " target in the numerator not scaled"
    )


@pytest.mark.task("1.12", points=1)
def test_si_sdr_of_a_perfect_estimate(pair):
    """A perfect estimate, louder or not, gives inf or more than 60 dB, never NaN."""
    value = si_sdr(2 * pair[1], pair[1])
    assert (value > 60).all(), (
        f"got {decibels(value)} dB: nan would be 0 / 0; else an epsilon is too large, the target not scaled, or a mean"
        " left in"
    )


@pytest.mark.task("1.13", points=1)
def test_distance_of_equal_signals_is_zero(waveform):
    """Equal signals have a distance of 0, pauses included."""
    waveform[..., 5000:15000] = 0
    value = log_spectral_distance(waveform, waveform)
    assert value.shape == (1, 1), f"got the shape {tuple(value.shape)}: frequency and frames are reduced"
    assert value.abs().max() < 1e-3, f"got {float(value.max())}: the power is held above 1e-10 before the logarithm"


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
    assert value == pytest.approx(1, abs=0.05), (
        f"got {value:.3f}: 1.41 means that the RMS is taken over frames, the last dimension, instead of over frequency,"
        " or over both"
    )


### BEGIN HIDDEN TESTS
def snr_by_formula(estimate, target):
    return 10 * torch.log10(target.square().sum(dim=-1) / (estimate - target).square().sum(dim=-1))


def si_sdr_by_formula(estimate, target):
    e, s = (signal - signal.mean(dim=-1, keepdim=True) for signal in (estimate, target))
    fitted = (e * s).sum(dim=-1, keepdim=True) / s.square().sum(dim=-1, keepdim=True) * s
    return 10 * torch.log10(fitted.square().sum(dim=-1) / (e - fitted).square().sum(dim=-1))


def check_values(function, by_formula, estimate, target, alone):
    """Compare the value of each signal with the formula, and that of one signal of the batch alone."""
    expected = by_formula(estimate.double(), target.double()).float()
    value = function(estimate, target)
    assert value.shape == target.shape[:-1]
    assert torch.allclose(value, expected, atol=0.05)
    single = function(estimate[alone], target[alone])
    assert single.shape == ()
    assert float(single) == pytest.approx(float(expected[alone]), abs=0.05)


def check_gradient(function, by_formula, generator):
    """Compare the gradient with that of the formula in double precision."""
    target = torch.randn(2, 1, 2000, generator=generator)
    estimate = (0.7 * target + 0.4 * torch.randn(2, 1, 2000, generator=generator)).requires_grad_()
    exact = estimate.detach().double().requires_grad_()
    (got,) = torch.autograd.grad(function(estimate, target).sum(), estimate)
    (expected,) = torch.autograd.grad(by_formula(exact, target.double()).sum(), exact)
    assert float((got - expected).norm() / expected.norm()) < 1e-2


@pytest.mark.task(
    "1.11",
    points=1,
    category="sizes",
    hint="Is each signal measured by itself, for no leading dimension and for several, and may the value be negative"
    " or above 40 dB, without a clamp?",
)
def test_snr_of_each_signal(generator):
    """Each signal has its own value, below 0 dB and above 40 dB too."""
    target = torch.randn(2, 3, 4, 900, generator=generator) * torch.rand(2, 3, 4, 1, generator=generator).add(0.5)
    level = 10 ** torch.linspace(-2.5, 1, 24).reshape(2, 3, 4, 1)
    estimate = target + level * torch.randn(2, 3, 4, 900, generator=generator)
    check_values(snr, snr_by_formula, estimate, target, alone=(1, 2, 3))


@pytest.mark.task(
    "1.11",
    points=1,
    category="edge cases",
    hint="Is the value right for weak signals, with an RMS of 1e-3: is an epsilon too large?",
)
def test_snr_of_weak_signals(generator):
    """Signals with an RMS of 1e-3 are measured to 0.05 dB."""
    target = 1e-3 * torch.randn(2, 1, 16000, generator=generator)
    for factor, expected in ((1.316228, 10), (2.0, 0)):
        assert torch.allclose(snr(factor * target, target), torch.tensor(float(expected)), atol=0.06)


@pytest.mark.task(
    "1.11",
    points=1,
    category="common mistakes",
    hint="Is it differentiable: does the gradient of the value reach the estimate, with no detach, no_grad, item or"
    " NumPy?",
)
def test_snr_has_a_gradient(generator):
    """The gradient is that of the formula."""
    check_gradient(snr, snr_by_formula, generator)


@pytest.mark.task(
    "1.12",
    points=1,
    category="sizes",
    hint="Is each signal scaled by its own factor, for no leading dimension and for several, where each estimate of a"
    " batch has another volume or sign?",
)
def test_si_sdr_of_each_signal(generator):
    """Each signal has its own scale and value."""
    target = torch.randn(2, 3, 2, 900, generator=generator)
    volume = torch.tensor([1.0, -0.5, 20.0, 0.1, 3.0, 0.05, 1.0, 2.0, -4.0, 0.3, 9.0, 0.7]).reshape(2, 3, 2, 1)
    level = 10 ** torch.linspace(-2, 0.5, 12).reshape(2, 3, 2, 1)
    estimate = volume * (target + level * torch.randn(2, 3, 2, 900, generator=generator))
    check_values(si_sdr, si_sdr_by_formula, estimate, target, alone=(1, 2, 0))


@pytest.mark.task(
    "1.12",
    points=1,
    category="common mistakes",
    hint="Is the mean removed from the target as well as from the estimate, each by its own?",
)
def test_si_sdr_ignores_offsets_of_both(pair):
    """A constant added to the target, the estimate or both changes nothing."""
    estimate, target = pair
    value = si_sdr(estimate, target)
    assert torch.allclose(si_sdr(estimate, target + 3), value, atol=0.05)
    assert torch.allclose(si_sdr(estimate - 2, target + 3), value, atol=0.05)
    offsets = torch.tensor([[1.0], [-4.0]])[..., None]
    assert torch.allclose(si_sdr(estimate + offsets, target - offsets), value, atol=0.05)


@pytest.mark.task(
    "1.12",
    points=1,
    category="edge cases",
    hint="Is the value right for weak signals, with an RMS of 1e-3: is an epsilon too large? Is it never NaN for a"
    " silent estimate or target, where 0 / 0 must be kept away?",
)
def test_si_sdr_of_weak_and_silent_signals(generator):
    """Signals with an RMS of 1e-3 are measured to 0.05 dB, and silence gives no NaN."""
    target = torch.randn(2, 1, 16000, generator=generator)
    estimate = target + 0.3 * torch.randn(2, 1, 16000, generator=generator)
    expected = si_sdr_by_formula(estimate.double(), target.double()).float()
    assert torch.allclose(si_sdr(1e-3 * estimate, 1e-3 * target), expected, atol=0.06)
    silence = torch.zeros_like(target)
    for pair in ((silence, target), (estimate, silence), (silence, silence)):
        assert not si_sdr(*pair).isnan().any()


@pytest.mark.task(
    "1.12",
    points=1,
    category="common mistakes",
    hint="Is it differentiable: does the gradient reach the estimate, through the scale too, with no detach, no_grad,"
    " item or NumPy?",
)
def test_si_sdr_has_a_gradient(generator):
    """The gradient is that of the formula."""
    check_gradient(si_sdr, si_sdr_by_formula, generator)


def distance_by_formula(estimate, target):
    """Compute the distance of two signals (time,) in double precision."""
    window = torch.hann_window(512, dtype=torch.double)
    estimate, target = (
        torch.stft(signal.double(), 512, 128, window=window, return_complex=True)
        .abs()
        .square()
        .clamp_min(1e-10)
        .log10()
        for signal in (estimate, target)
    )
    return float((estimate - target).square().mean(dim=0).sqrt().mean())


@pytest.mark.task(
    "1.13",
    points=1,
    category="sizes",
    hint="Does each signal have its own distance, for no leading dimension and for several: the root of the mean"
    " square over frequency (not a mean of absolute values), averaged over frames, with the STFT's default sizes?",
)
def test_distance_follows_its_formula(generator):
    """Each signal has its own distance, that of the formula."""
    time = torch.arange(5000)
    target = torch.sin(0.4 * time) + 0.01 * torch.randn(2, 3, 5000, generator=generator)
    estimate = torch.sin(0.41 * time) * torch.linspace(0.1, 2, 5000) + 0.03 * torch.randn(
        2, 3, 5000, generator=generator
    )
    value = log_spectral_distance(estimate, target)
    assert value.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            assert float(value[i, j]) == pytest.approx(distance_by_formula(estimate[i, j], target[i, j]), rel=1e-2)
    single = log_spectral_distance(estimate[0, 1], target[0, 1])
    assert single.shape == ()
    assert float(single) == pytest.approx(float(value[0, 1]), rel=1e-3)


@pytest.mark.task(
    "1.13",
    points=1,
    category="edge cases",
    hint="Where one of the two signals is silent, is its power held at 1e-10 (the power, not the magnitude, and no"
    " other number), so that the distance is finite and right?",
)
def test_distance_to_silence(generator):
    """A silent signal counts as one of power 1e-10."""
    signal = torch.randn(1, 8000, generator=generator)
    signal[:, :3000] = 0
    silence = torch.zeros(1, 8000)
    expected = distance_by_formula(signal[0], silence[0])
    for pair in ((signal, silence), (silence, signal)):
        assert float(log_spectral_distance(*pair)) == pytest.approx(expected, abs=0.05)


@pytest.mark.task(
    "1.13",
    points=1,
    category="dtypes and devices",
    hint="Does a float64 input give a float64 result, are the inputs left as they are, and does it hold for weak"
    " signals?",
)
def test_distance_keeps_dtype_and_inputs(generator):
    """Double precision is kept, and a weak signal is as far from its tenth as a strong one."""
    signal = 1e-3 * torch.randn(2, 4000, generator=generator, dtype=torch.double)
    tenth = signal / 10
    before = signal.clone(), tenth.clone()
    value = log_spectral_distance(tenth, signal)
    assert value.dtype == torch.double
    assert torch.equal(signal, before[0]) and torch.equal(tenth, before[1])
    assert torch.allclose(value, torch.tensor(2.0, dtype=torch.double), atol=0.02)


### END HIDDEN TESTS
