"""The command `benchmark`: its table, picture and page, and resuming after a stop."""

import csv
import json
import math
import re
from dataclasses import replace

import pytest
import torch

from speech_enhancement.audio import load, save
from speech_enhancement.commands import benchmark as benchmark_command
from speech_enhancement.configuration import Benchmark
from speech_enhancement.engine.trainer import Trainer
from speech_enhancement.evaluation import benchmark
from speech_enhancement.evaluation.quality_picture import quality_and_cost
from speech_enhancement.evaluation.scoring import find_pairs
from speech_enhancement.files.failures import Failures
from speech_enhancement.systems.moving_average import MovingAverage
from tests.package.conftest import tree

pytestmark = pytest.mark.slow

SYSTEMS = ("spectral-subtraction", "convolutional-autoencoder", "packet-loss-filling")


@pytest.fixture(scope="module")
def configured(corpus, tmp_path_factory):
    pairs = corpus / "pairs"
    return Benchmark(
        corpus,
        pairs / "noisy",
        pairs / "clean",
        tmp_path_factory.mktemp("benchmark") / "out",
        minutes=1e-6,
        systems=SYSTEMS,
        segment_seconds=0.5,
        players=1,
        device="cpu",
    )


@pytest.fixture(scope="module")
def done(configured):
    return benchmark_command.run(configured)


def rows(out):
    lines = [line.strip("| ").split(" | ") for line in (out / "table.md").read_text().splitlines() if "|" in line]
    return {line[0]: line[1:] for line in lines[2:]}


def test_files_are_written(configured, done):
    assert done == 0
    files = tree(configured.out)
    assert {"table.md", "quality_si_sdr.png", "report.html", "oracle/scores.csv", "noisy/scores.csv"} <= set(files)
    for system in SYSTEMS:
        assert {f"{system}/costs.json", f"{system}/scores.csv"} <= set(files)
    assert "convolutional-autoencoder/run/best.ckpt" in files and "spectral-subtraction/run/best.ckpt" not in files


def test_table_has_a_row_a_system(configured, done):
    table = rows(configured.out)
    assert len(table) == 7 and {*list(table)[:2]} == {"noisy", "noisy, above 50 Hz"}
    assert list(table)[4:] == ["oracle ratio mask", "before packet-loss filling", "packet-loss filling"]
    autoencoder = table["convolutional autoencoder"]
    assert autoencoder[6] == "131,105" and autoencoder[13] != "file" and float(autoencoder[8]) > 0
    assert autoencoder[10] == "1" and table["spectral subtraction"][9:13] == ["-"] * 4, (
        "what does not learn has no training"
    )
    assert table["spectral subtraction"][7] == "-", "its Fourier transforms are not counted"


def test_means_are_those_of_the_files(configured, done):
    with (configured.out / "spectral-subtraction" / "scores.csv").open() as file:
        values = [float(row["si_sdr"]) for row in csv.DictReader(file)]
    assert rows(configured.out)["spectral subtraction"][2] == f"{sum(values) / len(values):.1f}"


def test_tasks_are_measured_on_what_they_are_about(configured, done):
    """Filling gets clean speech with losses, and is not in the picture of denoising."""
    table = rows(configured.out)
    assert {row[0] for row in table.values()} == {"denoising", "packet-loss filling"}
    assert float(table["before packet-loss filling"][1]) == pytest.approx(-10 * math.log10(0.2), abs=3)
    failures = Failures()
    pairs = find_pairs(configured.noisy, configured.clean, failures)
    entrants = benchmark.find_entrants(configured, failures)
    scores = [score for one in entrants for score in benchmark.scored(one, pairs, failures, pool=None)]
    points = quality_and_cost(scores, entrants, "si_sdr", "real_time_factor")
    assert set(points) == {"spectral subtraction", "convolutional autoencoder"} and not failures
    points = quality_and_cost(scores, entrants, "si_sdr", "multiply_adds")
    assert set(points) == {"convolutional autoencoder"}, "transforms are not counted"


def test_all_systems_of_a_task_are_given_the_same(configured, done):
    """The packets that a clip loses depend only on the clip, not on the system or on earlier random draws."""
    before, filling = (
        entrant.method
        for entrant in benchmark.find_entrants(configured, Failures())
        if entrant.task == "packet-loss filling"
    )
    clips = [torch.rand(2, 16000, generator=torch.Generator().manual_seed(seed)) + 0.1 for seed in range(2)]
    given = [before(*clip) for clip in clips]
    torch.rand(1)
    for received, clip in zip(given, clips, strict=True):
        assert torch.equal(received, before(*clip))
        filled = filling(*clip)
        assert torch.equal(filled[received != 0], clip[1][received != 0])
    assert not torch.equal(given[0] == 0, given[1] == 0)


