"""Block thresholding: the estimated risk against the true one, the choice of blocks, noise, speech."""

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import snr
from speech_enhancement.stft import stft
from speech_enhancement.systems.block_thresholding import (
    HOP,
    THRESHOLDS,
    WINDOW,
    BlockThresholding,
    adaptive_gain,
    block_gain,
    stein_risk,
)
from speech_enhancement.systems.coefficient_thresholding import CoefficientThresholding
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import noise_first


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_shapes():
    check_shapes(BlockThresholding())


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize(("threshold", "size"), [(1.5, 256), (2.5, 16), (4.7, 4)])
def test_stein_risk_is_the_mean_squared_error(level, threshold, size, generator):
    """Compare over 200,000 draws of noise around a block whose numbers are plus or minus `level`."""
    truth = level * torch.randn(size, generator=generator, dtype=torch.float64).sign()
    draws = 200_000 // size * 4
    noisy = truth + torch.randn(draws, size, generator=generator, dtype=torch.float64)
    mean_power = noisy.square().mean(dim=-1)
    error = (block_gain(mean_power, threshold).unsqueeze(-1) * noisy - truth).square().sum(dim=-1)
    estimate = stein_risk(mean_power, threshold, size)
    spread = (error - estimate).std() / draws**0.5
    assert abs(error.mean() - estimate.mean()) < 4 * spread + 1e-9


def test_noise_gets_through_one_block_in_a_thousand(generator):
    """This is an upper limit for every shape, in the transform itself, whose neighbours overlap; l is chosen for it."""
    power = stft(torch.randn(1, 16000 * 60, generator=generator), WINDOW, HOP)[:, 1:, :2400].abs().square()
    for block, threshold in THRESHOLDS.items():
        through = (functional.avg_pool2d(power / power.mean(), block) > threshold).double().mean()
        assert through < 0.0015, block
        assert (functional.avg_pool2d(power / power.mean(), block) > 0.75 * threshold).double().mean() > 0.0015, block


def chosen(power):
    """Count the different rows and the different columns of the gain in one macroblock `(16, 8)`."""
    gain = adaptive_gain(power.unsqueeze(0))[0]
    return gain.unique(dim=0).shape[0], gain.unique(dim=1).shape[1]


def test_blocks_fit_the_sound(generator):
    """A tone gets blocks of one frequency over all frames; a click gets blocks of few frames over all frequencies."""
    noise = torch.empty(16, 8).exponential_(generator=generator)
    tone, click = noise.clone(), noise.clone()
    tone[5] += 30
    click[:, 4:6] += 30
    rows, columns = chosen(tone)
    assert rows == 2 and columns == 1
    rows, columns = chosen(click)
    assert rows == 1 and columns == 2


def test_the_cut_of_least_risk_is_taken(generator):
    """Compare with a search in plain loops."""
    power = 4 * torch.empty(3, 16, 8).exponential_(generator=generator) * torch.rand(3, 16, 8, generator=generator)
    gain = adaptive_gain(power)
    for macroblock, of_macroblock in zip(power, gain, strict=True):
        cuts = []
        for (height, width), threshold in THRESHOLDS.items():
            risk, expected = 0.0, torch.empty(16, 8)
            for row in range(0, 16, height):
                for column in range(0, 8, width):
                    place = (slice(row, row + height), slice(column, column + width))
                    mean = macroblock[place].mean()
                    risk += stein_risk(mean, threshold, 2 * height * width).item()
                    expected[place] = block_gain(mean, threshold)
            cuts.append((risk, expected))
        assert torch.allclose(of_macroblock, min(cuts, key=lambda cut: cut[0])[1], atol=1e-6)


def test_less_noise_is_left_than_by_single_coefficients(generator):
    noise = torch.randn(2, 1, 64000, generator=generator)
    assert BlockThresholding()(noise).square().mean() < 10 ** (-30 / 10) * noise.square().mean()


def test_removes_noise_more_than_single_coefficients():
    noisy, clean = noise_first()
    gained = snr(BlockThresholding()(noisy), clean)
    assert (gained > snr(noisy, clean) + 3).all()
    assert (gained > snr(CoefficientThresholding()(noisy), clean)).all()


def test_a_loud_tone_comes_back(generator):
    """Both passes let through everything far above the noise."""
    time = torch.arange(64000) / 16000
    tone = (torch.sin(2 * torch.pi * 1000 * time) * (time > 2.5)).reshape(1, 1, -1)
    enhanced = BlockThresholding()(tone + 1e-3 * torch.randn(1, 1, 64000, generator=generator))
    assert snr(enhanced[..., 44000:60000], tone[..., 44000:60000]).item() > 40


def test_volume_does_not_matter_and_silence_stays():
    noisy, _ = noise_first()
    assert torch.allclose(BlockThresholding()(8 * noisy), 8 * BlockThresholding()(noisy), atol=1e-4)
    assert not BlockThresholding()(torch.zeros(1, 1, 8000)).any()
