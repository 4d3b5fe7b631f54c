"""Super-resolution U-Net: the degradation, the shuffle, and learning of the upper band."""

import copy

import pytest
import scipy.signal
import torch
from torch.nn import functional

from speech_enhancement.metrics import log_spectral_distance, snr
from speech_enhancement.systems.super_resolution_unet import SubpixelShuffle, SuperResolutionUNet, remove_upper_band
from tests.package.systems.checks import check_gradients_and_reload, check_shapes, losses_on_one_batch, published
from tests.package.systems.receptive_field import reached, support
from tests.package.systems.signals import batch, wide_band_voices


def tiny(**changes) -> SuperResolutionUNet:
    torch.manual_seed(0)
    return SuperResolutionUNet(**{"channels": (8, 16), "kernels": (17, 9), "dropout": 0.0, "ratio": 8, **changes})


def tone(frequency: float, time: int = 16000) -> torch.Tensor:
    return torch.sin(2 * torch.pi * frequency / 16000 * torch.arange(time, dtype=torch.float64)).view(1, 1, -1)


def test_published_size():
    paper = published(SuperResolutionUNet)
    assert paper.count_parameters() == 70_977_154
    small = SuperResolutionUNet(**SuperResolutionUNet.sizes["small"])
    assert small.count_parameters() <= 2_000_000
    assert small.context == paper.context == 743, "channels have no part in it"


def test_shapes_of_odd_lengths():
    check_shapes(tiny())
    check_shapes(tiny(), lengths=(1, 31))


def test_double_precision():
    system = tiny().double()
    noisy, clean = (waveform.double() for waveform in batch(0.1))
    assert system(noisy).dtype == system.objective(noisy, clean).dtype == torch.float64


def test_gradients_and_weights():
    check_gradients_and_reload(tiny)


@pytest.mark.parametrize(
    "channels, kernels", [((8, 16), (17, 9)), ((4, 4, 4), (5, 3, 3)), ((1, 1, 1, 1), (65, 33, 17, 9))]
)
def test_receptive_field_is_the_context(channels, kernels):
    """The match is exact over all phases; weights of any sign reach no further."""
    system = tiny(channels=channels, kernels=kernels)
    phases = [support(copy.deepcopy(system), length=2048, position=1024 + phase) for phase in range(system.step)]
    before, after = (max(side) for side in zip(*phases, strict=True))
    assert max(before, after) == system.context, f"{before} and {after} of {system.context}"
    torch.nn.init.normal_(system.outlet.weight)
    for phase in range(0, system.step, 3):
        assert max(reached(system, length=2048, position=1024 + phase)) <= system.context


def test_shuffle_alternates():
    x = torch.arange(12.0).view(1, 4, 3)
    assert SubpixelShuffle()(x).tolist() == [[[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]]]


@pytest.mark.parametrize("ratio", [2, 4, 6])
def test_lower_band_stays_and_upper_band_goes(ratio):
    low, high = tone(0.5 * 8000 / ratio), tone(1.2 * 8000 / ratio)
    middle = slice(1000, 15000)
    kept = remove_upper_band(low, ratio)
    # Twice 0.05 dB of ripple are an error of 1 %; the error of the cubic spline is greater.
    assert snr(kept[..., middle], low[..., middle]) > 25
    assert remove_upper_band(high, ratio)[..., middle].abs().max() < 0.01
    assert torch.allclose(remove_upper_band(low + high, ratio), kept + remove_upper_band(high, ratio))


@pytest.mark.parametrize("time", [4000, 4001, 4003])
def test_samples_that_were_kept_are_those_of_the_decimation(time):
    waveform = batch(0.3)[0][..., :time]
    degraded = remove_upper_band(waveform, 4)
    assert degraded.shape == waveform.shape and degraded.dtype == waveform.dtype
    expected = scipy.signal.decimate(waveform.double().numpy(), 4)
    assert torch.allclose(degraded[..., ::4].double(), torch.from_numpy(expected.copy()), atol=1e-6)
    assert torch.allclose(remove_upper_band(waveform[:1], 4), degraded[:1]), "items are not independent"


def test_begins_with_the_identity():
    noisy, _ = batch(0.3)
    assert (snr(tiny()(noisy), noisy) > 30).all()


def test_makes_its_own_input_from_the_clean_waveform():
    noisy, clean = batch(0.1)
    system = tiny()
    assert torch.equal(system.objective(noisy, clean), system.objective(torch.full_like(noisy, torch.nan), clean))
    expected = functional.mse_loss(system(remove_upper_band(clean, 8)), clean)
    assert torch.equal(system.objective(noisy, clean), expected)


@pytest.mark.slow
def test_learns_the_upper_band():
    """On one batch, the amplitude of the error halves against interpolation, and so does the log-spectral distance."""
    clean = wide_band_voices()
    system = tiny(ratio=4)
    losses = losses_on_one_batch(system, clean, clean, steps=120)
    assert losses[-1] < 0.25 * losses[0], losses[::20]
    degraded = remove_upper_band(clean, 4)
    with torch.no_grad():
        estimate = system.eval()(degraded)
    assert (snr(estimate, clean) > snr(degraded, clean) + 6).all()
    assert (log_spectral_distance(estimate, clean) < 0.5 * log_spectral_distance(degraded, clean)).all()
