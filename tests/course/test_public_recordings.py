"""The public recordings of milestone 3: small, of many kinds, and those that the committed command makes."""

import subprocess
import sys

import pytest
import soundfile
import torch

from bench.public_recordings import LENGTH, SNR_DECIBELS, VOICES
from milestones.course import ROOT
from speech_enhancement.audio import SAMPLE_RATE, load
from speech_enhancement.corpora import voices
from speech_enhancement.metrics import snr

FOLDER = ROOT / "milestones" / "milestone3" / "recordings"
NAMES = [f"{number:02}.flac" for number in range(1, 9)]


def test_pairs_are_whole_short_and_small():
    for side in ("noisy", "clean"):
        paths = sorted((FOLDER / side).iterdir())
        assert [path.name for path in paths] == NAMES
        for info in map(soundfile.info, paths):
            assert (info.samplerate, info.channels, info.frames) == (SAMPLE_RATE, 1, LENGTH)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.flac")) < 1_500_000


def test_ratios_spread_over_the_range_and_names_do_not_tell_them():
    ratios = [float(snr(load(FOLDER / "noisy" / name), load(FOLDER / "clean" / name))) for name in NAMES]
    # Sixteen bits change the ratio of the quietest pair by less than a thousandth of a decibel.
    assert sorted(ratios) == pytest.approx(torch.linspace(*SNR_DECIBELS, len(NAMES)).tolist(), abs=1e-3)
    assert ratios not in (sorted(ratios), sorted(ratios, reverse=True))


def test_no_voice_is_one_of_the_corpus():
    """A model that was trained on the voices corpus has heard none of them."""
    assert len(set(VOICES)) == len(NAMES)
    assert not set(VOICES) & {*voices.SPEAKERS, *voices.BABBLE_SPEAKERS}


@pytest.mark.slow
def test_the_command_makes_the_committed_recordings(tmp_path):
    # A process of its own, since eSpeak NG starts only once in a process.
    subprocess.run([sys.executable, "-m", "bench.public_recordings", tmp_path], cwd=ROOT, check=True, timeout=120)
    for side in ("noisy", "clean"):
        for name in NAMES:
            made, committed = load(tmp_path / side / name), load(FOLDER / side / name)
            # Other versions of the resampler may round otherwise; other words or noises differ by tenths.
            assert torch.allclose(made, committed, atol=1e-3), f"{side}/{name}"
