"""MU-GAN: the U-Net of its predecessor, the code of the autoencoder, the discriminator, and learning of all three."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from speech_enhancement.metrics import snr
from speech_enhancement.systems.mu_gan import MUGAN, Autoencoder, Discriminator
from speech_enhancement.systems.super_resolution_unet import SuperResolutionUNet, remove_upper_band
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch

GENERATOR = {"channels": (8, 16), "kernels": (17, 9), "dropout": 0.0, "ratio": 8}


def tiny(pretraining_steps: int = 2) -> MUGAN:
    torch.manual_seed(0)
    return MUGAN(discriminator_channels=(8, 16, 16), pretraining_steps=pretraining_steps, **GENERATOR)


class Constant(nn.Module):
    """A discriminator that always gives the same verdict."""

    def __init__(self, verdict: float):
        super().__init__()
        self.verdict = verdict

    def forward(self, waveform):
        return torch.full((len(waveform),), self.verdict)


@pytest.mark.parametrize("size", ["paper", "small"])
def test_has_the_size_of_its_predecessor(size):
    with torch.device("meta"):
        system, predecessor = (kind(**kind.sizes[size]) for kind in (MUGAN, SuperResolutionUNet))
    assert system.count_parameters() == predecessor.count_parameters()
    assert system.context == predecessor.context
    if size == "paper":
        assert system.count_parameters() == pytest.approx(71.0e6, rel=0.02)
    else:
        assert system.count_parameters() <= 2e6


def test_enhances_as_its_generator_does():
    system = tiny()
    noisy, _ = batch(0.1)
    assert torch.equal(system(noisy), system.generator(noisy))
    check_shapes(system, lengths=(4097, 1001, 31, 1))


def test_double_precision():
    system = tiny().double()
    noisy, clean = (waveform.double() for waveform in batch(0.02))
    system.pretrain(itertools.repeat((noisy, clean)))
    assert system(noisy).dtype == system.objective(noisy, clean).dtype == torch.float64


def test_every_parameter_learns():
    check_gradients(tiny(), seconds=0.2)


def test_sees_no_further_than_it_says():
    system = tiny()
    nn.init.normal_(system.generator.outlet.weight)
    reaches = [reached(system, length=1000, position=500 + phase) for phase in range(8)]
    furthest = max(max(both) for both in reaches)
    assert system.context - 8 <= furthest <= system.context, (furthest, system.context)


@pytest.mark.parametrize("time", [320, 321, 351])
def test_code_has_a_quarter_as_many_numbers_as_samples(time):
    autoencoder = Autoencoder()
    waveform = batch(0.1)[1][..., :time]
    samples, code = autoencoder.activations(waveform)
    assert torch.equal(samples, waveform)
    assert code.shape == (2, 8, -(-time // 32))  # 8 channels of a 32nd of the samples
    assert autoencoder(waveform).shape == waveform.shape


@pytest.mark.slow
def test_autoencoder_learns_clean_speech():
    system = tiny(pretraining_steps=80)
    _, clean = batch(0.1)
    system.pretrain(itertools.repeat((torch.full_like(clean, torch.nan), clean)))
    with torch.no_grad():
        reconstruction = system.feature_loss.network(clean)
    # The fundamental alone would give 4.5 dB: it has 1 of the power 1 + 1/4 + ... + 1/121 = 1.56.
    assert snr(reconstruction, clean).mean() > 6
    assert system.feature_loss(torch.zeros_like(clean), clean) == pytest.approx(2, rel=1e-4), "one for each distance"


def test_discriminator_gives_the_mean_of_what_it_finds():
    discriminator = Discriminator((2, 3))
    waveform = torch.randn(4, 1, 401)
    with torch.no_grad():
        verdicts = discriminator(waveform)
        twice = discriminator(torch.cat([waveform, waveform], dim=-1))
    assert verdicts.shape == (4,)
    torch.testing.assert_close(twice, verdicts, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("verdict", [-2.0, 0.0, 3.0])
def test_loss_of_the_generator(verdict):
    system = tiny().eval()
    system.discriminator = Constant(verdict)
    noisy, clean = batch(0.1)
    system.feature_loss.weights.copy_(torch.tensor([0.1, 0.3]))
    encoder = system.feature_loss.network.encoder
    with torch.no_grad():
        estimate = system(remove_upper_band(clean, 8))
        expected = functional.mse_loss(estimate, clean) / 0.1
        expected += functional.mse_loss(encoder(estimate), encoder(clean)) / 0.3
        # The discriminator gives log odds; the cost is -log of the probability of being genuine.
        expected -= 0.01 * torch.tensor(verdict).sigmoid().log()
        torch.testing.assert_close(system.objective(torch.full_like(noisy, torch.nan), clean), expected)


@pytest.mark.slow
def test_discriminator_learns_to_tell_clean_from_estimated():
    system = tiny()
    nn.init.normal_(system.generator.outlet.weight, std=0.1)  # estimates with noise of their own
    noisy, clean = batch(0.1)
    of_generator, of_discriminator = system.optimizers()
    of_generator.param_groups[0]["lr"] = 0
    of_discriminator.param_groups[0]["lr"] *= 30  # since the steps are few
    before = [parameter.clone() for parameter in system.generator.parameters()]
    for _ in range(30):
        system.training_step(noisy, clean, [of_generator, of_discriminator])
    assert all(torch.equal(*pair) for pair in zip(before, system.generator.parameters(), strict=True))
    with torch.no_grad():
        for_real = system.discriminator(clean).sigmoid()
        for_fake = system.discriminator(system(remove_upper_band(clean, 8))).sigmoid()
    assert (for_real > 0.7).all() and (for_fake < 0.3).all(), (for_real, for_fake)


def test_each_part_has_its_own_optimizer():
    system = tiny()
    optimizers = system.optimizers()
    held = [{id(parameter) for parameter in optimizer.param_groups[0]["params"]} for optimizer in optimizers]
    parts = system.generator, system.discriminator
    assert held == [{id(parameter) for parameter in part.parameters()} for part in parts]
    optimizers[1].param_groups[0]["lr"] = 0
    before = [parameter.clone() for parameter in system.discriminator.parameters()]
    system.training_step(*batch(0.1), optimizers)
    assert all(torch.equal(*pair) for pair in zip(before, system.discriminator.parameters(), strict=True))


def test_begins_with_the_identity():
    """A complete input leaves nothing to learn: the system returns it from the start."""
    _, clean = batch(0.2)
    assert (snr(tiny()(clean), clean) > 30).all()


@pytest.mark.slow
def test_learns_the_upper_band():
    """On one batch, at least three quarters of the power that interpolation lacks are learned."""
    noisy, clean = batch(0.1)
    system = tiny(pretraining_steps=40)
    system.pretrain(itertools.repeat((noisy, clean)))
    losses = losses_on_one_batch(system, noisy, clean, steps=100)
    assert losses[-1] < 0.5 * losses[0], losses[::20]
    degraded = remove_upper_band(clean, 8)
    with torch.no_grad():
        gain = snr(system.eval()(degraded), clean) - snr(degraded, clean)
    assert (gain > 6).all(), f"gains of {gain.flatten().tolist()} dB"


def test_reads_its_weights_again():
    system, fresh = tiny(), tiny()
    system.pretrain(itertools.repeat(batch(0.1)))
    losses_on_one_batch(system, *batch(0.1), steps=2)
    check_reload(system, fresh)
    noisy, clean = batch(0.1)
    assert torch.equal(fresh.objective(noisy, clean), system.objective(noisy, clean))


def test_epochs_are_compared_without_the_discriminator():
    system, (noisy, clean) = tiny().eval(), batch(0.25)
    before = system.validation_loss(noisy, clean)
    torch.nn.init.normal_(system.discriminator.layers[-1].weight)
    assert system.validation_loss(noisy, clean) == before != system.objective(noisy, clean)
