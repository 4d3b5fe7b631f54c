"""Autograding by nbgrader: points and sentences come from records, and nothing else gives points or runs anything."""

import asyncio
import contextlib
import shutil
import sqlite3
import sys
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from filelock import FileLock
from nbgrader.api import MissingEntry
from traitlets import TraitError

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.gradebook import service_client
from milestones.instructor.gradebook.graded_run import LOCK_NAME
from milestones.instructor.records import Record, TestResult, append
from tests.course.gradebook.nbgrader_course import (
    MILESTONE,
    NAME,
    grade_by_hand,
    graded_cells,
    hand_in,
    nbgrader,
    points,
    released_notebook,
    submission,
    write_small_course,
)

HOSTILE = "open('pwned', 'w').close()"
SHARES = {"1.1": 0.5, "1.2": 0.0, "1.10": 0.25}
"""Shares of the points of some tasks that a record gives; the others are complete."""


def record(student, **changes):
    """Make the record of a submission: one visible test a task, and one hidden one."""
    tests = []
    for task in MILESTONE.tasks:
        share = SHARES.get(task.id, 1.0)
        for hint, part in ((None, share), ("SECRET of sizes?", 1 - share)):
            test = GradedTest(f"t.py::{task.id}{hint}", task.id, part * task.points, "It holds.", "sizes", hint, 1)
            state = TestState.WRONG if hint else TestState.PASSED
            tests.append(TestResult.of(test, state, "<script>alert(1)</script>"))
    now = datetime(2027, 1, 10, 10, tzinfo=timezone.utc)
    made = Record(student, 1, "5", "7", "9", ("landlock",), 1, now, None, (), tuple(tests))
    return replace(made, **changes)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    course = write_small_course(tmp_path_factory.mktemp("nbgrader") / "course")
    result = nbgrader(course).generate_assignment(NAME)
    assert result["success"], result["log"]
    return course


@pytest.fixture
def course(released, tmp_path, monkeypatch):
    """A course whose assignment is released, and whose service writes hand-made records."""
    shutil.copytree(released, tmp_path / "course")
    requests = []

    def grade(grades, request, seconds=None):
        requests.append((request, seconds))
        (grades / NAME).mkdir(parents=True, exist_ok=True)
        for student in request.students:
            append(grades / NAME / "results.jsonl", RECORDS.get(student, record(student)))

    monkeypatch.setattr(service_client, "grade", grade)
    monkeypatch.setattr(service_client, "requests", requests, raising=False)
    return tmp_path / "course"


RECORDS = {
    "faulty": record("faulty", tests=tuple(replace(t, state=TestState.GRADER_FAULT) for t in record("x").tests)),
    "refused": record("refused", refused="expected a package, got none", tests=()),
}
EXPECTED = {f"task-{task.id.replace('.', '-')}": SHARES.get(task.id, 1.0) * task.points for task in MILESTONE.tasks}


def autograde(course, student="ada"):
    return nbgrader(course).autograde(NAME, student)


