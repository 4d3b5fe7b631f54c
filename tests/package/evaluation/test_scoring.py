"""The command `evaluate`, the classical systems, and the metrics that students do not write."""

import csv
import math
import os
import re

import numpy as np
import pytest
import soundfile
import torch

from speech_enhancement import metrics
from speech_enhancement.audio import AudioError, save
from speech_enhancement.augmentation import mix_at_snr, white_noise
from speech_enhancement.commands import evaluate
from speech_enhancement.configuration import Evaluate
from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.ideal_ratio_mask import mask_ideally
from speech_enhancement.evaluation.scoring import (
    METRICS,
    Score,
    choose_clips,
    find_pairs,
    waveform_metrics,
)
from speech_enhancement.evaluation.tables import method_table
from speech_enhancement.files.failures import Failures
from speech_enhancement.systems.log_mmse import filter_by_log_mmse, log_mmse_gain
from speech_enhancement.systems.spectral_subtraction import subtract_noise
from speech_enhancement.systems.wiener import filter_by_wiener
from tests.package.conftest import RATE, tree, voice_like

CLASSICAL = (subtract_noise, filter_by_wiener, filter_by_log_mmse)


@pytest.fixture
def pair(generator):
    """Make speech that begins after a pause, in white noise at 5 dB."""
    clean = torch.cat([torch.zeros(4000), voice_like(3, 120, generator)])
    return mix_at_snr(clean, white_noise(len(clean), generator=generator), 5.0), clean


@pytest.mark.parametrize("system", CLASSICAL)
def test_classical_systems_help_against_white_noise(system, pair):
    noisy, clean = pair
    gained = metrics.si_sdr(system(noisy), clean) - metrics.si_sdr(noisy, clean)
    assert gained > 3, f"SI-SDR rose by {float(gained):.1f} dB"


@pytest.mark.parametrize("system", CLASSICAL)
@pytest.mark.parametrize("shape", [(3, 1, 5001), (5001,)])
def test_classical_systems_keep_shape_and_finish_with_silence(system, shape, generator):
    assert system(torch.randn(shape, generator=generator)).shape == shape
    assert system(torch.zeros(shape)).isfinite().all()


@pytest.mark.parametrize("system", CLASSICAL)
def test_items_of_a_batch_are_independent(system, generator):
    noisy = torch.randn(3, 1, 5001, generator=generator) * torch.tensor([0.1, 1, 3]).reshape(3, 1, 1)
    assert torch.allclose(system(noisy)[1], system(noisy[1]), atol=1e-4)


def test_oracle_is_above_all(pair):
    noisy, clean = pair
    oracle = metrics.si_sdr(mask_ideally(noisy, clean), clean)
    assert all(oracle > metrics.si_sdr(system(noisy), clean) for system in CLASSICAL)


def test_log_mmse_gain_follows_its_integral():
    xi, gamma = torch.tensor([0.1, 1.0, 10.0]), torch.tensor([0.5, 2.0, 20.0])
    v = (xi / (1 + xi) * gamma).double()
    t = torch.linspace(0, 60, 2_000_001, dtype=torch.double)
    integral = torch.stack([torch.trapezoid(torch.exp(-(t + a)) / (t + a), t) for a in v])
    expected = xi / (1 + xi) * torch.exp(integral / 2)
    assert torch.allclose(log_mmse_gain(xi, gamma).double(), expected, rtol=1e-3)


def test_weighted_sdr(pair):
    noisy, clean = pair
    assert metrics.weighted_sdr(clean, clean, noisy) == pytest.approx(1, abs=1e-4)
    assert metrics.weighted_sdr(-clean, clean, noisy) < 0 < metrics.weighted_sdr(noisy, clean, noisy) < 1


def test_stoi_and_pesq_of_equal_signals(pair):
    clean = pair[1].numpy()
    assert perceptual.stoi(clean, clean) == pytest.approx(1, abs=1e-3)
    if perceptual.pesq_is_installed():
        assert perceptual.pesq(clean, clean) == pytest.approx(4.64, abs=0.01)
        assert perceptual.pesq(pair[0].numpy(), clean) < 4


