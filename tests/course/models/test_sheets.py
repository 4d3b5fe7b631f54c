"""The sheets of a grading: points by thresholds and ranks, lateness and overrides as in the other milestones."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from milestones.course import CourseError, load_milestone
from milestones.instructor.models import points, sheets
from milestones.instructor.models.records import Interval, Standing
from milestones.instructor.reports import reports
from tests.course.models.entries import entry, failed, score

MILESTONE = load_milestone(3)
TERMS = MILESTONE.model
MEANS = {"pesq": Interval(2.5, 2.25, 2.75), "si_sdr": Interval(10, 9, 11), "stoi": Interval(0.9, 0.875, 0.925)}


def in_time(name, **changes):
    return entry(name, submitted=MILESTONE.deadline, **changes)


def standing(name, rank=None, fast_rank=None, thresholds=20.0):
    ranks = (TERMS.rank_points[rank - 1] if rank else 0) + (TERMS.fast_rank_points[fast_rank - 1] if fast_rank else 0)
    return Standing(name, rank, fast_rank, thresholds + ranks, MEANS)


def grades(graded, out):
    scores, strays = points.scores_of(graded, MILESTONE, out)
    return list(csv.DictReader(io.StringIO(reports.grades(scores, points.parts_of(MILESTONE))))), strays


def test_points_by_thresholds_and_ranks(tmp_path):
    (row,), _ = grades([(in_time("ada"), standing("ada", 2, 1))], tmp_path)
    ranks = TERMS.rank_points[1], TERMS.fast_rank_points[0]
    parts = [float(row[f"task {name}"]) for name in ("thresholds", "rank", "fast rank")]
    assert parts == [20, *ranks] and float(row["total"]) == 20 + sum(ranks)
    assert float(row["maximum"]) == TERMS.points == MILESTONE.points


def test_lateness_and_overrides(tmp_path):
    """Both are those of the other milestones; parts of the points are named as the columns are."""
    late = replace(in_time("ben"), submitted=MILESTONE.deadline + timedelta(hours=30))
    (tmp_path / "overrides.csv").write_text(
        "submission,milestone,task,points,reason\nada,3,rank,5,discussed\nnobody,3,,1,\n"
    )
    (ada, ben), strays = grades([(late, standing("ben")), (in_time("ada"), standing("ada", 1))], tmp_path)
    assert (ada["total"], ada["override"]) == ("25", "task rank: 5 (discussed)")
    assert (ben["days late"], ben["late deduction"], ben["total"]) == ("2", "4", "16")
    assert strays == ["overrides.csv:3: expected the name of a submission, got nobody"]
    (tmp_path / "overrides.csv").write_text("submission,milestone,task,points,reason\nada,3,model,5,\n")
    with pytest.raises(CourseError, match=r"overrides\.csv:2: .*got 'model'"):
        grades([(in_time("ada"), standing("ada", 1))], tmp_path)


def test_what_counts_for_nothing_takes_no_rank_from_others(tmp_path):
    """A copy that is set to 0, and what came after the last late day; an extension makes it count again."""
    too_late = MILESTONE.deadline + timedelta(days=MILESTONE.late.days, seconds=1)
    records = [
        in_time(name, recordings=[score(pesq=quality)], real_time_factor=0.2)
        for name, quality in (("copy", 4.0), ("late", 3.5), ("ada", 3.0), ("ben", 2.5))
    ]
    records[1] = replace(records[1], submitted=too_late)
    overrides, extensions = tmp_path / "overrides.csv", tmp_path / "extensions.csv"

    def ranks():
        return {each.entry: each.rank for each in points.final_standings(records, MILESTONE, tmp_path)}

    assert ranks() == {"copy": 1, "late": None, "ada": 2, "ben": 3}
    overrides.write_text("submission,milestone,task,points,reason\ncopy,3,,0,a copy\nben,3,rank,0,\n")
    assert ranks() == {"copy": None, "late": None, "ada": 1, "ben": 2}
    extensions.write_text("submission,milestone,hours,reason\nlate,3,1,ill\n")
    assert ranks() == {"copy": None, "late": 1, "ada": 2, "ben": 3}
    overrides.write_text("submission,milestone,task,points,reason\ncopy,3,,1,\nlate,3,,30,\n")
    extensions.unlink()
    assert ranks() == {"copy": 1, "late": 2, "ada": 3, "ben": 4}


def test_remarks_are_for_the_instructor(tmp_path):
    """A name or a reason that a spreadsheet would take for a formula stays text."""
    record = in_time("=1+1", marks=("outputs equal those of the shipped model",))
    refused = in_time("ben", refused="expected one model.safetensors, got none", hash="")
    rows, _ = grades([(record, standing("=1+1")), (refused, Standing("ben", None, None, 0, {}))], tmp_path)
    assert [row["submission"] for row in rows] == ["'=1+1", "ben"]
    assert rows[0]["note"] == "outputs equal those of the shipped model"
    assert rows[1]["note"] == "refused: expected one model.safetensors, got none" and rows[1]["total"] == "0"


def test_hidden_and_public_scores_side_by_side():
    public = (score("a", pesq=4.5), score("b", pesq=4.3), failed("c"))
    record = in_time("ada", recordings=(score(), score("three", pesq=None), failed("two")), public=public)
    (row,) = csv.DictReader(io.StringIO(sheets.scores_csv([record], [standing("ada", 1)])))
    assert [float(row[name]) for name in ("pesq", "pesq low", "pesq high", "pesq public")] == [2.5, 2.25, 2.75, 3.267]
    assert (row["rank"], row["fast rank"], row["failed recordings"]) == ("1", "", "2")


def test_table_has_the_best_first():
    entries = [in_time("ada"), in_time("ben\x1b"), in_time("eve", refused="no", recordings=())]
    low = replace(standing("ada", 2), means=MEANS | {"pesq": Interval(1.5, 1, 2), "stoi": Interval(0.95, 0.9, 1)})
    standings = [low, standing("ben\x1b", 1), Standing("eve", None, None, 0, {})]
    table = sheets.table(entries, standings, "pesq")
    assert [line.split()[0] for line in table.splitlines()] == ["entry", "ben\\u001b", "ada", "eve"]
    assert "2.50 (2.25-2.75) public 2" in table
    assert sheets.table(entries, standings, "stoi").splitlines()[1].startswith("ada")
