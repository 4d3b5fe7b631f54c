"""The disturbance against wide-band PESQ, and its gradient where there is little to hear."""

import itertools

import pytest
import torch
from scipy.stats import spearmanr

from speech_enhancement.evaluation import perceptual
from speech_enhancement.systems.blocks.perceptual_disturbance import perceptual_disturbance, perceptual_quality
from tests.package.conftest import voice_like

needs_pesq = pytest.mark.skipif(not perceptual.pesq_is_installed(), reason=perceptual.PESQ_MISSING)


@pytest.fixture
def clean(generator):
    return voice_like(2.56, 120, generator).unsqueeze(0)


@pytest.fixture
def noisy(clean, generator):
    return at_snr(clean, torch.randn(clean.shape, generator=generator), 30)


def at_snr(clean, noise, snr_db):
    """Add noise at a ratio over the whole signals."""
    return clean + noise * (clean.square().mean() / noise.square().mean() / 10 ** (snr_db / 10)).sqrt()


def degraded(generator):
    """Yield pairs of estimate and clean: a voice in four noises, with gaps, trembling, dull, and after a pause."""
    clean = voice_like(3.0, 150, generator)
    white = torch.randn(clean.shape, generator=generator)
    brown = white.cumsum(0) - white.cumsum(0).mean()
    babble = sum(voice_like(3.0, other, generator) for other in (90, 137, 173, 251))
    time = torch.arange(len(clean))
    bursts = white * (time % 4000 < 1000)
    for noise, snr_db in itertools.product((white, brown, babble, bursts), (60, 40, 25, 15, 5)):
        yield at_snr(clean, noise, snr_db), clean
    yield clean * (time % 1600 >= 300), clean
    yield clean * (1 + 0.9 * torch.sin(2 * torch.pi * 8 * time / 16000)), clean
    yield at_snr(clean + clean.roll(1), white, 50), clean
    spoken = clean * (time > 16000) * (time < 36000)
    yield at_snr(spoken, brown + 20 * white, 30), spoken


@needs_pesq
def test_quality_is_near_pesq(generator):
    """Twice the errors of twelve seeds are allowed: median 0.0015 and maximum 0.04, with a correlation of 0.999."""
    pairs = list(degraded(generator))
    expected = torch.tensor([perceptual.pesq(estimate.numpy(), clean.numpy()) for estimate, clean in pairs])
    scores = torch.cat([perceptual_quality(estimate[None], clean[None]) for estimate, clean in pairs])
    errors = (scores - expected).abs()
    assert errors.median() < 0.003 and errors.max() < 0.08
    assert spearmanr(scores, expected).statistic > 0.99


@needs_pesq
def test_a_step_down_the_gradient_raises_pesq(clean, noisy):
    estimate = noisy.clone().requires_grad_()
    perceptual_disturbance(estimate, clean).sum().backward()
    direction = estimate.grad / estimate.grad.square().mean().sqrt()
    improved = noisy - 0.1 * (noisy - clean).square().mean().sqrt() * direction
    before, after = (perceptual.pesq(each[0].numpy(), clean[0].numpy()) for each in (noisy, improved))
    assert after > before + 0.04


def test_equal_signals_have_the_highest_quality(clean):
    torch.testing.assert_close(perceptual_quality(clean, clean), torch.tensor([4.644]), rtol=0, atol=1e-3)
    assert perceptual_disturbance(clean, clean) < 2e-3


def test_noise_counts_between_words_and_not_around_them(clean, generator):
    silence = torch.zeros(1, 16000)
    clean = torch.cat([silence, clean, silence, clean, silence], dim=1)
    noise = 1e-3 * torch.randn(clean.shape, generator=generator)
    time = torch.arange(clean.shape[1])
    around = (time < 15000) | (time >= len(time) - 15000)
    between = (time - len(time) // 2).abs() < 7500
    disturbances = [float(perceptual_disturbance(clean + noise * where, clean)) for where in (around, between)]
    assert disturbances[0] < 0.02 and disturbances[1] > 0.2


def test_volume_changes_nothing(clean, noisy):
    expected = perceptual_disturbance(noisy, clean)
    for louder in (perceptual_disturbance(8 * noisy, clean), perceptual_disturbance(noisy, 0.125 * clean)):
        torch.testing.assert_close(louder, expected, rtol=1e-3, atol=0)


def test_signals_of_a_batch_do_not_meet(clean, noisy):
    late = torch.cat([torch.zeros(1, 8000), noisy[:, :-8000]], dim=1)
    estimates, targets = torch.cat([noisy, clean, late]), torch.cat([clean, clean, clean])
    alone = [perceptual_disturbance(each, clean) for each in estimates.split(1)]
    torch.testing.assert_close(perceptual_disturbance(estimates, targets), torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_values_and_gradients_are_finite_for_silence(clean, noisy):
    silence = torch.zeros_like(clean)
    estimates = torch.cat([noisy, clean, silence, noisy, silence, 1e-6 * noisy]).requires_grad_()
    targets = torch.cat([clean, clean, clean, silence, silence, clean])
    disturbance = perceptual_disturbance(estimates, targets)
    disturbance.sum().backward()
    assert disturbance.isfinite().all() and estimates.grad.isfinite().all()
    assert not disturbance[3:5].any() and not estimates.grad[3:5].any()


def test_autocast_changes_nothing(clean, noisy):
    expected = perceptual_disturbance(noisy, clean)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(perceptual_disturbance(noisy, clean), expected, rtol=0, atol=0)


@pytest.mark.parametrize("shapes", [((1, 8000), (1, 8001)), ((8000,), (8000,)), ((1, 3999), (1, 3999))])
def test_other_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match="^estimate and clean: expected .* got "):
        perceptual_disturbance(*(torch.zeros(shape) for shape in shapes))
