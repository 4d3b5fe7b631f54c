"""Feature losses: the weighted sum, the parts that learn and those that do not, and other systems trained by one."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from speech_enhancement.systems.blocks.feature_losses import (
    WEIGHING_BATCHES,
    FeatureLoss,
    FeatureLossTraining,
    FeatureNetwork,
)
from speech_enhancement.systems.denoising_wavenet import DenoisingWaveNet
from tests.package.systems.checks import check_gradients, check_reload, losses_on_one_batch
from tests.package.systems.signals import batch


class Differences(FeatureNetwork):
    """The waveform times a learned number, normalised, and its differences; training brings the number to 3."""

    n_layers = 2

    def __init__(self):
        super().__init__()
        self.number = nn.Parameter(torch.ones(()))
        self.norm = nn.BatchNorm1d(1, affine=False, eps=1e-8)

    def activations(self, waveform):
        x = self.norm(self.number * waveform)
        return [x, x.diff(dim=-1)]

    def objective(self, noisy, clean):
        self.activations(noisy)
        return (self.number - 3).square()


def loss(steps: int = 5) -> FeatureLoss:
    return FeatureLoss(Differences(), functional.l1_loss, steps)


def tuned() -> FeatureLossTraining:
    torch.manual_seed(0)
    return FeatureLossTraining(DenoisingWaveNet(6, 6, (6, 6), stacks=1, dilations=3), loss())


@pytest.mark.parametrize("distance", [functional.l1_loss, functional.mse_loss])
def test_sums_weighted_distances(distance):
    estimate, target = batch(0.1)
    feature_loss = FeatureLoss(Differences(), distance, 0)
    assert feature_loss(target, target) == 0
    plain = distance(estimate, target), distance(estimate.diff(dim=-1), target.diff(dim=-1))
    torch.testing.assert_close(feature_loss(estimate, target), plain[0] + plain[1])
    feature_loss.weights.copy_(torch.tensor([4.0, 0.5]))
    torch.testing.assert_close(feature_loss(estimate, target), plain[0] / 4 + plain[1] / 0.5)


def test_gradient_reaches_the_estimate_alone():
    estimate, target = (waveform.requires_grad_() for waveform in batch(0.1))
    feature_loss = loss()
    feature_loss(estimate, target).backward()
    assert estimate.grad.any() and target.grad is None and feature_loss.network.number.grad is None


def test_network_stays_as_it_is():
    system = tuned()
    before = copy.deepcopy(system.feature_loss.state_dict())
    losses_on_one_batch(system, *batch(0.1), steps=2)
    assert system.training and not system.feature_loss.network.norm.training
    after = system.feature_loss.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_pretraining_takes_its_steps_and_then_measures_the_weights():
    pairs = [batch(0.1, seed=seed) for seed in range(5 + WEIGHING_BATCHES)]
    remaining = iter([*pairs, "the next"])
    feature_loss = loss(steps=5)
    feature_loss.pretrain(remaining)
    assert next(remaining) == "the next"
    network = feature_loss.network
    assert network.number == pytest.approx(1.005, abs=1e-4), "five steps of Adam"
    assert network.norm.num_batches_tracked == 5, "statistics are of the training alone"
    assert not network.training and not network.number.requires_grad
    expected = torch.stack([feature_loss.distances(0 * clean, clean) for _, clean in pairs[5:]]).mean(dim=0)
    torch.testing.assert_close(feature_loss.weights, expected)


def test_silence_costs_one_a_layer():
    noisy, clean = batch(0.1)
    feature_loss = loss()
    feature_loss.pretrain(itertools.repeat((noisy, clean)))
    assert feature_loss(torch.zeros_like(clean), clean) == pytest.approx(2, rel=1e-5)


def test_pretrains_the_system_first():
    system, order = tuned(), []
    system.system.pretrain = lambda batches: order.append(("system", next(batches)))
    system.feature_loss.pretrain = lambda batches: order.append(("loss", next(batches)))
    system.pretrain([1, 2])
    assert order == [("system", 1), ("loss", 2)]


def test_is_the_system_but_for_the_loss():
    system = tuned()
    noisy, clean = batch(0.1)
    assert torch.equal(system.eval()(noisy), system.system(noisy))
    assert system.title == "denoising WaveNet, feature loss"
    assert system.context == system.system.context == 7 + 3
    assert system.count_parameters() == system.system.count_parameters()
    (optimizer,) = system.optimizers()
    assert len(optimizer.param_groups[0]["params"]) == len(list(system.system.parameters()))
    torch.testing.assert_close(system.objective(noisy, clean), system.feature_loss(system(noisy), clean))
    check_gradients(system, seconds=0.1)


@pytest.mark.slow
def test_any_system_learns_by_it():
    system = tuned()
    noisy, clean = batch(0.1)
    system.pretrain(itertools.repeat((noisy, clean)))
    losses = losses_on_one_batch(system, noisy, clean, steps=160)
    # Most of the noise lies above the harmonics, so a low-pass filter at least halves it; silence costs 2.
    assert losses[-1] < 0.5 * system.feature_loss(noisy, clean), losses[::20]
    assert 0 < losses[-1] < 2, losses[::20]


def test_reads_its_weights_again():
    system = tuned()
    system.pretrain(batch(0.1, seed=seed) for seed in itertools.count())
    fresh = tuned()
    check_reload(system, fresh)
    assert (
        torch.equal(fresh.feature_loss.weights, system.feature_loss.weights) and (fresh.feature_loss.weights != 1).all()
    )
