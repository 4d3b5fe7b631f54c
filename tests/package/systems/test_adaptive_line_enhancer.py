"""The adaptive line enhancer: its rule sample by sample, and tones separated from noise and speech."""

import math

import numpy as np
import pytest
import torch

from speech_enhancement.metrics import si_sdr
from speech_enhancement.systems.adaptive_line_enhancer import BLOCK, AdaptiveLineEnhancer
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import batch

TIME = torch.arange(48000, dtype=torch.float64) / 16000


def sample_by_sample(noisy, length, delay, step):
    """Compute the rest of one signal `(time,)` directly by the published rule."""
    constant = length * np.mean(noisy**2)
    past = np.concatenate([np.zeros(delay + length - 1), noisy])
    weights, rest = np.zeros(length), np.zeros(len(noisy))
    for n in range(len(noisy)):
        window = past[n : n + length][::-1]  # noisy[n - delay], ..., noisy[n - delay - length + 1]
        rest[n] = noisy[n] - weights @ window
        weights = weights + step * rest[n] * window / (window @ window + constant)
    return rest


def tone_in_noise(frequency=440.0):
    generator = torch.Generator().manual_seed(0)
    tone = 0.1 * torch.sin(2 * torch.pi * frequency * TIME).expand(2, 1, -1)
    return tone, 0.1 * torch.randn(2, 1, 48000, generator=generator, dtype=torch.float64)


def test_shapes():
    check_shapes(AdaptiveLineEnhancer())


@pytest.mark.parametrize(("length", "delay", "step"), [(24, 1, 0.5), (64, 100, 1.0), (33, 7, 0.05)])
def test_blocks_give_what_single_samples_give(length, delay, step):
    """The signal covers several blocks and a part of one, and begins with an empty past."""
    noisy = batch(0.1)[0][..., : 10 * BLOCK + 17].double()
    rest = AdaptiveLineEnhancer(length, delay, step)(noisy)
    for item in range(len(noisy)):
        expected = sample_by_sample(noisy[item, 0].numpy(), length, delay, step)
        assert rest[item, 0].numpy() == pytest.approx(expected, abs=1e-10)


def test_a_tone_ends_in_the_tonal_part_and_noise_in_the_rest():
    tone, noise = tone_in_noise()
    tonal, rest = (part[..., 32000:] for part in AdaptiveLineEnhancer().separate(tone + noise))
    before = si_sdr(tone + noise, tone)
    assert (si_sdr(tonal, tone[..., 32000:]) > before + 10).all(), "N weights pass only a few bands of the noise"
    assert (si_sdr(rest, noise[..., 32000:]) > 10).all()
    assert (si_sdr(rest, noise[..., 32000:]) > si_sdr(tone + noise, noise) + 10).all()


def test_the_parts_add_up():
    noisy, _ = batch()
    tonal, rest = AdaptiveLineEnhancer().separate(noisy)
    assert torch.allclose(tonal + rest, noisy, atol=1e-6)
    assert torch.equal(AdaptiveLineEnhancer()(noisy), rest)


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.005, 0.01, 0.02])
def test_it_converges_at_the_rate_of_theory(step):
    """A tone fills two directions of N, each with half of |u|^2, and c = |u|^2, so the error falls as exp(-m n / 4)."""
    tone, _ = tone_in_noise()
    rest = AdaptiveLineEnhancer(step=step)(tone)[0, 0, 2000:5000]  # the window is full from sample 2000 on
    falls_db = (10 * rest.reshape(3, 1000).square().mean(dim=-1).log10()).diff()
    assert falls_db.numpy() == pytest.approx(-20 * math.log10(math.e) * step / 4 * 1000, rel=0.1)


def test_hum_is_taken_from_speech():
    _, clean = batch(3.0)
    hum = 0.1 * sum(torch.sin(2 * torch.pi * 50 * k * TIME) / k for k in (1, 3, 5))
    enhanced = AdaptiveLineEnhancer()(clean + hum)[..., 16000:]
    assert (si_sdr(enhanced, clean[..., 16000:]) > si_sdr(clean + hum, clean) + 5).all()


def test_volume_does_not_matter_and_silence_stays():
    noisy, _ = batch()
    assert torch.allclose(AdaptiveLineEnhancer()(8 * noisy), 8 * AdaptiveLineEnhancer()(noisy), atol=1e-5)
    assert not AdaptiveLineEnhancer()(torch.zeros(1, 1, 5000)).any()
