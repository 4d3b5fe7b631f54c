"""U-Net on pictures of spectrograms: the transform and its inverse, the loss, and the limits of the IoU."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import log_spectral_distance, si_sdr, snr
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.log_spectrogram_unet import (
    LogSpectrogramUNet,
    bounds,
    decibels,
    intersection_over_union,
    to_level,
    to_picture,
)
from tests.package.systems.checks import check_gradients_and_reload, check_shapes, losses_on_one_batch, published
from tests.package.systems.signals import batch


def tiny(**changes) -> LogSpectrogramUNet:
    torch.manual_seed(0)
    return LogSpectrogramUNet(**{"channels": (8, 16, 16), "dropout": 0.0, **changes})


def painting(picture: torch.Tensor) -> LogSpectrogramUNet:
    """Make a system whose network gives this picture for every input."""
    system = tiny().eval()
    system.logits = lambda _: torch.logit(picture, eps=1e-7)
    return system


def picture_of(waveform: torch.Tensor) -> torch.Tensor:
    level = decibels(stft(waveform))
    return to_picture(level, *bounds(level))


def test_sizes():
    paper, small = published(LogSpectrogramUNet), LogSpectrogramUNet(**LogSpectrogramUNet.sizes["small"])
    widths = (64, 128, 256, 512, 1024)
    down = sum(9 * (before * after + after * after) + 4 * after for before, after in pairwise(widths))
    up = sum(below * wide + wide + 9 * 2 * wide * wide + 2 * wide for wide, below in pairwise(widths))
    assert paper.count_parameters() == (9 * 64 + 64) + down + up + (64 + 1) == pytest.approx(25.8e6, rel=0.005)
    assert small.count_parameters() <= 2_000_000


def test_shapes_of_odd_lengths():
    check_shapes(tiny())
    check_shapes(tiny(), lengths=(257, 1000))


def test_double_precision():
    noisy, clean = (waveform.double() for waveform in batch(0.1))
    system = tiny().double().eval()
    assert system(noisy).dtype == system.objective(noisy, clean).dtype == torch.float64


def test_gradients_and_weights():
    check_gradients_and_reload(tiny)


def test_dropout_is_for_training():
    system, (noisy, clean) = tiny(dropout=0.5), batch(0.1)
    assert system.objective(noisy, clean) != system.objective(noisy, clean)
    system.eval()
    assert system.objective(noisy, clean) == system.objective(noisy, clean)


def test_levels_are_decibels():
    spectrogram = torch.tensor([1.0, 10j, -0.1, 0]).view(1, 1, 4, 1)
    assert decibels(spectrogram).flatten().tolist() == pytest.approx([0, 20, -20, -100])


def test_picture_and_back():
    """The inverse is exact between the bounds; 80 dB below the loudest bin everything is black."""
    level = torch.tensor([[30.0, -10, -50, -90], [3, 2, 1, 0]]).view(2, 1, 2, 2)
    lowest, highest = bounds(level)
    assert highest.flatten().tolist() == [30, 3] and lowest.flatten().tolist() == [-50, 0], "items are not independent"
    picture = to_picture(level, lowest, highest)
    torch.testing.assert_close(picture.flatten(1), torch.tensor([[1, 0.5, 0, 0], [1, 2 / 3, 1 / 3, 0]]))
    torch.testing.assert_close(to_level(picture, lowest, highest), level.clamp_min(-50))


def test_own_picture_gives_the_same_sound():
    noisy = batch(0.5)[0].double()
    assert (snr(painting(picture_of(noisy))(noisy), noisy) > 60).all()


def test_clean_picture_gives_the_clean_magnitude():
    """The magnitude stays within the bounds of the noisy sound and has its phase."""
    noisy, clean = (waveform.double() for waveform in batch(0.5))
    lowest, highest = bounds(decibels(stft(noisy)))
    enhanced = painting(to_picture(decibels(stft(clean)), lowest, highest))(noisy)
    magnitude = stft(clean).abs().clamp(10 ** (lowest / 20), 10 ** (highest / 20))
    expected = istft(torch.polar(magnitude, stft(noisy).angle()), noisy.shape[-1])
    torch.testing.assert_close(enhanced, expected, rtol=0, atol=1e-5)
    assert (si_sdr(enhanced, clean) > si_sdr(noisy, clean) + 5).all()


def test_volume_does_not_matter():
    noisy, clean = (waveform.double() for waveform in batch(0.3))
    system = tiny().double().eval()
    assert torch.allclose(system(8 * noisy), 8 * system(noisy))
    assert torch.allclose(system.objective(8 * noisy, 8 * clean), system.objective(noisy, clean))


def test_silence_stays_silent():
    assert not tiny().eval()(torch.zeros(1, 1, 1000)).any()


def test_loss_is_cross_entropy_and_a_perfect_picture_has_its_entropy():
    noisy, clean = (waveform.double() for waveform in batch(0.3))
    system = tiny().double().eval()
    level = decibels(stft(noisy))
    lowest, highest = bounds(level)
    target = ((decibels(stft(clean)) - lowest) / (highest - lowest)).clamp(0, 1)
    estimate = torch.sigmoid(system.logits((level - lowest) / (highest - lowest)).clamp(-50, 50))
    inside = target * estimate.log() + (1 - target) * (1 - estimate).log()
    assert torch.allclose(system.objective(noisy, clean), -inside.mean())
    entropy = functional.binary_cross_entropy(target, target)
    assert painting(target).objective(noisy, clean).item() == pytest.approx(entropy.item(), abs=1e-6)
    assert 0 < entropy < system.objective(noisy, clean)


def test_intersection_over_union_by_hand():
    first = torch.tensor([[0.6, 0.7, 0.1, 0.5], [0, 0, 0, 0], [1, 0, 0, 0]]).view(3, 1, 2, 2)
    second = torch.tensor([[0.9, 0.2, 0.8, 0.2], [0, 0, 0, 0], [0, 0, 0, 1]]).view(3, 1, 2, 2)
    assert intersection_over_union(first, second).tolist() == pytest.approx([1 / 3, 1, 0])
    assert intersection_over_union(first, second, threshold=0.05).tolist() == pytest.approx([1, 1, 0])


def test_intersection_over_union_does_not_measure_quality():
    """Two pictures have the highest IoU, but one with a lower IoU sounds better."""
    noisy, clean = batch(0.5)
    clean = clean + 0.01 * (noisy - clean)  # a floor 45 dB below the speech, as recordings have
    target = picture_of(clean)
    bright = target > 0.5
    reference = painting((target - 2 / 80).clamp(0, 1))  # 2 dB too quiet
    assert (reference.metric(clean, clean) < 0.97).all()
    distance = log_spectral_distance(reference(clean), clean)
    misleading = {"black and white": bright.float(), "pauses full of noise": torch.where(bright, target, 0.5)}
    for name, picture in misleading.items():
        system = painting(picture)
        assert (system.metric(clean, clean) == 1).all(), name
        assert (log_spectral_distance(system(clean), clean) > 5 * distance).all(), name


def test_intersection_over_union_does_not_know_the_phase():
    noisy, clean = batch(0.3)
    system = tiny().eval()
    torch.testing.assert_close(system.metric(noisy, clean), system.metric(noisy, -clean))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["identity", "denoising"])
def test_overfits_one_batch(task):
    """The part of the loss above the entropy of the target falls to 6 tenths, and picture and sound come nearer."""
    noisy, clean = batch(0.25)
    noisy = clean if task == "identity" else noisy
    system = tiny()
    target = to_picture(decibels(stft(clean)), *bounds(decibels(stft(noisy))))
    entropy = functional.binary_cross_entropy(target, target).item()
    before = system.metric(noisy, clean)
    losses = losses_on_one_batch(system, noisy, clean, steps=100)
    assert losses[-1] - entropy < 0.6 * (losses[0] - entropy), [loss - entropy for loss in losses[::20]]
    system.eval()
    with torch.no_grad():
        enhanced = system(noisy)
    assert (system.metric(noisy, clean) > before + 0.1).all()
    assert (si_sdr(enhanced, clean) > 8).all(), "of 5 dB where there is noise"
