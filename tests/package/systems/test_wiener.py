"""The decision-directed Wiener filter: noise near the floor, tones above it, and causality."""

import pytest
import torch

from speech_enhancement.metrics import snr
from speech_enhancement.systems.blocks.decision_directed import LOWEST_A_PRIORI_SNR
from speech_enhancement.systems.wiener import Wiener
from tests.package.systems.signals import batch


def test_white_noise_falls_nearly_to_the_floor():
    """The a-priori SNR of noise stays near its floor of -25 dB, a gain of -50 dB; single peaks leave more."""
    noise = torch.randn(4, 1, 32000, generator=torch.Generator().manual_seed(1))
    left = Wiener()(noise)[..., 16000:].square().mean() / noise.square().mean()
    assert 20 * torch.tensor(LOWEST_A_PRIORI_SNR).log10() < 10 * left.log10() < -20


@pytest.mark.parametrize("amplitude", [0.1, 1.0])
def test_a_tone_far_above_the_noise_comes_back(amplitude):
    noise = 1e-3 * torch.randn(1, 1, 32000, generator=torch.Generator().manual_seed(1))
    tone = amplitude * torch.sin(2 * torch.pi * 1000 / 16000 * torch.arange(32000.0)).reshape(1, 1, -1)
    tone[..., :8000] = 0
    enhanced = Wiener()(noise + tone)[..., 12000:28000]
    assert snr(enhanced, tone[..., 12000:28000]).item() > 40


def test_a_frame_depends_on_the_past_alone():
    noisy, _ = batch()
    changed = noisy.clone()
    changed[..., 12000:] = 0
    difference = (Wiener()(noisy) - Wiener()(changed)).abs()
    assert not difference[..., : 12000 - 512].any() and difference[..., 12000:].any()
