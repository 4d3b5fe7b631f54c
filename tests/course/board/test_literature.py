"""The table of the benchmark, read from its page."""

import pytest

from milestones.course import ROOT, CourseError
from milestones.instructor.board.literature import read_literature
from speech_enhancement.evaluation.scoring import METRICS, Entrant, Score
from speech_enhancement.evaluation.tables import system_table


def test_what_the_benchmark_writes_is_read(tmp_path):
    """A table that `system_table` formats has the same numbers when it is read, as far as it is rounded."""
    costs = {"parameters": 1_234_567, "multiply_adds": 0, "real_time_factor": 0.0123, "latency": None}
    entrants = [Entrant("noisy", "denoising", tmp_path, None), Entrant("U-Net", "denoising", tmp_path, None, costs)]
    entrants += [Entrant("TFiLM", "bandwidth extension", tmp_path, None, costs)]
    values = {"snr": 1.0, "si_sdr": -2.34, "lsd": 1.0, "pesq": float("nan"), "stoi": 0.8768}
    assert values.keys() == METRICS.keys()
    scores = [Score("a", entrant.title, values, {}) for entrant in entrants]
    page = tmp_path / "page.md"
    page.write_text(f"| system | other |\n|---|---|\n\n# Title\n\n{system_table(scores, entrants, 3).markdown()}")
    noisy, unet = read_literature(page)
    assert (noisy.title, noisy.parameters, noisy.real_time_factor) == ("noisy", None, None)
    assert (unet.title, unet.parameters, unet.real_time_factor) == ("U-Net", 1_234_567, 0.012)
    assert unet.scores == {"pesq": None, "si_sdr": -2.3, "stoi": 0.877}


def test_the_committed_table():
    """It has every system that denoises, and nothing else."""
    systems = {system.title: system for system in read_literature(ROOT / "docs" / "benchmark.md")}
    assert len(systems) > 20 and {"noisy", "log-MMSE", "SEGAN"} <= systems.keys() and "TFiLM" not in systems
    assert all(1 <= system.scores["pesq"] <= 4.65 for system in systems.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no table", "begins with the columns system and task, got none"),
        ("| system | task |\n|---|---|\n| a | denoising |", "expected a column 'PESQ'"),
        (
            "| system | task | PESQ | SI-SDR (dB) | STOI | parameters | real-time factor |\n|---|\n"
            "| a | denoising | good | 1 | 1 | 1 | 1 |",
            "expected numbers in the table of the benchmark, got .*'good'",
        ),
    ],
)
def test_other_pages_are_refused(tmp_path, text, message):
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(CourseError, match=message):
        read_literature(tmp_path / "page.md")
