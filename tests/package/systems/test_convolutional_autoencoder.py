"""One convolution and its transpose: able to pass everything, but taught to pass one piece."""

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import snr
from speech_enhancement.systems.convolutional_autoencoder import ConvolutionalAutoencoder
from speech_enhancement.systems.registry import build
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch

SMALL = {"channels": 16, "kernel_size": 512, "stride": 16}


def small() -> ConvolutionalAutoencoder:
    torch.manual_seed(1)
    return ConvolutionalAutoencoder(**SMALL)


def ratio_in_db(system, signals) -> float:
    with torch.no_grad():
        return snr(system(signals), signals).mean().item()


def test_number_of_parameters():
    system = build("convolutional-autoencoder", "paper")
    assert system.count_parameters() == (2048 * 32 + 32) + (32 * 2048 + 1) == 131_105
    assert build("convolutional-autoencoder").count_parameters() <= 2_000_000


def test_shapes_gradients_and_weights():
    check_shapes(small())
    check_gradients(small(), seconds=0.25)
    check_reload(small(), ConvolutionalAutoencoder(**SMALL))


@pytest.mark.parametrize("time", [4000, 4001, 31])
def test_it_is_a_convolution_and_its_transpose(time):
    system = small().double()
    noisy = torch.randn(2, 1, time, dtype=torch.float64)
    expected = system.decoder(system.encoder(functional.pad(noisy, (0, -time % 16))))[..., :time]
    torch.testing.assert_close(system(noisy), expected)


def test_context_is_one_kernel_less_one():
    assert build("convolutional-autoencoder").context == 2047
    furthest = [reached(small(), 4000, position) for position in range(1992, 2008)]
    assert max(before for before, _ in furthest) == max(after for _, after in furthest) == small().context == 511


def test_32_numbers_for_32_samples_can_hold_everything():
    """With one sample for each channel the layers are the identity, so any failure is one of training."""
    system = ConvolutionalAutoencoder()
    with torch.no_grad():
        for parameter in system.parameters():
            parameter.zero_()
        for layer in (system.encoder, system.decoder):
            layer.weight.view(32, 2048)[range(32), range(1008, 1040)] = 1
    signals = torch.cat([*batch(0.5), torch.randn(1, 1, 8000)])
    assert torch.equal(system(signals), signals)


@pytest.mark.slow
def test_one_piece_teaches_that_piece_alone():
    """Half a second is learned, other pieces of the same kind are not, and white noise least of all."""
    piece, others, white = batch(0.5, size=1)[1], batch(size=8, seed=7)[1], torch.randn(1, 1, 16000)
    system = small()
    losses_on_one_batch(system, piece, piece, steps=300)
    known, unknown, noise = (ratio_in_db(system, signals) for signals in (piece, others, white))
    assert known > 20, f"the piece itself: {known:.1f} dB"
    assert unknown < known - 15, f"others of its kind: {unknown:.1f} dB, the piece itself {known:.1f} dB"
    assert noise < 1, f"white noise: {noise:.1f} dB"


@pytest.mark.slow
def test_noise_that_never_repeats_teaches_the_identity():
    """The same layers learn it in the same number of steps; they had only lacked data in all directions."""
    system = small()
    optimizers = system.optimizers()
    for _ in range(300):
        white = 0.1 * torch.randn(1, 1, 8000)
        system.training_step(white, white, optimizers)
    ratio = ratio_in_db(system, batch(size=8, seed=7)[1])
    assert ratio > 18, f"never heard: {ratio:.1f} dB"


@pytest.mark.slow
def test_learns_to_denoise_one_batch():
    """The noise is 5 dB below the speech; kernels that fit half a second leave less than a third of it."""
    noisy, clean = batch(0.5)
    losses = losses_on_one_batch(small(), noisy, clean, steps=300)
    left = losses[-1] / functional.l1_loss(noisy, clean).item()
    assert left < 0.33, f"{left:.2f} of the noise is left"
