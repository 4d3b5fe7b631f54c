"""The deep network prior: the network, the accumulated changes, the gains, and the noise that it finds."""

import itertools

import numpy as np
import pytest
import torch

from speech_enhancement.metrics import si_sdr
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems import deep_network_prior
from speech_enhancement.systems.deep_network_prior import (
    DeepNetworkPrior,
    PriorNetwork,
    accumulate,
    fit,
    mask_of_changes,
)
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import batch

TINY = {"filters": 2, "iterations": 5}


@pytest.fixture
def counts_from_the_second_step(monkeypatch):
    """Shorten the fit for tests that do not depend on its quality."""
    monkeypatch.setattr(deep_network_prior, "FIRST_STEP", 2)


def tone_in_noise() -> tuple[torch.Tensor, torch.Tensor]:
    """Make half a second of a tone of 1 kHz, with white noise 10 dB below it and without: `(1, 1, time)`."""
    tone = torch.sin(2 * torch.pi / 16 * torch.arange(8192)).view(1, 1, -1)
    return tone + 0.22 * torch.randn(tone.shape, generator=torch.Generator().manual_seed(0)), tone


@pytest.mark.usefixtures("counts_from_the_second_step")
def test_shapes():
    check_shapes(DeepNetworkPrior(**TINY), lengths=(1000, 1025))


def test_network_has_the_parameters_of_its_layers():
    """Count weights, biases, and two numbers of batch normalisation a channel, in 6 + 1 + 6 layers and the last one."""
    widths = [60 * level for level in range(1, 7)]
    shapes = [(before, width, 15) for before, width in zip([1, *widths], [*widths, 360], strict=True)]
    shapes += [(below + width, width, 5) for below, width in zip([*widths[1:], 360], widths, strict=True)]
    expected = sum(before * width * kernel + 3 * width for before, width, kernel in shapes) + 61 + 1
    with torch.device("meta"):
        network = PriorNetwork(**{"filters": DeepNetworkPrior.sizes["paper"]["filters"]})
    assert sum(parameter.numel() for parameter in network.parameters()) == expected == 9_279_602


def test_small_network_is_small_and_not_counted():
    """Weights that are fitted to a file are not found by training."""
    network = PriorNetwork(DeepNetworkPrior.sizes["small"]["filters"])
    assert sum(parameter.numel() for parameter in network.parameters()) <= 2_000_000
    assert DeepNetworkPrior().count_parameters() == 0


@pytest.mark.slow
def test_fit_comes_nearer_and_reaches_every_parameter():
    torch.manual_seed(0)
    network = PriorNetwork(4)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    target = batch(0.512, size=1)[1]
    target = 0.1 * target / target.square().mean().sqrt()
    errors = [(output - target).square().mean().item() for output in fit(network, target, 40)]
    assert np.mean(errors[-5:]) < 0.5 * errors[0]
    unchanged = [name for name, parameter in network.named_parameters() if torch.equal(parameter, before[name])]
    assert not unchanged


def test_output_is_not_rounded_in_mixed_precision():
    """Rounding would count as change."""
    with torch.autocast("cpu", torch.bfloat16):
        output = PriorNetwork(2)(batch(0.128)[0])
    assert output.dtype == torch.float32 and not torch.equal(output, output.bfloat16().float())


def test_input_of_the_network_does_not_know_the_file():
    first, second = batch(0.128)[0].split(1)
    outputs = []
    for target in (first, second):
        torch.manual_seed(0)
        outputs.append(next(fit(PriorNetwork(2), target, 1)))
    assert torch.equal(*outputs)


def test_accumulated_changes_by_hand():
    """Changes are relative to the newer magnitude; of 11 values the percentiles are the second and the last but one."""
    before = torch.ones(1, 11)
    after = torch.tensor([[1.0, 2, 2, 2, 2, 2, 2, 2, 2, 4, 8]])
    (first,) = accumulate(iter([before, after]))
    expected = torch.tensor([[0.5] * 9 + [0.75] * 2])
    assert first == pytest.approx(expected)
    *_, last = accumulate([before, after, after])
    assert last == pytest.approx(expected), "no change adds nothing"
    # Each change is clipped, not the sum: the last bin changes by 7, of which 1 is added.
    *_, last = accumulate([before, after, after.flip(1)])
    assert last == pytest.approx(expected + torch.tensor([[0.875, 0.5] + [0.0] * 7 + [1.0, 1.0]]))