def test_page_plays_every_system(configured, done):
    page = (configured.out / "report.html").read_text()
    assert len(re.findall("<audio", page)) == 8, "noisy, filtered, two systems, oracle, before filling, after it, clean"


def test_goes_on_where_it_was_stopped(configured, done, monkeypatch):
    """Finished work is not repeated, and missing work is done."""
    before = rows(configured.out)
    (configured.out / "oracle" / "scores.csv").unlink()
    (configured.out / "spectral-subtraction" / "costs.json").unlink()
    trained, measured = [], []
    count, score = benchmark.costs.count_multiply_adds, benchmark.score_pairs
    monkeypatch.setattr(Trainer, "_epoch", lambda self, epoch: trained.append(epoch))
    monkeypatch.setattr(
        benchmark.costs, "count_multiply_adds", lambda system: measured.append(system.title) or count(system)
    )
    scored = []
    monkeypatch.setattr(
        benchmark, "score_pairs", lambda pairs, methods, *rest: scored.extend(methods) or score(pairs, methods, *rest)
    )
    assert benchmark_command.run(configured) == 0
    assert (trained, measured, scored) == ([], ["spectral subtraction"], ["oracle ratio mask"])
    after = rows(configured.out)
    for table in (before, after):
        del table["spectral subtraction"][8]  # the real-time factor, measured anew
    assert after == before


def test_denoisers_are_applied_as_enhance_applies_them(configured, done):
    """Rumble is removed before a denoiser that needs it, and counts in its favour."""
    scores = {}
    for folder in ("noisy", "above-50-hz"):
        with (configured.out / folder / "scores.csv").open() as file:
            scores[folder] = [float(row["si_sdr"]) for row in csv.DictReader(file)]
    assert scores["noisy"] != scores["above-50-hz"]
    (subtraction,) = (
        entrant.method
        for entrant in benchmark.find_entrants(configured, Failures())
        if entrant.title == "spectral subtraction"
    )
    rumble = torch.sin(2 * torch.pi * 10 / 16000 * torch.arange(32000))
    assert subtraction(rumble, rumble)[8000:24000].abs().max() < 1e-3


def test_scores_of_other_files_and_weights_are_not_kept(configured, done, tmp_path, monkeypatch, a_second_an_epoch):
    scored = []
    score = benchmark.score_pairs
    monkeypatch.setattr(
        benchmark, "score_pairs", lambda pairs, methods, *rest: scored.extend(methods) or score(pairs, methods, *rest)
    )
    seconds = float(rows(configured.out)["convolutional autoencoder"][9])
    longer = replace(configured, systems=("convolutional-autoencoder",), minutes=(seconds + 3) / 60)
    assert benchmark_command.run(longer) == 0 and scored == ["convolutional autoencoder"]
    assert float(rows(configured.out)["convolutional autoencoder"][9]) >= seconds + 2, "seconds of training"
    for side in ("noisy", "clean"):
        (tmp_path / side).mkdir()
        file = min(getattr(configured, side).iterdir())
        (tmp_path / side / file.name).write_bytes(file.read_bytes())
    scored.clear()
    other = replace(longer, noisy=tmp_path / "noisy", clean=tmp_path / "clean")
    assert benchmark_command.run(other) == 0
    assert scored == ["noisy", "noisy, above 50 Hz", "convolutional autoencoder", "oracle ratio mask"]
    assert "Means over 1 files" in (configured.out / "table.md").read_text()


def test_what_a_size_means_may_change(configured, tmp_path, monkeypatch):
    """Scores and costs are not kept if a size of the same name has other arguments."""
    alone = replace(configured, systems=("moving-average",), out=tmp_path)
    assert benchmark_command.run(alone) == 0
    before = rows(tmp_path)["moving average"]
    monkeypatch.setattr(MovingAverage, "sizes", {"small": {"length": 101}})
    assert benchmark_command.run(alone) == 0
    after = rows(tmp_path)["moving average"]
    assert after[2] != before[2], "SI-SDR"
    assert json.loads((tmp_path / "moving-average" / "costs.json").read_text())["arguments"] == "{'length': 101}"


