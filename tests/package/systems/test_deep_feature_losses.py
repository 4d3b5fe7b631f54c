"""Deep feature losses: the size and reach of the network, the classifier of noises, and the learning of both."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from speech_enhancement.metrics import snr
from speech_enhancement.systems import deep_feature_losses
from speech_enhancement.systems.deep_feature_losses import (
    AdaptiveNorm,
    ContextAggregation,
    DeepFeatureLosses,
    NoiseClassifier,
    add_noises,
)
from tests.package.systems.checks import check_gradients, check_reload, check_shapes
from tests.package.systems.receptive_field import reached, support
from tests.package.systems.signals import batch

TINY = {"channels": 8, "dilated_layers": 4, "classifier_channels": 16, "classifier_layers": 7}


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    return DeepFeatureLosses(**TINY, pretraining_steps=2)


@pytest.fixture(scope="module")
def pretrained():
    torch.manual_seed(0)
    system = DeepFeatureLosses(**TINY, pretraining_steps=80)
    system.pretrain(batch(0.2, size=8, seed=seed) for seed in itertools.count())
    return system


def test_has_the_parameters_of_the_program():
    system = DeepFeatureLosses(**DeepFeatureLosses.sizes["paper"])
    # There are 13 dilated layers and a plain one; each normalisation has two numbers and a shift for each channel.
    assert system.count_parameters() == 3 * 64 + 13 * 3 * 64**2 + 14 * (2 + 64) + 64 + 1 == 160_925
    dilations = [layer.dilation[0] for layer in system.system.layers if isinstance(layer, nn.Conv1d)]
    assert dilations == [*(2**power for power in range(13)), 1, 1]


def test_sees_the_receptive_field_of_the_program():
    system = ContextAggregation(channels=1)
    assert 2 * system.context + 1 == 2**14 + 1
    assert support(system, length=16_600, position=8_300) == (8192, 8192)


def test_begins_near_the_identity():
    torch.manual_seed(0)
    noisy = 0.1 * torch.randn(1, 1, 32000)
    for size in DeepFeatureLosses.sizes.values():
        with torch.no_grad():
            assert snr(ContextAggregation(size.get("channels", 64)).eval()(noisy), noisy) > 5


def test_sees_as_far_as_it_says(tiny):
    assert tiny.context == 16
    assert reached(tiny, length=101, position=50) == (16, 16)


def test_keeps_any_shape(tiny):
    check_shapes(tiny, lengths=(4097, 1001, 5, 1))


def test_double_precision(tiny):
    noisy, clean = (waveform.double() for waveform in batch(0.02))
    tiny.double().pretrain(itertools.repeat((noisy, clean)))
    assert tiny(noisy).dtype == tiny.objective(noisy, clean).dtype == torch.float64


def test_every_parameter_learns(tiny):
    for module in tiny.modules():
        if isinstance(module, AdaptiveNorm):
            # The normalised part, and its shift with it, begins with a weight of zero.
            nn.init.constant_(module.normalised, 0.5)
    check_gradients(tiny, seconds=0.1)


def test_normalisation_is_a_mixture():
    norm, x = AdaptiveNorm(3).double(), 2 + 5 * torch.randn(4, 3, 20, dtype=torch.float64)
    assert torch.equal(norm(x), x), "it does not begin with the identity"
    nn.init.constant_(norm.plain, 0.5)
    nn.init.constant_(norm.normalised, 2)
    nn.init.normal_(norm.shift)
    normalised = functional.batch_norm(x, None, None, training=True)
    torch.testing.assert_close(norm(x), 0.5 * x + 2 * normalised + 2 * norm.shift)


def test_classifier_is_that_of_the_program():
    with torch.device("meta"):
        classifier = NoiseClassifier()
        outputs = classifier.activations(torch.zeros(2, 1, 16384))
        assert classifier(torch.zeros(2, 1, 16384)).shape == (2, len(deep_feature_losses.KINDS))
    assert [tuple(output.shape[1:]) for output in outputs] == [
        *((32, 2**power) for power in (13, 12, 11, 10, 9)),
        (64, 256),
    ]
    convolutions = [layer[0] for layer in classifier.layers]
    assert [layer.out_channels for layer in convolutions] == [32] * 5 + [64] * 5 + [128] * 4
    assert [layer.stride[0] for layer in convolutions] == [2] * 13 + [1]


def test_noises_are_added_to_the_speech(monkeypatch):
    """Speech stays as it is, the noise of an item is of the named kind, and the SNR spans its range."""
    kinds = {"falling": lambda length, generator: -torch.ones(length), "rising": lambda length, _: torch.ones(length)}
    monkeypatch.setattr(deep_feature_losses, "KINDS", kinds)
    torch.manual_seed(0)
    clean = batch(0.1, size=100)[1]
    mixture, names = add_noises(clean)
    noise = mixture - clean
    torch.testing.assert_close(noise.std(dim=-1), torch.zeros(100, 1), atol=1e-6, rtol=0)
    assert torch.equal(noise.mean(dim=(1, 2)) > 0, names == 1)
    assert 30 < names.sum() < 70
    ratios = snr(mixture, clean)
    assert ratios.min() >= -5.01 and ratios.max() <= 15.01 and ratios.max() - ratios.min() > 15
    assert not torch.equal(mixture, add_noises(clean)[0]), "the noises are always the same"


def test_classifier_learns_to_name_noises(pretrained):
    torch.manual_seed(1)
    mixture, names = add_noises(batch(0.2, size=160, seed=10_000)[1])
    with torch.no_grad():
        share = (pretrained.feature_loss.network(mixture).argmax(dim=1) == names).float().mean()
    # Chance is 1 / 8, and 160 guesses stay within 0.08 of it.
    assert share > 0.3, f"{share:.2f} of the noises are named"


def test_loss_hears_hiss_where_a_mean_does_not(pretrained):
    """Of two errors of equal mean, noise costs more than a change of volume."""
    _, clean = batch(0.2)
    hiss = 0.2 * clean.abs().mean() * functional.normalize(torch.randn_like(clean), p=1, dim=-1) * clean.shape[-1]
    quiet, noisy = 0.8 * clean, clean + hiss
    torch.testing.assert_close(functional.l1_loss(quiet, clean), functional.l1_loss(noisy, clean))
    assert pretrained.feature_loss(noisy, clean) > 2 * pretrained.feature_loss(quiet, clean)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["identity", "denoising"])
def test_overfits_one_batch(pretrained, task):
    """The rate is three times as high, since there are only 80 steps."""
    system = copy.deepcopy(pretrained).train()
    noisy, clean = batch(0.1)
    given = clean if task == "identity" else noisy
    optimizers = system.optimizers()
    optimizers[0].param_groups[0]["lr"] *= 3
    losses = [system.training_step(given, clean, optimizers) for _ in range(80)]
    alternatives = {
        name: system.feature_loss(other, clean) for name, other in (("silence", 0 * clean), ("noise", noisy))
    }
    for name, other in alternatives.items():
        assert losses[-1] < 0.6 * other, f"hardly better than {name}: {losses[-1]:.2f} of {other:.2f}"


def test_reads_its_weights_again(tiny):
    tiny.pretrain(itertools.repeat(batch(0.1)))
    fresh = DeepFeatureLosses(**TINY)
    check_reload(tiny, fresh)
    noisy, clean = batch(0.1)
    assert torch.equal(fresh.objective(noisy, clean), tiny.objective(noisy, clean))
