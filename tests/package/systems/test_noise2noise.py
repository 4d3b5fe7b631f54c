"""Noise2Noise: the targets, which are never clean, and the network."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from speech_enhancement.metrics import snr
from speech_enhancement.systems.noise2noise import Noise2Noise, NoisyTargetTuning, WaveformNetwork, noisy_target
from speech_enhancement.systems.system import System
from tests.package.systems.checks import (
    check_gradients,
    check_gradients_and_reload,
    check_shapes,
    losses_on_one_batch,
    published,
)
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch


def tiny(**changes) -> Noise2Noise:
    torch.manual_seed(0)
    return Noise2Noise(**{"depth": 2, "hidden": 8, "resampling": 1, **changes})


class Gain(System):
    """The smallest system that learns: one factor, under the squared error."""

    title = "gain"

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.0))
        self.unused = nn.Linear(1, 1)
        self.seen = []

    only_for_training = ("unused",)

    def forward(self, noisy):
        return self.factor * noisy

    def objective(self, noisy, clean):
        self.seen.append(clean)
        return functional.mse_loss(self(noisy), clean)

    def optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=0.5)]

    def pretrain(self, batches):
        self.seen += [clean for _, clean in batches]


def test_published_size():
    paper = published(Noise2Noise)
    assert paper.count_parameters() == pytest.approx(18.9e6, rel=0.02)
    assert Noise2Noise(**Noise2Noise.sizes["small"]).count_parameters() <= 2_000_000
    assert 0.037 < paper.network.lookahead / 16000 < 0.039


@pytest.mark.parametrize("resampling", [1, 2, 4])
def test_shapes_of_odd_lengths(resampling):
    check_shapes(tiny(resampling=resampling))
    check_shapes(tiny(resampling=resampling), lengths=(2, 35, 36, 37))


def test_double_precision():
    assert tiny(resampling=2).double()(batch(0.1)[0].double()).dtype == torch.float64


def test_gradients_and_weights():
    check_gradients_and_reload(tiny)


@pytest.mark.parametrize("resampling", [1, 2, 4])
@pytest.mark.parametrize("position", [1000, 1004, 1011, 1015])
def test_looks_ahead_as_far_as_it_says_and_remembers(resampling, position):
    torch.manual_seed(0)
    network = WaveformNetwork(depth=2, hidden=8, resampling=resampling)
    before, after = reached(network, length=2000, position=position)
    frame = 8 + 7 * 4  # 8 frames of the first layer
    bound = frame - 1 if resampling == 1 else -(-(frame - 1) // resampling) + 14
    assert network.lookahead == bound
    assert bound - 16 <= before <= bound, before
    assert after > 100, "it forgot"


def test_level_goes_through():
    noisy, _ = batch(0.2)
    system = tiny()
    assert torch.allclose(system(100 * noisy), 100 * system(noisy), rtol=0.01, atol=0.1)


def test_target_is_a_second_noisy_version():
    torch.manual_seed(0)
    noisy, clean = batch(0.1, size=5)
    noises = noisy - clean
    firsts = set()
    for _ in range(100):
        second = noisy_target(noisy, clean) - clean
        distance = (second.unsqueeze(1) - noises).abs().amax(dim=(2, 3))  # (items, noises)
        source = distance.argmin(dim=1)
        assert distance.amin(dim=1).max() < 1e-6, "the target is not speech plus a noise of the batch"
        assert sorted(source.tolist()) == list(range(5)), "a noise was taken twice"
        assert all(index != own for own, index in enumerate(source.tolist())), "an item kept its own noise"
        firsts.add(source[0].item())
    assert firsts == {1, 2, 3, 4}, "not every other noise comes to the first item"


def test_single_item_gets_its_own_noise_from_elsewhere():
    noisy, clean = batch(0.1, size=1)
    noise, other = noisy - clean, noisy_target(noisy, clean) - clean
    half = noise.shape[-1] // 2
    assert torch.allclose(other[..., half:], noise[..., :half], atol=1e-6)
    assert torch.allclose(other[..., :half], noise[..., half:], atol=1e-6)


def test_clean_never_enters_the_loss_alone(monkeypatch):
    """The loss is given a noisy target, which speech and noise enter only by their sum."""
    targets = []
    monkeypatch.setattr(
        functional, "l1_loss", lambda estimate, target: targets.append(target) or (estimate - target).abs().mean()
    )
    noisy, clean = batch(0.1, size=3)
    system = tiny()
    torch.manual_seed(0)
    loss = system.objective(noisy, clean)
    (target,) = targets
    assert (snr(target, clean) < 15).all(), "the target is nearly clean"

    # Another split of the same input and target into speech and noise changes nothing.
    moved = 0.05 * torch.randn(1, 1, clean.shape[-1]).expand_as(clean)
    torch.manual_seed(0)
    assert system.objective(noisy, clean + moved).item() == pytest.approx(loss.item(), rel=1e-5)


def test_perfect_answer_still_costs_the_noise():
    noisy, clean = batch(0.1)
    system = tiny()
    system.forward = lambda waveform: clean
    assert system.objective(noisy, clean).item() == pytest.approx((noisy - clean).abs().mean().item(), rel=1e-4)


@pytest.mark.slow
def test_learns_the_identity():
    _, clean = batch(0.25)
    losses = losses_on_one_batch(tiny(hidden=16), clean, clean, steps=100)
    assert losses[-1] < 0.25 * losses[0], losses[::10]


@pytest.mark.slow
def test_learns_to_denoise_without_clean_targets():
    """With noise drawn anew in each step, the estimate comes nearer to the clean signal than any target."""
    _, clean = batch(0.25)
    torch.manual_seed(0)
    system = tiny(hidden=16).train()
    optimizers = system.optimizers()
    noise = 0.1 * torch.randn(151, *clean.shape)
    for step in range(150):
        system.training_step(clean + noise[step], clean, optimizers)
    noisy = clean + noise[150]
    with torch.no_grad():
        gained = snr(system.eval()(noisy), clean) - snr(noisy, clean)
    assert (gained > 3).all(), gained


def test_tuning_another_system_uses_its_loss_and_steps_with_noisy_targets():
    noisy, clean = batch(0.1)
    gain = Gain()
    tuning = NoisyTargetTuning(gain)
    optimizers = tuning.optimizers()
    assert isinstance(optimizers[0], torch.optim.SGD)
    tuning.objective(noisy, clean)
    tuning.validation_loss(noisy, clean)
    tuning.pretrain([(noisy, clean)])
    loss = tuning.training_step(noisy, clean, optimizers)
    expected = noisy_target(noisy, clean)  # with two items there is only one other noise
    assert len(gain.seen) == 4 and all(torch.equal(target, expected) for target in gain.seen)
    assert loss == pytest.approx(expected.square().mean().item()) and gain.factor != 0
    assert torch.equal(tuning(noisy), gain(noisy))
    assert tuning.count_parameters() == gain.count_parameters() == 1
    assert tuning.title == "gain, noisy targets"
    check_gradients(tuning)


def test_tuning_finds_the_factor_that_clean_targets_would():
    """The factor is the least-squares gain S / (S + N), although no target was clean."""
    noisy, clean = batch(1, size=8)
    tuning = NoisyTargetTuning(Gain())
    (optimizer,) = tuning.optimizers()
    optimizer.param_groups[0]["lr"] = 20.0
    for _ in range(50):
        tuning.training_step(noisy, clean, [optimizer])
    wiener = (noisy * clean).mean() / noisy.square().mean()
    assert tuning.system.factor.item() == pytest.approx(wiener.item(), abs=0.02)
