"""Autoencoders pre-trained one by one, stacked and fine-tuned."""

import itertools

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import si_sdr
from speech_enhancement.systems.blocks.mel_gain import N_BATCHES, MelGainSystem
from speech_enhancement.systems.deep_denoising_autoencoder import DeepDenoisingAutoencoder
from speech_enhancement.systems.registry import build
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch


def small(pretraining_steps: int = 50) -> DeepDenoisingAutoencoder:
    torch.manual_seed(1)
    return DeepDenoisingAutoencoder(widths=(64, 64, 64), pretraining_steps=pretraining_steps)


def test_number_of_parameters():
    outer, hidden = 280, 500
    expected = 2 * outer * hidden + 4 * hidden * hidden + 5 * hidden + outer
    assert build("deep-denoising-autoencoder", "paper").count_parameters() == expected
    assert build("deep-denoising-autoencoder").count_parameters() <= 2_000_000


def test_shapes_gradients_and_weights():
    check_shapes(small())
    check_gradients(small())
    trained = small(pretraining_steps=2)
    trained.pretrain(itertools.repeat(batch(0.5)))
    check_reload(trained, small())


def test_context():
    system = small()
    furthest = [reached(system, 8000, position) for position in (4033, 4095, 4097, 4160)]
    before, after = (max(side) for side in zip(*furthest, strict=True))
    assert system.context == 255 + 3 * 128 + 255
    # The weights at the ends of two windows are too small to show.
    assert 0.9 * system.context <= before <= system.context, f"{before} samples before"
    assert 0.9 * system.context <= after <= system.context, f"{after} samples after"


def test_layers_are_pretrained_one_after_another():
    """Each stage changes its own encoder and decoder, takes its share of the batches, and leaves the rest."""
    system = small(pretraining_steps=3)
    noisy, clean = batch(0.25)
    states = []

    def batches():
        while True:
            states.append({name: value.clone() for name, value in system.named_parameters()})
            yield noisy, clean

    system.pretrain(batches())
    assert len(states) == N_BATCHES + 3 * 3
    states.append(dict(system.named_parameters()))
    starts = [0, *range(N_BATCHES, N_BATCHES + 3 * 3, 3), -1]
    changed = [
        {name.rpartition(".")[0] for name in states[0] if not torch.equal(states[begin][name], states[end][name])}
        for begin, end in itertools.pairwise(starts)
    ]
    assert changed == [set(), *({f"encoders.{depth}", f"decoders.{depth}"} for depth in range(3))]


@pytest.mark.slow
def test_an_inner_autoencoder_learns_hidden_values_of_clean_from_those_of_noisy_speech():
    noisy, clean = batch(0.25)
    system = small(pretraining_steps=150)
    system.pretrain(itertools.repeat((noisy, clean)))
    with torch.no_grad():
        hidden_noisy, hidden_clean = (
            torch.sigmoid(system.encoders[0](system._vectors(system.features(waveform)))) for waveform in (noisy, clean)
        )
        inner = torch.sigmoid(system.encoders[1](hidden_noisy))
        estimate = torch.sigmoid(system.decoders[1](inner))
    left = functional.mse_loss(estimate, hidden_clean) / functional.mse_loss(hidden_noisy, hidden_clean)
    assert left < 0.5, f"{left:.2f} of what noise changes in the hidden values is left"


@pytest.mark.slow
def test_fine_tuning_is_faster_after_pretraining():
    noisy, clean = batch(0.5)
    losses = {}
    for name in ("pretrained", "statistics alone"):
        system = small()
        pretrain = system.pretrain if name == "pretrained" else super(DeepDenoisingAutoencoder, system).pretrain
        pretrain(itertools.repeat((noisy, clean)))
        losses[name] = losses_on_one_batch(system, noisy, clean, steps=80)
    assert losses["pretrained"][-1] < 0.5 * losses["statistics alone"][-1]
    assert losses["pretrained"][0] < losses["statistics alone"][0]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["identity", "denoising"])
def test_overfits_one_batch(task):
    noisy, clean = batch(0.5)
    noisy = clean if task == "identity" else noisy
    system = small()
    MelGainSystem.pretrain(system, itertools.repeat((noisy, clean)))
    unlearned = functional.mse_loss(system.features(noisy), system.features(clean)).item()
    losses = losses_on_one_batch(system, noisy, clean, steps=300)
    assert losses[-1] < 0.5, f"half of the variance, which is 1: {losses[-1]:.2f}"
    if task == "denoising":
        assert losses[-1] < 0.25 * unlearned, f"a quarter of what noise changes: {losses[-1]:.2f} of {unlearned:.2f}"
        with torch.no_grad():
            gain = si_sdr(system.eval()(noisy), clean) - si_sdr(noisy, clean)
        assert (gain > 3).all(), f"gains of {gain.flatten().tolist()} dB"
