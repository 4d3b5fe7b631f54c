"""Points of tests, points given by hand, deductions for being late, and changes when tests are mended."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from milestones.course import CourseError, LatePolicy
from milestones.instructor.reports.adjustments import Extension, Override, read_extensions, read_overrides
from milestones.instructor.reports.scores import changes, score
from tests.course.records import MILESTONE, record, with_test

OVERRIDE_HEADER = "submission,milestone,task,points,reason\n"
EXTENSION_HEADER = "submission,milestone,hours,reason\n"


def points(*overrides, extension=None, milestone=MILESTONE, **terms):
    """Compute the score of a record with overrides given as (task, points)."""
    by_task = {task: Override("ada", task, value) for task, value in overrides}
    return score(record(**terms), milestone, by_task, extension)


def test_points_of_tasks():
    """Each test that passed earns its points for its task; partial credit is the rule."""
    result = points(states={"zero_gain": "wrong", "[2-float64]": "crashed", "silence": "not implemented"})
    assert [task.points for task in result.tasks] == [2, 3, 0]
    assert (result.sum, result.deduction, result.total, result.note) == (5, 0, 5, "")


def test_missing_tests_earn_nothing():
    """A record without a test's line has no points for it."""
    assert points(tests=[]).total == 0


def test_tenths_add_up():
    """Points are exact to a hundredth."""
    tests = [replace(test, points=0.1, task="1.1") for test in record().tests][:3]
    assert points(tests=tests).sum == 0.3


def test_passed_on_the_reference_earns_its_points():
    """A test that failed only because of an earlier milestone is not paid twice."""
    tests = [replace(test, on_reference=True) for test in record().tests]
    assert points(tests=tests).total == 10


def test_grader_fault_is_never_a_zero():
    """One fault leaves the total open, while the other tasks' points are known."""
    result = points(states={"zero_gain": "grader fault", "silence": "wrong"})
    assert (result.sum, result.deduction, result.total) == (None, None, None)
    assert result.is_pending
    assert result.known == 4
    assert result.note == "pending: the grader failed in task 1.1"


@pytest.mark.parametrize("override, total", [(("1.1", 3), 9), (("", 8), 8)], ids=["task", "total"])
def test_override_settles_a_fault(override, total):
    """Points given by hand count where the grader failed."""
    assert points(override, states={"zero_gain": "grader fault"}).total == total


def test_override_of_a_task_is_late_like_the_others():
    """Points given by hand for a task are part of the sum from which lateness is deducted."""
    result = points(("1.2", 1), hours_late=1)
    assert (result.sum, result.deduction, result.total) == (7, 0.7, 6.3)
    assert result.tasks[1].earned == 4


def test_override_of_the_total_is_final():
    """Nothing is deducted from a total that is given by hand, even a total of zero."""
    assert points(("", 9), hours_late=1000).total == 9
    assert points(("", 0)).total == 0


@pytest.mark.parametrize(
    "hours, days, total",
    [(-5, 0, 10), (0, 0, 10), (1 / 3600, 1, 9), (24, 1, 9), (24.001, 2, 8), (72, 3, 7), (72.001, 4, 0), (9999, 417, 0)],
)
def test_late(hours, days, total):
    """Each day begun takes its share; exactly at the deadline is in time; after the last day nothing counts."""
    result = points(hours_late=hours)
    assert (result.days_late, result.total) == (days, total)


def test_late_in_another_time_zone():
    """Points in time are compared, not clock readings."""
    moment = datetime(2026, 12, 18, 22, 59, tzinfo=timezone.utc)
    assert points(submitted=moment).days_late == 0
    assert points(submitted=moment + timedelta(seconds=1)).days_late == 1


def test_no_more_than_all_is_taken():
    """A large share for each day takes all points, and no more."""
    milestone = replace(MILESTONE, late=LatePolicy(0.6, 5))
    assert points(milestone=milestone, hours_late=30).total == 0


def test_no_late_days():
    """A policy without late days deducts everything at once."""
    assert points(milestone=replace(MILESTONE, late=LatePolicy(0.1, 0)), hours_late=0.1).total == 0