def test_points_and_sentences_of_each_task(course):
    hand_in(course, "ada", released_notebook(course))
    assert autograde(course)["success"]
    found = points(course, "ada")
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    # Questions without an answer have no points, and the others wait for a person.
    assert {found[f"answer-1-{number}"] for number in (1, 2, 3)} == {0}
    text = (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").read_text()
    assert "Task 1.1, stft.stft: partly passed, 6.5 of 13 points" in text and "SECRET of sizes?" in text
    assert nbgrader(course).generate_feedback(NAME, "ada")["success"]
    page = (course / "feedback" / "ada" / NAME / f"{NAME}.html").read_text()
    assert "6.5 of 13 points" in page and "<script>alert(1)" not in page
    kept = course / "autograded" / "ada" / NAME / "speech_enhancement" / "stft.py"
    assert kept.read_text().startswith("# ada")


def test_marks_that_a_student_has_changed(course):
    """Points, sources and kinds of graded cells are those of the release, and lost cells come back."""
    notebook = released_notebook(course)
    cells = graded_cells(notebook)
    forged = {"output_type": "execute_result", "data": {"text/plain": "13"}, "execution_count": 1, "metadata": {}}
    cells["task-1-1"].update(source=HOSTILE, outputs=[forged])
    cells["task-1-1"]["metadata"]["nbgrader"].update(solution=True, points=1000)
    cells["task-1-2"]["metadata"]["nbgrader"].update(grade=False, schema_version=1)
    cells["task-1-4"]["metadata"]["nbgrader"] = "nonsense"
    cells["answer-1-1"]["source"] = "An answer."
    cells["answer-1-1"]["metadata"]["nbgrader"]["solution"] = False
    lost = (cells["task-1-3"], cells["exercise-1"], cells["answer-1-2"])
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in lost] + [cells["task-1-10"]]
    hand_in(course, "ada", notebook)
    result = autograde(course)
    assert result["success"], result["log"]
    found = points(course, "ada")
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert (found["answer-1-1"], found["answer-1-2"]) == (None, 0)
    assert HOSTILE not in (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").read_text()


@pytest.mark.parametrize(
    ("student", "complaint"), [("faulty", "got a failure of the grader in task 1.1"), ("unknown", "expected a record")]
)
def test_no_points_without_a_record(course, student, complaint, monkeypatch):
    """A fault of the grader and a silent service give neither full points nor none: nbgrader reports an error."""
    if student == "unknown":
        monkeypatch.setattr(service_client, "grade", lambda *arguments: None)
    hand_in(course, student, released_notebook(course))
    result = autograde(course, student)
    assert not result["success"] and complaint in result["log"]
    assert {points(course, student)[name] for name in EXPECTED} == {None}


def test_settings_without_our_exporter(course):
    path = course / "nbgrader_config.py"
    path.write_text(path.read_text().replace("c.Autograde.exporter_class", "unused"))
    hand_in(course, "ada", released_notebook(course))
    result = autograde(course)
    assert not result["success"] and "expected GradedRun as c.Autograde.exporter_class" in result["log"]


def test_refused_submission_has_no_points(course):
    hand_in(course, "refused", released_notebook(course))
    assert autograde(course, "refused")["success"]
    assert {points(course, "refused")[name] for name in EXPECTED} == {0}


def test_late_work_costs_what_the_milestone_says(course):
    """Two days begun cost a fifth; nbgrader subtracts it from the notebook's score."""
    hand_in(course, "ada", released_notebook(course), "2027-01-24 00:00:00.000000 UTC")
    assert autograde(course)["success"]
    with submission(course, "ada") as notebook:
        assert notebook.late_submission_penalty == pytest.approx(0.2 * sum(EXPECTED.values()), abs=0.005)


def test_a_click_waits_only_briefly(course, monkeypatch):
    """On the server's event loop, nbgrader says that the grading goes on, touches nothing, and later has the points."""
    hand_in(course, "ada", released_notebook(course))
    assert autograde(course)["success"]
    copy = course / "autograded" / "ada" / NAME / f"{NAME}.ipynb"
    before = copy.stat().st_mtime_ns
    grade = service_client.grade

    def busy(grades, request, seconds=None):
        assert seconds is not None and seconds <= 5
        raise service_client.StillGrading

    async def click():
        return autograde(course)

    monkeypatch.setattr(service_client, "grade", busy)
    result = asyncio.run(click())
    assert not result["success"] and "goes on in the background" in result["log"]
    assert copy.stat().st_mtime_ns == before
    monkeypatch.setattr(service_client, "grade", grade)
    assert asyncio.run(click())["success"]
    assert copy.stat().st_mtime_ns != before
    assert points(course, "ada")["task-1-1"] == EXPECTED["task-1-1"]


def test_whole_class_is_one_request(course):
    for student in ("ada", "ben"):
        hand_in(course, student, released_notebook(course))
    result = autograde(course, "*")
    assert result["success"], result["log"]
    ((request, seconds),) = service_client.requests
    assert request.students == ("ada", "ben") and seconds is None
    assert points(course, "ben")["task-1-1"] == EXPECTED["task-1-1"]


def test_submission_without_a_notebook_that_was_not_collected(course):
    """nbgrader would pass it over without an error; it is graded with the released notebook in its place."""
    for student in ("ada", "ben"):
        hand_in(course, student, released_notebook(course))
    (course / "submitted" / "ben" / NAME / f"{NAME}.ipynb").unlink()
    result = autograde(course, "*")
    assert result["success"] and "the released one takes its place" in result["log"]
    assert points(course, "ben")["task-1-1"] == EXPECTED["task-1-1"]


def test_only_submission_without_a_notebook(course):
    """nbgrader has nothing to begin with, and reports an error."""
    hand_in(course, "ada", released_notebook(course))
    (course / "submitted" / "ada" / NAME / f"{NAME}.ipynb").unlink()
    result = autograde(course)
    assert not result["success"] and "No notebooks were matched" in result["log"]


def test_two_runs_at_once(course):
    """While one autogrades, a click says so, touches nothing, and works later."""
    hand_in(course, "ada", released_notebook(course))

    async def click():
        return autograde(course)

    with FileLock(course / "grades" / NAME / LOCK_NAME):
        result = asyncio.run(click())
    assert not result["success"] and "another autograde" in result["log"]
    assert not (course / "autograded").exists()
    assert asyncio.run(click())["success"]


def test_points_given_by_hand_are_kept(course):
    """nbgrader keeps them when it grades again, and asks a person to look."""
    notebook = released_notebook(course)
    graded_cells(notebook)["answer-1-1"]["source"] = "An answer."
    hand_in(course, "ada", notebook)
    assert autograde(course)["success"]
    for cell, score in (("answer-1-1", 2.5), ("task-1-1", 8)):
        grade_by_hand(course, "ada", cell, score)
    assert autograde(course)["success"]
    with submission(course, "ada") as graded:
        by_hand = {grade.name: grade.manual_score for grade in graded.grades if grade.manual_score is not None}
        assert by_hand == {"answer-1-1": 2.5, "task-1-1": 8} and graded.needs_manual_grade
        assert graded.score == sum(EXPECTED.values()) - EXPECTED["task-1-1"] + 10.5


def test_killed_run_goes_on(course, monkeypatch):
    """nbgrader does not take the copy of a submission without points for graded; a finished one is not graded again."""
    hand_in(course, "ada", released_notebook(course))
    with monkeypatch.context() as patch:
        # No handler of nbgrader's removes the copy, as if the process were killed.
        patch.setattr(service_client, "grade", lambda *arguments: sys.exit())
        assert not nbgrader(course).autograde(NAME, "ada", force=False)["success"]
    assert (course / "autograded" / "ada" / NAME).exists()
    assert nbgrader(course).autograde(NAME, "ada", force=False)["success"]
    assert points(course, "ada")["task-1-1"] == EXPECTED["task-1-1"]
    assert "Skipping existing" in nbgrader(course).autograde(NAME, "ada", force=False)["log"]
    assert len(service_client.requests) == 1


def test_locked_gradebook(course):
    """nbgrader reports an error, and grades when the gradebook is free again."""
    hand_in(course, "ada", released_notebook(course))
    interface = nbgrader(course)
    interface.coursedir.db_url += "?timeout=0.1"
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = interface.autograde(NAME, "ada")
        assert not result["success"] and "database is locked" in result["log"] + result["error"]
    assert interface.autograde(NAME, "ada")["success"]


@pytest.mark.parametrize("lost", ["step", "run", "configuration", "everything"])
def test_nothing_of_a_submission_runs_without_our_step(course, lost, monkeypatch):
    """If our module or our settings are lost, nbgrader reports an error instead of running the notebook."""
    notebook = released_notebook(course)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = f"open({str(course / 'pwned')!r}, 'w').close()"
    hand_in(course, "ada", notebook)
    modules = {"step": "confined_grading", "run": "graded_run"}
    if lost in modules:
        monkeypatch.setitem(sys.modules, f"milestones.instructor.gradebook.{modules[lost]}", None)
    elif lost == "configuration":
        (course / "nbgrader_config.py").write_text("import a_module_that_is_missing\n")
    else:
        (course / "nbgrader_config.py").unlink()
    # nbgrader looks for the exporter before it begins to report errors; behind the button, the page says so.
    with contextlib.suppress(TraitError):
        assert not autograde(course)["success"]
    assert not (course / "pwned").exists()
    assert not (course / "autograded" / "ada" / NAME).exists()
    with contextlib.suppress(MissingEntry):
        assert set(points(course, "ada").values()) == {None}
