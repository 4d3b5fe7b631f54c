"""The comparison of noise suppressors in `bench`: delays, intervals, missing packages, and pairs for validation."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bench import quality, validation_pairs
from bench.alignment import common_delay, find_delay, without_delay
from bench.bootstrap import interval_of_mean
from bench.quality import Method, measure
from speech_enhancement.audio import save
from speech_enhancement.evaluation.scoring import load_pair


def noise(seconds, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal(int(16000 * seconds)).astype(np.float32)


@pytest.mark.parametrize("delay", [-700, 0, 1, 480, 15999])
def test_a_delay_is_found_beside_noise_and_removed(delay):
    clean = noise(3, seed=0)
    late = np.pad(clean, (max(0, delay), 0))[max(0, -delay) :]
    estimate = 0.3 * late + noise(len(late) / 16000, seed=1)
    assert find_delay(estimate, clean, largest=16000) == delay
    aligned = without_delay(late, clean, delay)
    assert aligned.shape == clean.shape
    known = slice(max(0, -delay), len(clean))
    assert np.array_equal(aligned[known], clean[known])


def test_no_larger_delay_is_found_than_asked_for():
    clean = noise(1, seed=0)
    assert abs(find_delay(np.pad(clean, (500, 0)), clean, largest=400)) <= 400


def test_the_delay_of_all_files_is_the_median_without_the_silent_ones():
    clean = noise(1, seed=0)
    late = [np.pad(clean, (delay, 0)) for delay in (10, 10, 900)]
    pairs = [(estimate, clean) for estimate in (*late, np.zeros_like(clean))]
    assert common_delay(pairs, largest=1000) == 10


def test_nineteen_of_twenty_intervals_hold_the_mean():
    random = np.random.default_rng(0)
    intervals = [interval_of_mean(random.normal(3, 1, size=40)) for _ in range(100)]
    assert 88 <= sum(low <= 3 <= high for low, high in intervals) <= 99


def test_a_method_is_scored_without_its_delay():
    # Half of the frames of 512 samples are silent, so that a delay of one frame would take all speech away.
    bursts = np.tile(np.repeat(np.float32([1, 0]), 512), 32)
    pairs = {str(seed): (torch.from_numpy(bursts * noise(2.048, seed)),) * 2 for seed in range(2)}
    late = Method("late", lambda: lambda noisy, clean: torch.nn.functional.pad(noisy, (512, 0)) + 1e-3)
    quiet = Method("quiet", lambda: lambda noisy, clean: torch.nn.functional.pad(noisy, (512, 0)) / 10)
    with ThreadPoolExecutor(1) as pool:
        result, quieter = (measure(method, pairs, pool) for method in (late, quiet))
    assert result.delay == 512
    assert all(score.values["si_sdr"] > 35 for score in result.scores)
    assert (result.taken_away, quieter.taken_away) == ([0, 0], [1, 1])
    assert quality.quality_table([result, quieter]).rows[1][4] == "100.0 (100.0 to 100.0)"


def test_a_missing_package_is_named_and_the_status_is_1(tmp_path, monkeypatch, capsys):
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "a.wav", torch.from_numpy(noise(2, seed=0))[None])
    entered = [
        Method("noisy", lambda: lambda noisy, clean: noisy),
        Method(quality.DEFAULT, lambda: lambda noisy, clean: noisy),
        Method("absent", lambda: None, ("no_such_suppressor",)),
    ]
    monkeypatch.setattr(quality, "methods", lambda: entered)
    monkeypatch.setattr(quality, "scoring_pool", lambda workers: ThreadPoolExecutor(1))
    assert quality.main(tmp_path / "noisy", tmp_path / "clean") == 1
    captured = capsys.readouterr()
    assert "absent is left out: it needs no_such_suppressor, pip install '.[quality]'" in captured.err
    assert "| noisy |" in captured.out
    assert "| taken away (%) |" in captured.out


def test_mixtures_keep_to_ratio_and_level():
    generator = torch.Generator().manual_seed(0)
    for seed in range(20):
        clean, added = torch.from_numpy(noise(1, seed)), torch.from_numpy(noise(1, seed + 100))
        noisy, target = validation_pairs.mixture(clean, added, torch.zeros_like(clean), generator)
        ratio = 10 * torch.log10(target.square().mean() / (noisy - target).square().mean())
        level = 10 * torch.log10(noisy.square().mean())
        # An equalisation changes white speech and white noise alike.
        assert -5.5 < ratio < 15.5
        assert -36.1 < level < -15.9


def test_mixtures_stay_below_full_scale():
    click = torch.zeros(16000)
    click[8000] = 1
    generator = torch.Generator().manual_seed(0)
    for seed in range(10):
        pair = validation_pairs.mixture(click, torch.from_numpy(noise(1, seed)), 5 * click, generator)
        assert max(waveform.abs().max() for waveform in pair) < 1


def test_rumble_keeps_to_its_band_and_level():
    generator = torch.Generator().manual_seed(0)
    speech = torch.from_numpy(noise(2, seed=0))
    for _ in range(20):
        low = validation_pairs.rumble(speech, generator)
        power = torch.fft.rfft(low).abs().square()
        frequency = torch.fft.rfftfreq(len(low), 1 / 16000)
        assert power[(frequency > 3) & (frequency < 70)].sum() > 0.95 * power.sum()
        assert -10.1 < 10 * torch.log10(low.square().mean() / speech.square().mean()) < 10.1


def test_what_speech_was_recorded_with_below_50_hz_is_noise(tmp_path, monkeypatch):
    monkeypatch.setattr(validation_pairs, "N_PAIRS", 6)
    monkeypatch.setattr(validation_pairs, "SNR_DECIBELS", (100, 100))
    monkeypatch.setattr(validation_pairs, "RUMBLE_SHARE", 0)
    hum = 0.2 + 0.2 * np.sin(2 * np.pi * 20 / 16000 * np.arange(6 * 16000), dtype=np.float32)
    for folder in ("speech/val", "noise/val"):
        (tmp_path / folder).mkdir(parents=True)
        for voice in "abcdefg":
            save(tmp_path / folder / f"x-{voice}.wav", torch.from_numpy(hum + noise(6, ord(voice)))[None])
    validation_pairs.main(tmp_path, tmp_path, [], [])
    for path in (tmp_path / "noisy").iterdir():
        noisy, clean = load_pair(path, tmp_path / "clean" / path.name)
        low_noisy, low_clean = (torch.fft.rfft(each).abs().square()[: 30 * 5].sum() for each in (noisy, clean))
        assert low_clean < 1e-2 * low_noisy


def test_validation_pairs_are_the_same_each_time_and_hold_all_folders_and_noises(tmp_path, monkeypatch):
    monkeypatch.setattr(validation_pairs, "N_PAIRS", 4)
    for folder, voices in (("speech/val", "abcd"), ("more", "efgh"), ("noise/val", "r")):
        (tmp_path / folder).mkdir(parents=True)
        for voice in voices:
            save(tmp_path / folder / f"x-{voice}-1.wav", torch.from_numpy(noise(2, ord(voice)))[None])
    for out in ("first", "second"):
        validation_pairs.main(tmp_path, tmp_path / out, [tmp_path / "more"], [])
    files = sorted((tmp_path / "first" / "noisy").iterdir())
    assert [path.stem for path in files] == [
        "00-x-a-1-x-r-1", "01-x-e-1-babble", "02-x-b-1-x-r-1", "03-x-f-1-babble"
    ]  # fmt: skip
    for path in files:
        assert path.read_bytes() == (tmp_path / "second" / "noisy" / path.name).read_bytes()
        assert path.read_bytes() != (tmp_path / "first" / "clean" / path.name).read_bytes()