def test_mask_falls_with_the_changes():
    total = torch.linspace(2, 5, 257).reshape(257, 1).expand(257, 3).flipud()
    mask = mask_of_changes(total)
    assert not mask[:3].any() and not mask[-1:].any()
    assert mask[3:-1, 0] == pytest.approx((torch.arange(3, 256) / 256).clamp_min(10**-1.8), abs=1e-5)
    quiet = mask_of_changes(torch.tensor([2.0, 5, 5, 5, 5]).view(5, 1))
    assert 20 * quiet[3].log10().item() == pytest.approx(-36), "the lowest"


def test_mask_is_finite_where_nothing_changes():
    assert mask_of_changes(torch.zeros(257, 3)).isfinite().all()


@pytest.mark.usefixtures("counts_from_the_second_step")
def test_same_seed_same_result_and_the_random_state_of_others_is_left_alone():
    noisy, _ = batch(0.1)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = DeepNetworkPrior(**TINY)(noisy)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, DeepNetworkPrior(**TINY)(noisy))
    assert torch.equal(first[1:], DeepNetworkPrior(**TINY)(noisy[1:])), "each file is fitted alone"
    assert not torch.equal(first, DeepNetworkPrior(**TINY, seed=1)(noisy))


@pytest.mark.usefixtures("counts_from_the_second_step")
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_fits_where_gradients_are_off_too(mode):
    noisy = batch(0.1, size=1)[0]
    with mode():
        enhanced = DeepNetworkPrior(**TINY)(noisy)
    assert torch.equal(enhanced, DeepNetworkPrior(**TINY)(noisy)) and not enhanced.requires_grad


def test_gain_is_a_power_of_the_mask(monkeypatch):
    noisy = batch(0.1, size=1)[0]
    total = torch.rand(stft(noisy).shape, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(deep_network_prior, "changes", lambda *_: iter([total]))
    expected = istft(stft(noisy) * mask_of_changes(total).square(), length=noisy.shape[-1])
    assert torch.allclose(DeepNetworkPrior(exponent=2)(noisy), expected, atol=1e-6)


@pytest.mark.usefixtures("counts_from_the_second_step")
def test_volume_does_not_matter():
    noisy = batch(0.1, size=1)[0].double()
    enhanced, louder = DeepNetworkPrior(**TINY)(noisy), DeepNetworkPrior(**TINY)(4 * noisy)
    assert torch.allclose(louder, 4 * enhanced, atol=1e-6)


@pytest.mark.slow
def test_a_tone_changes_less_than_the_noise_around_it():
    """The method rests on this; here it is tested on a small example."""
    noisy, _ = tone_in_noise()
    torch.manual_seed(0)
    outputs = itertools.islice(fit(PriorNetwork(4), 0.1 * noisy / noisy.std(), 75), 49, None)
    *_, total = accumulate(stft(output).abs() for output in outputs)
    changes = total.squeeze().mean(dim=-1)  # of bins of 31.25 Hz
    around = torch.cat([changes[3:29], changes[36:-1]])  # without the three blurred bins on either side
    assert changes[32] < 0.6 * around.mean(), f"{changes[32]:.2f} at 1 kHz, {around.mean():.2f} elsewhere"


@pytest.mark.slow
def test_noise_around_a_tone_is_lowered():
    """With so few steps it is lowered by 1.7 dB."""
    noisy, tone = tone_in_noise()
    enhanced = DeepNetworkPrior(filters=4, iterations=70)(noisy)
    assert si_sdr(enhanced, tone).item() > si_sdr(noisy, tone).item() + 1.25


def test_too_few_iterations_are_refused():
    with pytest.raises(ValueError, match="iterations"):
        DeepNetworkPrior(iterations=50)
