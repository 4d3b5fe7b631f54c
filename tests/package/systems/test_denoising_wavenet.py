"""The denoising WaveNet: size and reach of the paper, speech and noise that sum to the input, and learning."""

import pytest
import torch

from speech_enhancement.systems.denoising_wavenet import DenoisingWaveNet
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch, published
from tests.package.systems.receptive_field import reached, support
from tests.package.systems.signals import batch

TINY = {"channels": 16, "skip_channels": 12, "head_channels": (32, 16), "stacks": 2, "dilations": 3}


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    return DenoisingWaveNet(**TINY)


def test_has_the_parameters_of_the_paper():
    system = published(DenoisingWaveNet)
    assert system.count_parameters() == pytest.approx(6.34e6, rel=0.02)
    # Of the published 6,342,657 numbers, 5 in each conditioned channel are for the code of the speaker.
    conditioned = 128 + 30 * 256 + 2048 + 256
    assert system.count_parameters() == 6_342_657 - 5 * conditioned + conditioned


def test_sees_the_receptive_field_of_the_paper():
    narrow = {"channels": 1, "skip_channels": 1, "head_channels": (1, 1)}
    system = DenoisingWaveNet(**narrow)
    stacks = sum(layer.dilated.dilation[0] for layer in system.layers)
    assert 2 * stacks + 1 == 6139
    assert system.context == stacks + 3 == 3072
    assert support(system, length=6500, position=3200) == (3072, 3072)


def test_sees_as_far_as_it_says(tiny):
    assert tiny.context == 17
    assert support(DenoisingWaveNet(**TINY), length=200, position=100) == (17, 17)
    # At the very edge of a deep layer the influence is too small to measure in a signal; nearer the centre it is not.
    before, after = reached(tiny, length=400, position=200)
    assert 10 <= before <= 17 and 10 <= after <= 17, (before, after)


def test_keeps_any_shape(tiny):
    check_shapes(tiny, lengths=(4097, 4096, 1001, 5))


def test_every_parameter_learns(tiny):
    check_gradients(tiny, seconds=0.1)


def test_speech_and_noise_sum_to_the_input(tiny):
    noisy, _ = batch(0.1)
    speech, noise = tiny.separate(noisy)
    torch.testing.assert_close(speech + noise, noisy)
    assert torch.equal(speech, tiny(noisy))


def test_loss_counts_the_error_of_speech_and_of_noise(tiny):
    noisy, clean = batch(0.1)
    speech_error = (tiny(noisy) - clean).abs().mean()
    torch.testing.assert_close(tiny.objective(noisy, clean), 2 * speech_error)


def test_layers_are_gated(tiny):
    layer = tiny.layers[0]
    x = torch.randn(1, 16, 50)
    layer.dilated.bias.data[16:] = -1e3
    residual, skip = layer(x)
    assert not residual.any() and not skip.any(), "a closed gate lets something through"
    layer.dilated.bias.data[:] = 1e3
    residual, _ = layer(x)
    torch.testing.assert_close(residual, layer.outlet.weight[:16].sum(1).unsqueeze(0).expand(1, 16, 50))


@pytest.mark.slow
def test_learns_to_leave_speech_as_it_is(tiny):
    _, clean = batch(0.1)
    losses = losses_on_one_batch(tiny, clean, clean, steps=60)
    # Zeros would cost twice the mean magnitude of speech.
    assert losses[-1] < 0.25 * 2 * clean.abs().mean()


@pytest.mark.slow
def test_learns_to_remove_noise(tiny):
    noisy, clean = batch(0.1)
    losses = losses_on_one_batch(tiny, noisy, clean, steps=60)
    # Harmonics fill the lowest 2 kHz of 8: one low-pass filter halves the amplitude of white noise, sqrt(2 / 8).
    assert losses[-1] < 0.65 * 2 * (noisy - clean).abs().mean()


def test_reads_its_weights_again(tiny):
    check_reload(tiny, DenoisingWaveNet(**TINY))