def test_a_slow_system_enhances_each_clip_once(configured, tmp_path, monkeypatch):
    """If it is stopped at the second clip, it resumes there; the page plays the scored results."""
    enhance = MovingAverage.forward
    lengths = []

    def fail_at_the_second(self, noisy):
        lengths.append(noisy.shape[-1])
        if len(lengths) == 2:
            raise KeyboardInterrupt
        return enhance(self, noisy)

    monkeypatch.setattr(MovingAverage, "forward", fail_at_the_second)
    monkeypatch.setattr(benchmark.costs, "real_time_factor", lambda system: 2.0)
    monkeypatch.setattr(benchmark.costs, "count_multiply_adds", lambda system: 0)
    slow = replace(configured, systems=("moving-average",), out=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        benchmark_command.run(slow)
    assert benchmark_command.run(slow) == 0
    n_clips = len(list(configured.noisy.iterdir()))
    assert len(lengths) == n_clips + 1, "the second clip was begun twice"
    fast = replace(slow, out=tmp_path / "fast")
    monkeypatch.setattr(benchmark.costs, "real_time_factor", lambda system: 0.5)
    monkeypatch.setattr(benchmark.costs, "latency", lambda system: None)
    assert benchmark_command.run(fast) == 0
    assert rows(fast.out)["moving average"][:5] == rows(slow.out)["moving average"][:5]
    assert len(lengths) == 2 * n_clips + 2, "and one clip again for the page"


def test_a_slow_system_enhances_again_with_other_weights(configured, tmp_path, monkeypatch, a_second_an_epoch):
    monkeypatch.setattr(benchmark.costs, "real_time_factor", lambda system: 2.0)
    slow = replace(configured, systems=("convolutional-autoencoder",), out=tmp_path)
    scores = tmp_path / "convolutional-autoencoder" / "scores.csv"
    assert benchmark_command.run(slow) == 0
    before = scores.read_text()
    assert benchmark_command.run(replace(slow, minutes=3 / 60)) == 0
    assert scores.read_text() != before


def test_scores_without_a_value_are_kept_with_their_reasons(configured, tmp_path, monkeypatch):
    """One silent file does not cause everything to be scored again in each run."""
    for side in ("noisy", "clean"):
        (tmp_path / side).mkdir()
        first, second = sorted(getattr(configured, side).iterdir())[:2]
        (tmp_path / side / first.name).write_bytes(first.read_bytes())
        waveform = load(second)
        save(tmp_path / side / "silent.wav", torch.zeros_like(waveform) if side == "clean" else waveform)
    sides = {side: tmp_path / side for side in ("noisy", "clean")}
    with_silence = replace(configured, **sides, out=tmp_path / "out", systems=("spectral-subtraction",))
    assert benchmark_command.run(with_silence) == 1
    table = (tmp_path / "out/table.md").read_text()
    assert "silent, spectral subtraction, SI-SDR (dB): the clean file is silent" in table
    monkeypatch.setattr(benchmark, "score_pairs", None)
    assert benchmark_command.run(with_silence) == 1
    assert (tmp_path / "out/table.md").read_text() == table


def test_systems_of_another_task_alone(configured, tmp_path):
    """There is nothing to draw, but the page is made."""
    alone = replace(configured, out=tmp_path / "out", systems=("packet-loss-filling",))
    assert benchmark_command.run(alone) == 0
    assert {"report.html", "table.md"} <= set(tree(tmp_path / "out")) and not list((tmp_path / "out").glob("*.png"))


def test_too_little_memory_ends_one_system_alone(configured, tmp_path, capsys, monkeypatch):
    def run(self):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    monkeypatch.setattr(Trainer, "run", run)
    names = ("convolutional-autoencoder", "spectral-subtraction")
    assert benchmark_command.run(replace(configured, out=tmp_path / "out", systems=names)) == 1
    assert "failed: convolutional-autoencoder: expected a batch of" in capsys.readouterr().err
    assert "spectral subtraction" in rows(tmp_path / "out")


def test_unknown_system_is_told_and_the_others_are_done(configured, tmp_path, capsys):
    names = ("winer", "spectral-subtraction")
    partly = Benchmark(**{**vars(configured), "out": tmp_path / "out", "systems": names})
    assert benchmark_command.run(partly) == 1
    assert "failed: winer: system: expected one of" in capsys.readouterr().err
    assert sorted(rows(tmp_path / "out")) == [
        "noisy",
        "noisy, above 50 Hz",
        "oracle ratio mask",
        "spectral subtraction",
    ]
