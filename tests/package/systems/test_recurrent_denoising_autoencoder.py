"""Three hidden layers on frames, the middle one recurrent."""

import itertools

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import si_sdr
from speech_enhancement.systems.blocks.mel_gain import windows
from speech_enhancement.systems.recurrent_denoising_autoencoder import RecurrentDenoisingAutoencoder
from speech_enhancement.systems.registry import build
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch


def small() -> RecurrentDenoisingAutoencoder:
    torch.manual_seed(1)
    return RecurrentDenoisingAutoencoder(width=48)


def test_number_of_parameters():
    expected = (120 * 500 + 500) + (2 * 500 * 500 + 2 * 500) + (500 * 500 + 500) + (500 * 40 + 40)
    assert build("recurrent-denoising-autoencoder", "paper").count_parameters() == expected
    assert build("recurrent-denoising-autoencoder").count_parameters() <= 2_000_000


def test_shapes_gradients_and_weights():
    check_shapes(small())
    check_gradients(small())
    trained = small()
    trained.pretrain(itertools.repeat(batch(0.5)))
    check_reload(trained, small())


def test_the_formulas_frame_by_frame():
    system = small()
    features = torch.randn(2, 9, 40)
    hidden = torch.zeros(2, 48)
    for time, window in enumerate(windows(features, 3).flatten(2).unbind(dim=1)):
        below = system.middle.weight_ih_l0 @ torch.tanh(system.first(window)).T + system.middle.bias_ih_l0[:, None]
        memory = system.middle.weight_hh_l0 @ hidden.T + system.middle.bias_hh_l0[:, None]
        hidden = torch.tanh(below + memory).T
        expected = system.outlet(torch.tanh(system.last(hidden)))
        torch.testing.assert_close(system.estimate(features)[:, time], expected)


def test_it_looks_one_frame_ahead_and_back_without_end():
    system = small()
    assert system.context is None
    # The memory is 0.95, and units stay off the flat parts of tanh, which would forget faster.
    with torch.no_grad():
        system.middle.weight_hh_l0.copy_(0.95 * torch.eye(48))
        system.middle.weight_ih_l0.mul_(0.3)
        system.middle.bias_ih_l0.zero_()
        system.middle.bias_hh_l0.zero_()
    positions = (4095, 4097, 4160)
    furthest = [reached(system, 16000, position) for position in positions]
    ahead = max(before for before, _ in furthest)
    assert 0.9 * 638 <= ahead <= 255 + 128 + 255 == 638, f"{ahead} samples ahead"
    assert [after for _, after in furthest] == [15999 - position for position in positions], "not up to the end"


@pytest.mark.slow
@pytest.mark.parametrize("task, left", [("identity", 0.05), ("denoising", 0.1)])
def test_overfits_one_batch(task, left):
    """The error begins at the variance of the features, 1, or at the effect of noise on them, and becomes small."""
    noisy, clean = batch(0.5)
    noisy = clean if task == "identity" else noisy
    system = small()
    system.pretrain(itertools.repeat((noisy, clean)))
    unlearned = functional.mse_loss(system.features(noisy), system.features(clean)).item()
    losses = losses_on_one_batch(system, noisy, clean, steps=200)
    start = 1.0 if task == "identity" else unlearned
    assert losses[-1] < left * start, f"{losses[-1]:.3f} is left of {start:.2f}"
    with torch.no_grad():
        ratio = si_sdr(system.eval()(noisy), clean)
    least = 15 if task == "identity" else si_sdr(noisy, clean) + 5
    assert (ratio > least).all(), f"{ratio.flatten().tolist()} dB"
