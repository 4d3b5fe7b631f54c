"""The fully convolutional network: size, reach, layers and learning."""

import pytest
import torch
from torch import nn

from speech_enhancement.systems.fully_convolutional import FullyConvolutional
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.signals import batch

TINY = {"layers": 3, "filters": 6, "kernel": 15}


def test_has_the_parameters_of_the_paper():
    system = FullyConvolutional(**FullyConvolutional.sizes["paper"])
    assert system.count_parameters() == pytest.approx(0.30e6, rel=0.02)
    assert system.count_parameters() == 55 * 30 + 6 * 55 * 30**2 + 55 * 30 + 1 + 7 * 2 * 30


def test_is_eight_convolutions_and_no_dense_layer():
    modules = list(FullyConvolutional().modules())
    assert not [module for module in modules if isinstance(module, nn.Linear)]
    convolutions = [module for module in modules if isinstance(module, nn.Conv1d)]
    assert [layer.kernel_size[0] for layer in convolutions] == [55] * 8
    assert [layer.out_channels for layer in convolutions] == [30] * 7 + [1]


def test_keeps_any_shape():
    check_shapes(FullyConvolutional(**TINY), lengths=(4097, 4096, 1001, 5))


def test_every_parameter_learns():
    check_gradients(FullyConvolutional(**TINY), seconds=0.1)


def test_volume_does_not_matter():
    system = FullyConvolutional(**TINY).eval()
    noisy, _ = batch(0.1)
    with torch.no_grad():
        quiet, loud = system(0.01 * noisy), system(noisy)
    assert torch.allclose(100 * quiet, loud, atol=1e-4 * loud.abs().max())


def test_recordings_of_a_batch_do_not_mix():
    """In training neither, so that a recording is normalised then as it is in enhancement."""
    system = FullyConvolutional(**TINY).train()
    noisy, _ = batch(0.1)
    with torch.no_grad():
        assert torch.allclose(system(noisy)[:1], system.eval()(noisy[:1]), atol=1e-5)


def test_learns_to_leave_speech_as_it_is():
    torch.manual_seed(0)
    _, clean = batch(0.1)
    losses = losses_on_one_batch(FullyConvolutional(**TINY), clean, clean, steps=100)
    # Zeros would cost the mean magnitude of speech, while every layer can become a filter that passes everything.
    assert losses[-1] < 0.25 * clean.abs().mean()
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.slow
def test_learns_to_remove_noise():
    torch.manual_seed(0)
    noisy, clean = batch(0.1)
    losses = losses_on_one_batch(FullyConvolutional(**TINY), noisy, clean, steps=150)
    # Harmonics fill the lowest 2 kHz of 8: one low-pass filter halves the amplitude of white noise, sqrt(2 / 8).
    assert losses[-1] < 0.65 * (noisy - clean).abs().mean()


def test_reads_its_weights_again():
    check_reload(FullyConvolutional(**TINY), FullyConvolutional(**TINY))
