"""The command `benchmark`: its table, picture and page, and going on where it was stopped."""

import csv
import re

import pytest

from speech_enhancement import benchmark
from speech_enhancement.configuration import Benchmark

from .conftest import tree

SYSTEMS = ("spectral-subtraction", "convolutional-autoencoder")


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
    return benchmark.run(configured)


def rows(out):
    lines = [line.strip("| ").split(" | ") for line in (out / "table.md").read_text().splitlines() if "|" in line]
    return {line[0]: line[1:] for line in lines[2:]}


def test_files_are_written(configured, done):
    assert done == 0
    files = tree(configured.out)
    assert {"table.md", "quality.png", "report.html", "oracle/scores.csv", "noisy/scores.csv"} <= set(files)
    for system in SYSTEMS:
        assert {f"{system}/costs.json", f"{system}/scores.csv"} <= set(files)
    assert "convolutional-autoencoder/run/best.ckpt" in files and "spectral-subtraction/run/best.ckpt" not in files


def test_table_has_a_row_a_system(configured, done):
    table = rows(configured.out)
    assert next(iter(table)) == "noisy" and list(table)[-1] == "oracle ratio mask" and len(table) == 4
    autoencoder = table["Convolutional autoencoder"]
    assert autoencoder[4] == "131,105" and autoencoder[9] != "file" and float(autoencoder[6]) > 0
    assert table["Spectral subtraction"][7] == "-", "what does not learn has no training rate"


def test_means_are_those_of_the_files(configured, done):
    with (configured.out / "spectral-subtraction" / "scores.csv").open() as file:
        values = [float(row["si_sdr"]) for row in csv.DictReader(file)]
    assert rows(configured.out)["Spectral subtraction"][0] == f"{sum(values) / len(values):.1f}"


def test_page_plays_every_system(configured, done):
    page = (configured.out / "report.html").read_text()
    assert len(re.findall("<audio", page)) == 5, "noisy, two systems, oracle, clean"


def test_goes_on_where_it_was_stopped(configured, done, monkeypatch):
    """What is there is not done again; what is missing is."""
    before = (configured.out / "table.md").read_bytes()
    (configured.out / "oracle" / "scores.csv").unlink()
    (configured.out / "spectral-subtraction" / "costs.json").unlink()
    trained, measured = [], []
    count, score = benchmark.costs.count_multiply_adds, benchmark.score_pairs
    monkeypatch.setattr(benchmark.SystemTraining, "_epoch", lambda self, epoch: trained.append(epoch))
    monkeypatch.setattr(
        benchmark.costs, "count_multiply_adds", lambda system: measured.append(system.title) or count(system)
    )
    scored = []
    monkeypatch.setattr(
        benchmark, "score_pairs", lambda pairs, methods, *rest: scored.extend(methods) or score(pairs, methods, *rest)
    )
    assert benchmark.run(configured) == 0
    assert (trained, measured, scored) == ([], ["Spectral subtraction"], ["oracle ratio mask"])
    pattern = rb"\d+\.\d{4}"  # the real-time factor, measured anew
    assert re.sub(pattern, b"", (configured.out / "table.md").read_bytes()) == re.sub(pattern, b"", before)


def test_unknown_system_is_told_and_the_others_are_done(configured, tmp_path, capsys):
    names = ("winer", "spectral-subtraction")
    partly = Benchmark(**{**vars(configured), "out": tmp_path / "out", "systems": names})
    assert benchmark.run(partly) == 1
    assert "failed: winer: system: expected one of" in capsys.readouterr().err
    assert list(rows(tmp_path / "out")) == ["noisy", "Spectral subtraction", "oracle ratio mask"]
