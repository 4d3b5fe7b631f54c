"""Classes that are autograded by real grading servers: through the exchange, twice at once, and again."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from milestones.course import ROOT, load_milestone
from milestones.instructor.configuration import Grade
from milestones.instructor.gradebook import service_client
from milestones.instructor.grading import grade
from milestones.instructor.records import LOG_NAME, read
from milestones.instructor.sandbox import confinement
from milestones.instructor.selftest.reference import reference, template
from tests.course.gradebook.nbgrader_course import (
    MILESTONE,
    NAME,
    grade_by_hand,
    graded_cells,
    nbgrader,
    points,
    released_notebook,
    submission,
    write_small_course,
    write_submission,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not confinement.can_be_strong(), reason="the host lacks Landlock or seccomp"),
    pytest.mark.usefixtures("suites_collected_once"),
]


@pytest.fixture(scope="module")
def one_core():
    """One core for what these tests start, so that a service starts one grading server."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture(scope="module")
def make_course(tmp_path_factory, one_core):
    """Function that makes a course with a released milestone and an exchange; its service ends with the tests."""
    made = []

    def make(name):
        course = write_small_course(tmp_path_factory.mktemp("class") / "course", name)
        with (course / "nbgrader_config.py").open("a") as settings:
            settings.write(f"c.Exchange.root = {str(course.parent / 'exchange')!r}\n")
        inbound(course).mkdir(parents=True)
        result = nbgrader(course).generate_assignment(name)
        assert result["success"], result["log"]
        made.append(course / "grades")
        return course

    yield make
    for grades in made:
        service_client.end(grades)
        shutil.rmtree(service_client.service_folder(grades))


def inbound(course):
    """Folder of the exchange for what is handed in."""
    return course.parent / "exchange" / course.name / "inbound"


def submit(course, student, modules, stamp, notebook=f"{NAME}.ipynb"):
    """Put a submission where `nbgrader submit` would."""
    folder = inbound(course) / f"{student}+{NAME}+{stamp}+abc"
    write_submission(folder, notebook, released_notebook(course), modules, stamp)


def autograde(course, name, *, n_runs):
    """Run `nbgrader autograde` on all submissions, several times at once."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "nbgrader", "autograde", name],
            cwd=course,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(n_runs)
    ]
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * n_runs, said


@pytest.fixture(scope="module")
def course(make_course):
    """A class that was autograded by two instructors at once: one late and half done, one without a package, one done
    whose notebook has another name."""
    course = make_course(NAME)
    done, empty = reference(), template()
    half = {**empty, "masking.py": done["masking.py"], "metrics.py": done["metrics.py"].replace("10 * ", "20 * ")}
    submit(course, "ada", half, "2027-01-24 10:00:00.000000 UTC")
    submit(course, "ben", {}, "2027-01-10 10:00:00.000000 UTC")
    submit(course, "cleo", done, "2027-01-10 10:00:00.000000 UTC", "mine.ipynb")
    assert nbgrader(course).collect(NAME)["success"]
    autograde(course, NAME, n_runs=2)
    return course


def test_gradebook_and_grades_agree(course):
    """The service's records are those of the command `grade`, and nbgrader's points and deduction are theirs."""
    log = course / "grades" / NAME / LOG_NAME
    # The reason of a refusal names files as seen from the folder that was given.
    records = [record for record in read(log) if record.refused is None]
    assert [record.submission for record in records] == ["ada", "cleo"]
    assert grade.run(Grade(course / "submitted", 1, log.parent)) == 0
    assert [record for record in read(log) if record.refused is None] == records
    with (course / "grades" / NAME / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"ada", "ben", "cleo"}
    for student, row in rows.items():
        found = points(course, student)
        tasks = {f"task-{name[5:].replace('.', '-')}": float(row[name]) for name in row if name.startswith("task ")}
        assert {name: found[name] for name in tasks} == tasks
        with submission(course, student) as notebook:
            total = notebook.score - (notebook.late_submission_penalty or 0)
            assert total == pytest.approx(float(row["total"]), abs=1e-9)
    assert 0 < float(rows["ada"]["total"]) < float(rows["ada"]["sum"]) < MILESTONE.points
    assert float(rows["cleo"]["total"]) == MILESTONE.points


def test_without_a_package_the_tasks_have_no_points_and_a_reason(course):
    assert set(points(course, "ben").values()) == {0}
    text = (course / "autograded" / "ben" / NAME / f"{NAME}.ipynb").read_text()
    assert "Not graded: " in text


def test_later_submission_is_collected_and_graded(course):
    submit(course, "ben", reference(), "2027-01-11 10:00:00.000000 UTC")
    result = nbgrader(course).collect(NAME, update=True)
    assert result["success"] and "Updating submission: ben" in result["log"]
    autograde(course, NAME, n_runs=1)
    assert sum(points(course, "ben").values()) == MILESTONE.points


def test_milestone_2_to_its_feedback(make_course):
    """The reference has all points; answers are graded by hand, and stand in the feedback."""
    milestone, name = load_milestone(2), "milestone2"
    course = make_course(name)
    notebook = released_notebook(course, name)
    answers = [answer.id for answer in milestone.answers]
    for answer in answers:
        graded_cells(notebook)[answer]["source"] = f"An answer to {answer}."
    folder = course / "submitted" / "ada" / name
    write_submission(folder, f"{name}.ipynb", notebook, reference(), "2027-01-10 10:00:00.000000 UTC")
    result = nbgrader(course).autograde(name, "ada")
    assert result["success"], result["log"]
    found = points(course, "ada", name)
    assert sum(found[task] for task in found if task not in answers) == milestone.points
    assert {found[answer] for answer in answers} == {None}
    for answer in answers:
        grade_by_hand(course, "ada", answer, 1.5, name)
    with submission(course, "ada", name) as graded:
        assert graded.score == milestone.points + 1.5 * len(answers)
    assert nbgrader(course).generate_feedback(name, "ada")["success"]
    page = (course / "feedback" / "ada" / name / f"{name}.html").read_text()
    assert all(f"An answer to {answer}." in page for answer in answers)