@pytest.mark.parametrize(
    ("estimate", "target"),
    [
        (np.zeros(8000), np.zeros(8000)),
        (np.full(8000, np.nan), np.ones(8000)),
        (np.ones(8000), np.ones(7999)),
        (np.ones(100) / 2, np.ones(100) / 2),
    ],
)
def test_metrics_without_a_value_say_why(estimate, target):
    values, reasons = perceptual.scores(estimate.astype(np.float32), target.astype(np.float32))
    assert math.isnan(values["stoi"]) and reasons["stoi"]
    if perceptual.pesq_is_installed():
        assert math.isnan(values["pesq"]) and reasons["pesq"]


def test_missing_pesq_is_said_once(monkeypatch, pair):
    monkeypatch.setitem(__import__("sys").modules, "pesq", None)
    monkeypatch.setattr(perceptual, "pesq_is_installed", lambda: False)
    values, reasons = perceptual.scores(pair[0].numpy(), pair[1].numpy())
    assert math.isnan(values["pesq"]) and not reasons and values["stoi"] > 0
    table = method_table([Score(name, "noisy", {"snr": 1, "si_sdr": 2, "lsd": 3, **values}, reasons) for name in "ab"])
    assert table.markdown().count("C compiler") == 1


def test_table_leaves_missing_values_out_and_names_them():
    scores = [
        Score("a", "noisy", dict.fromkeys(METRICS, 1.0), {}),
        Score("b", "noisy", dict.fromkeys(METRICS, 3.0), {}),
    ]
    scores.append(Score("c", "noisy", {**dict.fromkeys(METRICS, 2.0), "pesq": math.nan}, {"pesq": "no speech in it"}))
    table = method_table(scores).markdown()
    assert "| noisy | 2.0 ± 1.0 | 2.0 ± 1.0 | 2.00 ± 1.00 | 2.00 ± 1.41 | 2.000 ± 1.000 |" in table
    assert "1 values are missing" in table and "- c, noisy, PESQ: no speech in it" in table


def test_clips_are_chosen_from_least_to_most_improved():
    scores = [
        Score(f"{n}", method, {"si_sdr": float(n * (method == "U-Net"))}, {})
        for n in range(9)
        for method in ("noisy", "U-Net")
    ]
    assert choose_clips(scores, 3, "U-Net") == ["0", "4", "8"]
    assert len(choose_clips(scores, 20, "U-Net")) == 9


def test_an_estimate_that_is_not_finite_has_reasons_for_no_values(pair):
    values, reasons = waveform_metrics(pair[0] / 0, pair[1])
    assert values.keys() == reasons.keys() == {"snr", "si_sdr", "lsd"} and all(map(math.isnan, values.values()))


def test_a_file_is_no_folder_of_pairs(tmp_path):
    (tmp_path / "noisy.wav").touch()
    with pytest.raises(AudioError, match="noisy.wav: expected a folder, got a file"):
        find_pairs(tmp_path / "noisy.wav", tmp_path, Failures())


def test_files_of_one_name_but_for_the_suffix_are_all_paired(tmp_path, capsys):
    names = {
        "noisy": ("one.wav", "twice.wav", "twice.flac", "thrice.wav", "thrice.flac"),
        "clean": ("one.flac", "twice.wav", "twice.flac", "thrice.wav"),
    }
    for side, files in names.items():
        (tmp_path / side).mkdir()
        for name in files:
            (tmp_path / side / name).touch()
    failures = Failures()
    pairs = find_pairs(tmp_path / "noisy", tmp_path / "clean", failures)
    assert {name: (noisy.name, clean.name) for name, (noisy, clean) in pairs.items()} == {
        "one": ("one.wav", "one.flac"),
        **{name: (name, name) for name in ("thrice.wav", "twice.flac", "twice.wav")},
    }
    assert "failed: thrice.flac: expected it both in" in capsys.readouterr().err and len(failures) == 1