@pytest.mark.parametrize("hours, total", [(24, 10), (23.9, 9), (0, 8)])
def test_extension(hours, total):
    """Late days begin after the extended deadline."""
    assert points(hours_late=24 + (hours == 0), extension=Extension("ada", hours)).total == total


def test_refused():
    """A refused submission has no points, and the reason is shown; points can be given by hand."""
    result = points(refused="ada.zip: expected one folder, got none")
    assert (result.total, result.is_pending) == (0, False)
    assert result.note == "refused: ada.zip: expected one folder, got none"
    assert points(("", 5), refused="broken").total == 5


def test_notes_on_the_reading_are_remarks():
    """They follow those on the score."""
    result = points(("", 5), notes=("'a.zip' was graded", "more"))
    assert result.note == "total given by hand; 'a.zip' was graded; more"


def test_reading_overrides(tmp_path):
    """Byte-order marks, spaces, empty rows and other milestones, as spreadsheets have them, do no harm."""
    path = tmp_path / "overrides.csv"
    rows = 'ada, 1 ,1.10,1.5,"oral, ""good"""\n,,,,\n\nada,1,,9,\nada,2,2.1,3,other\n\'=x,1,gain.amplify,0,\n'
    path.write_text("\ufeff" + OVERRIDE_HEADER + rows, encoding="utf-8")
    found = read_overrides(path, MILESTONE)
    assert found["ada"]["1.10"] == Override("ada", "1.10", 1.5, 'oral, "good"', "overrides.csv:2")
    assert found["ada"][""].points == 9
    assert found["=x"]["1.1"].points == 0
    assert set(found) == {"ada", "=x"}


def test_tasks_by_name(tmp_path):
    """A spreadsheet leaves names alone, while it makes 1.1 of 1.10."""
    (tmp_path / "overrides.csv").write_text(
        OVERRIDE_HEADER + "ada,1,gain.mute,2,\nada,1,gain.amplify,4,\nada,1,1.2,3,\n"
    )
    found = read_overrides(tmp_path / "overrides.csv", MILESTONE)["ada"]
    assert {task: each.points for task, each in found.items()} == {"1.10": 2, "1.1": 4, "1.2": 3}


def test_reading_nothing(tmp_path):
    """Without the files, nothing is given by hand."""
    assert read_overrides(tmp_path / "overrides.csv", MILESTONE) == {}
    assert read_extensions(tmp_path / "extensions.csv", MILESTONE) == {}


@pytest.mark.parametrize(
    "rows, complaint",
    [
        ("ada,1,gain.amplify,many,\n", "overrides.csv:2: points: expected a number from 0 to 4, got 'many'"),
        ("ada,1,gain.amplify,,\n", "overrides.csv:2: points: expected a number from 0 to 4, got ''"),
        ("ada,1,gain.amplify,5,\n", "overrides.csv:2: points: expected a number from 0 to 4, got '5'"),
        ("ada,1,,-1,\n", "overrides.csv:2: points: expected a number from 0 to 10, got '-1'"),
        ("ada,1,,nan,\n", "overrides.csv:2: points: expected a number from 0 to 10, got 'nan'"),
        ("ada,1,1.2,3,\nada,1,1.9,3,\n", "overrides.csv:3: expected a task of milestone 1, or none, got '1.9'"),
        ("ada,one,1.1,3,\n", "overrides.csv:2: expected a milestone's number, got 'one'"),
        (",1,1.1,3,\n", "overrides.csv:2: expected the name of a submission, got none"),
        ("ada,1,1.1,3\n", "overrides.csv:2: expected 5 cells, got 4"),
        (
            "ada,1,1.2,3,\nada,1,gain.attenuate,4,\n",
            "overrides.csv:3: expected one row for task 1.2 of 'ada', got a second",
        ),
        (
            "ada,1,1.1,3,\n",
            "overrides.csv:2: expected gain.amplify or gain.mute, got '1.1', which may have been 1.10",
        ),
        ('ada,1,1.1,3,"x\n', "overrides.csv:2: expected comma-separated values, got: unexpected end of data"),
    ],
)
def test_malformed_overrides(tmp_path, rows, complaint):
    """The message names file and line, the expected text and the actual one."""
    path = tmp_path / "overrides.csv"
    path.write_text(OVERRIDE_HEADER + rows)
    with pytest.raises(CourseError) as caught:
        read_overrides(path, MILESTONE)
    assert str(caught.value) == f"{tmp_path}/{complaint}"


