"""Submissions graded a minute, compared with a fresh pytest process for each and with nbgrader's autograde.

python -m bench.grading
python -m bench.grading 30

Each way runs all tests of milestone 1, hidden ones included, on copies of the reference. With a number, only
`nbgrader autograde` runs, over so many collected submissions: with our step, and with nbgrader's own, which also
executes the notebook.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.utils import is_grade, is_solution

from milestones.course import ROOT, load_milestone
from milestones.graded_tests import TestState
from milestones.instructor.gradebook import service_client
from milestones.instructor.gradebook.assignments import name_of
from milestones.instructor.gradebook.course_folder import write_assignment, write_configuration
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.grading.passes import grade_class
from milestones.instructor.records import LOG_NAME, read
from milestones.instructor.sandbox.server_pool import local_servers
from milestones.instructor.selftest.reference import reference

COPIES = 40
COPIES_OF_SLOW_WAYS = 6


def main() -> None:
    exam = Exam.of(load_milestone(1))
    print(f"{len(exam.tests)} tests")
    cores = sorted(os.sched_getaffinity(0))
    if sys.argv[1:]:
        copies, cores = int(sys.argv[1]), cores[:2]
        ours, own = (autograde(copies, cores, confined=confined) for confined in (True, False))
        compare(len(cores), ours, "nbgrader's own step", own)
        return
    compare(1, judge_and_workers(exam, 1, cores[:1]), "a fresh pytest", fresh_pytest(exam, 1, cores[:1]))
    compare(2, judge_and_workers(exam, 2, cores[:2]), "nbgrader autograde", nbgrader(exam, cores[:2]))


def compare(n_cores: int, ours: float, name: str, other: float) -> None:
    print(
        f"{n_cores} core(s), submissions a minute: {60 * ours:.1f}; {name}: {60 * other:.1f}; ratio {ours / other:.1f}"
    )


def judge_and_workers(exam: Exam, jobs: int, cores: list[int]) -> float:
    """Submissions per second, the start of the grading servers included."""
    now = datetime.now(timezone.utc)
    copies = [exam.job({**reference(), "number.py": f"NUMBER = {n}\n"}) for n in range(COPIES)]
    with tempfile.TemporaryDirectory() as folder, on(cores), local_servers(jobs) as submit:
        log = Path(folder, LOG_NAME)
        begin = time.perf_counter()
        grade_class([(exam.record(str(n), now), job) for n, job in enumerate(copies)], submit, log)
        elapsed = time.perf_counter() - begin
        states = {test.state for record in read(log) for test in record.tests}
    if states != {TestState.PASSED}:
        raise SystemExit(f"expected all tests to pass, got {states}")
    return COPIES / elapsed


def fresh_pytest(exam: Exam, jobs: int, cores: list[int]) -> float:
    """Submissions per second."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(exam.milestone.tests)]

    def one(_: int) -> None:
        subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, env=one_thread())

    with on(cores), ThreadPoolExecutor(jobs) as executor:
        begin = time.perf_counter()
        list(executor.map(one, range(COPIES_OF_SLOW_WAYS)))
        return COPIES_OF_SLOW_WAYS / (time.perf_counter() - begin)


def autograde(copies: int, cores: list[int], *, confined: bool) -> float:
    """Submissions per second of `nbgrader autograde` on collected submissions of milestone 1.

    Either our step grades them, the start of its service included, or nbgrader's own executes the notebook, whose last
    graded cell then runs the same tests.
    """
    milestone = load_milestone(1)
    name = name_of(milestone)
    with tempfile.TemporaryDirectory() as folder, on(cores):
        course = Path(folder)
        write_configuration(course)
        write_assignment(course, milestone)
        if not confined:
            execute(course, course / "source" / name / f"{name}.ipynb", milestone.tests)
        words = [sys.executable, "-m", "nbgrader"]
        silent = {"cwd": course, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": one_thread()}
        subprocess.run([*words, "generate_assignment", name], check=True, **silent)
        for number in range(copies):
            submitted = course / "submitted" / f"student{number}" / name
            shutil.copytree(course / "release" / name, submitted)
            # Each differs, so that no record of one serves another.
            for module, text in {**reference(), "number.py": f"NUMBER = {number}\n"}.items():
                (submitted / "speech_enhancement" / module).write_text(text, encoding="utf-8")
        begin = time.perf_counter()
        try:
            subprocess.run([*words, "autograde", name], check=True, **silent)
            elapsed = time.perf_counter() - begin
        finally:
            service_client.end(course / "grades")
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            scores = [submission.score for submission in gradebook.assignment_submissions(name)]
    if scores != [milestone.points] * copies:
        raise SystemExit(f"expected {copies} submissions with {milestone.points:g} points, got {scores}")
    return copies / elapsed


def execute(course: Path, source: Path, tests: Path) -> None:
    """Let a course use nbgrader's own steps, and run the suite in the last cell of the source that gives points."""
    settings = "c = get_config()\nc.Execute.timeout = 600\nc.Autograde.exclude_overwriting = "
    modules = [f"speech_enhancement/{name}" for name in reference()]
    (course / "nbgrader_config.py").write_text(f"{settings}{ {source.stem: modules} }\n")
    notebook = nbformat.read(source, as_version=4)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (*_, last) = (cell for cell in notebook.cells if is_grade(cell) and not is_solution(cell))
    suite = f"pytest.main(['-q', '-p', 'no:cacheprovider', {str(tests)!r}])"
    last.source += f"\nimport pytest\nassert {suite} == 0"
    nbformat.write(notebook, source)


def nbgrader(exam: Exam, cores: list[int]) -> float:
    """Submissions per second of a notebook whose graded cell runs the same suite."""
    test = f"import pytest\nassert pytest.main(['-q', '-p', 'no:cacheprovider', {str(exam.milestone.tests)!r}]) == 0"
    marks = {"grade": True, "grade_id": "suite", "locked": True, "points": 1, "schema_version": 3, "solution": False}
    notebook = new_notebook(cells=[new_code_cell(test, metadata={"nbgrader": {**marks, "task": False}})])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with tempfile.TemporaryDirectory() as folder, on(cores):
        course = Path(folder)
        (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")
        source = course / "source" / "suite" / "suite.ipynb"
        source.parent.mkdir(parents=True)
        nbformat.write(notebook, source)
        words = [sys.executable, "-m", "nbgrader"]
        silent = {"cwd": course, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": one_thread()}
        subprocess.run([*words, "generate_assignment", "suite"], check=True, **silent)
        for number in range(COPIES_OF_SLOW_WAYS):
            shutil.copytree(course / "release" / "suite", course / "submitted" / f"student{number}" / "suite")
        begin = time.perf_counter()
        subprocess.run([*words, "autograde", "suite"], check=True, **silent)
        return COPIES_OF_SLOW_WAYS / (time.perf_counter() - begin)


def one_thread() -> dict[str, str]:
    # nbgrader calls a script that is installed beside Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PATH": path}


class on:
    """Keep this process and what it starts to some cores."""

    def __init__(self, cores: list[int]):
        self.cores = cores

    def __enter__(self) -> None:
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, set(self.cores))

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, self.before)


if __name__ == "__main__":
    main()