def test_a_pair_without_noise_is_left_out_of_the_means(pair):
    """Its ratio would be that of float rounding, which outweighs all others."""
    noisy, clean = pair
    scores = []
    for file, of_file in (("a", noisy), ("b", clean + 1e-6)):
        for method, estimate in (("noisy", of_file), ("half", clean / 2)):
            values, reasons = waveform_metrics(estimate, clean)
            scores.append(Score(file, method, {**values, "pesq": 1.0, "stoi": 1.0}, reasons))
    assert method_table(scores).rows[0][1] == "5.0 ± 0.0"
    assert "- b, noisy, SNR (dB): there is no noise beside the clean file" in method_table(scores).remarks
    assert choose_clips(scores, 2, "half") == ["a"]


@pytest.mark.slow
def test_evaluate_writes_what_it_promises(tmp_path, checkpoint, pair, run):
    for side, waveform in zip(("noisy", "clean"), pair, strict=True):
        (tmp_path / side).mkdir()
        for number in range(3):
            soundfile.write(tmp_path / side / f"{number}.wav", waveform.roll(1000 * number).numpy(), RATE)
        soundfile.write(tmp_path / side / "silent.wav", np.zeros(16000), RATE)
        soundfile.write(tmp_path / side / "uneven.wav", np.zeros(16000 + 10 * (side == "clean")), RATE)
    soundfile.write(tmp_path / "noisy" / "alone.wav", np.zeros(16000), RATE)
    arguments = ("--noisy", tmp_path / "noisy", "--clean", tmp_path / "clean", "--checkpoint", checkpoint)
    result = run("evaluate", *arguments, "--out", tmp_path / "out", "--players", 2)
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    assert "failed: alone: expected it both" in output and "uneven.wav: expected the length" in output
    assert "silent, noisy, STOI: target: expected speech, got silence" in output
    assert "silent, noisy, SI-SDR (dB): the clean file is silent" in output
    assert tree(tmp_path / "out") == ["report.html", "scores.csv", "spectrograms.png", "table.md"]
    with (tmp_path / "out" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 7 and {row["file"] for row in rows} == {"0", "1", "2", "silent"}
    oracle = [float(row["si_sdr"]) for row in rows if row["method"] == "oracle ratio mask" and row["file"] == "0"]
    noisy = [float(row["si_sdr"]) for row in rows if row["method"] == "noisy" and row["file"] == "0"]
    assert oracle > noisy and noisy[0] == pytest.approx(5, abs=0.5)
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<audio") == 2 * 8 and not re.search(r'(src|href)="(?!data:)', page)
    assert result.stdout.splitlines()[0].startswith("| method | SNR (dB) |")


def test_evaluate_without_pairs(tmp_path, checkpoint, run):
    for side in ("noisy", "clean"):
        (tmp_path / side).mkdir()
        soundfile.write(tmp_path / side / f"{side}.wav", np.zeros(16000), RATE)
    arguments = ("--noisy", tmp_path / "noisy", "--clean", tmp_path / "clean", "--checkpoint", checkpoint)
    result = run("evaluate", *arguments, "--out", tmp_path / "out")
    assert result.returncode == 1 and "expected pairs that can be read, got none" in result.stderr


def test_evaluate_where_every_clean_file_is_silent(tmp_path, checkpoint, pair):
    """There is no clip to show, and the table says why it has no values; the file's name is not UTF-8."""
    for side, waveform in (("noisy", pair[0]), ("clean", torch.zeros(16000))):
        (tmp_path / side).mkdir()
        save(tmp_path / side / os.fsdecode(b"sil\xe9nt.wav"), waveform[None, :16000])
    out = tmp_path / "out"
    assert evaluate.run(Evaluate(tmp_path / "noisy", tmp_path / "clean", out, checkpoint=checkpoint, workers=1)) == 1
    assert tree(out) == ["report.html", "scores.csv", "table.md"]
    assert "sil\\xe9nt, U-Net, SI-SDR (dB): the clean file is silent" in (out / "table.md").read_text()