def test_malformed_header(tmp_path):
    """Columns by other names, or none, are refused."""
    path = tmp_path / "extensions.csv"
    for text, got in (("name,milestone,hours,reason\n", "name,milestone,hours,reason"), ("", "")):
        path.write_text(text)
        with pytest.raises(CourseError, match=f"extensions.csv:1: expected the columns .*, got {got}$"):
            read_extensions(path, MILESTONE)


def test_not_text(tmp_path):
    """A spreadsheet in another encoding is refused in one line."""
    path = tmp_path / "extensions.csv"
    path.write_bytes(EXTENSION_HEADER.encode() + "zoë,1,24,\n".encode("latin-1"))
    with pytest.raises(CourseError, match=r"extensions\.csv: expected text in UTF-8"):
        read_extensions(path, MILESTONE)


def test_reading_extensions(tmp_path):
    """Accents may be written either way; a second extension for the same student is refused."""
    path = tmp_path / "extensions.csv"
    path.write_text(EXTENSION_HEADER + "zoe\u0308,1,24,ill\nada,2,1,\n", encoding="utf-8")
    assert read_extensions(path, MILESTONE)["zo\u00eb"].hours == 24
    path.write_text(EXTENSION_HEADER + "ada,1,24,ill\nada,1,12,\n")
    with pytest.raises(CourseError, match=r"extensions\.csv:3: expected one row for 'ada', got a second"):
        read_extensions(path, MILESTONE)


def keyed(*records):
    return {(each.submission, each.milestone): each for each in records}


def test_regrade():
    """Lines name each submission whose points changed and the tests that changed them, and count gains and losses."""
    before = keyed(record("ada", {"silence": "wrong"}), record("bob"), record("eve"))
    after = keyed(
        record("ada", {"[2-float64]": "crashed"}, tests_hash="8"),
        record("bob", {"zero_gain": "wrong"}, tests_hash="8"),
        record("eve", tests_hash="8"),
    )
    assert changes(before, after, MILESTONE) == [
        "submission  before   after  change  by tests, late deduction and overrides left aside",
        "ada              8       9      +1  -1 test_gain.py::test_softer[2-float64] (passed -> crashed)",
        "                                    +2 test_gain.py::test_silence (wrong -> passed)",
        "bob             10       8      -2  -2 test_gain.py::test_zero_gain (passed -> wrong)",
        "regraded: 1 submission with more points, 1 submission with fewer",
    ]


def test_regrade_that_changes_nothing():
    """A line says so if the tests have changed; with the same tests there was no regrade."""
    before = keyed(record("ada"))
    assert changes(before, keyed(record("ada", tests_hash="8")), MILESTONE) == [
        "regraded: nobody gains or loses points"
    ]
    assert changes(before, before, MILESTONE) == []
    assert changes({}, before, MILESTONE) == []
    assert changes(keyed(record(milestone=2)), keyed(record(milestone=2, states={"silence": "wrong"})), MILESTONE) == []


def test_regrade_of_points_of_tests_and_of_faults():
    """A test may be worth more, be new or be gone; a fault is no loss; handing in again is mentioned."""
    old = record("ada", {"louder": "grader fault"})
    new = with_test(record("ada", submission_hash="6"), 1, points=3)
    new = with_test(new, 5, id="test_gain.py::test_mute")
    lines = changes(keyed(old), keyed(new), MILESTONE)
    assert lines[1].split() == ["ada", "pending", "11", "?", "handed", "in", "again"]
    assert [line.strip() for line in lines[2:-1]] == [
        "+2 test_gain.py::test_louder (grader fault -> passed)",
        "+1 test_gain.py::test_zero_gain (passed)",
        "-2 test_gain.py::test_silence (passed -> no such test)",
        "+2 test_gain.py::test_mute (no such test -> passed)",
    ]
    assert lines[-1] == "regraded: 0 submissions with more points, 0 submissions with fewer"
