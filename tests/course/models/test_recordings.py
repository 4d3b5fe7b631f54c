"""Recordings of a grading: pairs as they are, or speech and noise that a seed mixes."""

import numpy as np
import pytest
import torch

from milestones.course import CourseError
from milestones.instructor.models import recordings
from speech_enhancement.audio import save
from tests.course.models.making import speech_like, write_pairs


@pytest.fixture
def sources(tmp_path):
    """Two files of speech, one of them in a folder, and a noise that is shorter."""
    for number, name in enumerate(("speech/ada/one.wav", "speech/two.wav", "noise/hiss.wav")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        save(tmp_path / name, speech_like(number, 0.4 if "noise" in name else 1.0)[None])
    return tmp_path


def test_pairs_are_read_by_name(tmp_path):
    pairs = recordings.read(write_pairs(tmp_path, count=3))
    assert [pair.name for pair in pairs] == ["00", "01", "02"]
    assert all(pair.noisy.shape == pair.clean.shape == (16000,) and pair.duration == 1 for pair in pairs)
    assert all(10 < snr(pair) < 20 for pair in pairs)


def snr(pair):
    return 10 * np.log10(np.square(pair.clean).sum() / np.square(pair.noisy - pair.clean).sum())


def test_mixing_follows_from_the_seed(sources):
    first, second = recordings.read(sources, seed=1), recordings.read(sources, seed=2)
    assert [pair.name for pair in first] == ["ada/one.wav", "two.wav"]
    assert recordings.hash_of(first) == recordings.hash_of(recordings.read(sources, seed=1))
    assert recordings.hash_of(first) != recordings.hash_of(second)


def test_no_mixture_lies_in_a_pause_of_the_noise(sources):
    """It would be the clean recording, which no model can improve."""
    noise = torch.zeros(1, 160_000)
    noise[:, 90_000:90_100] = 0.1
    save(sources / "noise/hiss.wav", noise)
    ratios = [snr(pair) for seed in range(20) for pair in recordings.read(sources, seed)]
    assert max(ratios) < recordings.SNR_DECIBELS[1] + 0.1


def test_mixing_ratios(sources):
    """They are within the range, over both its halves; the clean recording is what was mixed."""
    ratios = [snr(pair) for seed in range(20) for pair in recordings.read(sources, seed)]
    low, high = recordings.SNR_DECIBELS
    assert low - 0.01 <= min(ratios) < (low + high) / 2 < max(ratios) <= high + 0.01
    (one, _) = recordings.read(sources)
    speech = speech_like(0, 1.0)
    assert torch.nn.functional.cosine_similarity(torch.from_numpy(one.clean), speech, dim=0) > 0.9999


@pytest.mark.parametrize("name", ["speech/two.wav", "noise/hiss.wav"])
def test_silence_is_refused(tmp_path, sources, name):
    """No ratio can be set with it, and no score has a value on it."""
    save(sources / name, torch.zeros(1, 16000))
    with pytest.raises(CourseError, match=f"{name}: expected a recording with sound in it, got silence"):
        recordings.read(sources)
    pairs = write_pairs(tmp_path / "pairs", count=2)
    save(pairs / "clean/01.wav", torch.zeros(1, 16000))
    with pytest.raises(CourseError, match="clean/01: expected a recording with sound in it, got silence"):
        recordings.read(pairs)


def test_folders_that_cannot_be_used(tmp_path, sources):
    with pytest.raises(CourseError, match="expected folders noisy and clean, or speech and noise, got neither"):
        recordings.read(tmp_path / "noise")
    (sources / "noise/hiss.wav").unlink()
    with pytest.raises(CourseError, match="noise: expected audio files .*, got a folder without any"):
        recordings.read(sources)
    pairs = write_pairs(tmp_path / "pairs", count=2)
    (pairs / "clean/01.wav").unlink()
    with pytest.raises(CourseError, match="expected pairs of noisy and clean recordings, got 01: expected it both in"):
        recordings.read(pairs)
