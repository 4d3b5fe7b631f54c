"""A grading server: a process with a judge and workers that grades one submission after another.

    python -m milestones.instructor.sandbox.grading_server MILESTONE FOLDER

The folder holds the submission and its scratch files, and is removed at the end. The server reads jobs from standard
input and writes results to standard output, one JSON object on each line (see `records`). Its first line states the
terms on which it grades. When its input ends, it stops its workers and ends.
"""

import contextlib
import gc
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import torch

from milestones.course import PACKAGE, ROOT, Course, Milestone, load_course
from milestones.instructor import fingerprints
from milestones.instructor.records import Job, JobResult, ServerTerms, from_line, to_line
from milestones.instructor.sandbox import confinement, remote_package
from milestones.instructor.sandbox.failures import GraderFault
from milestones.instructor.sandbox.judge import Judge
from milestones.instructor.sandbox.scratch import remove
from milestones.instructor.sandbox.worker_client import WorkerClient
from milestones.instructor.sandbox.worker_launcher import WorkerLauncher, WorkerSettings

PACKAGE_FOLDER = "package"
SCRATCH_FOLDER = "scratch"


class SubmissionGrader:
    """A judge, a worker launcher and a folder, which together grade one submission after another.

    Args:
        course: the course to which the milestone belongs.
        milestone: the milestone.
        folder: for the submission and its scratch files.

    Attributes:
        isolation: names of what confines the workers.
    """

    def __init__(self, course: Course, milestone: Milestone, folder: Path):
        earlier, known = course.before(milestone.number), course.up_to(milestone.number)
        self._folder, self._package, self._scratch = folder, folder / PACKAGE_FOLDER, folder / SCRATCH_FOLDER
        self._package.mkdir()
        self._scratch.mkdir()
        self._students_modules = course.modules
        self._reference = {name: (ROOT / PACKAGE / f"{name}.py").read_text("utf-8") for name in earlier.modules}
        remote = remote_package.install(ROOT / PACKAGE, known.modules, _scenarios(milestone))
        self._judge = Judge(remote, milestone.tests, self._scratch, course.depending_on_earlier(milestone.number))
        self._launcher = WorkerLauncher(self._package, self._scratch)
        self._settings = WorkerSettings(milestone.seconds_per_test, milestone.memory_mebibytes)
        # Comparing with an answer of an odd shape could take all memory of this machine.
        confinement.limit_memory(milestone.memory_mebibytes * 2**20)
        self.isolation = WorkerClient(self._launcher, self._settings).find_isolation()

    def grade_submission(self, job: Job) -> JobResult:
        """Grade a job; if the grader fails, the result reports a fault for each test."""
        settings = replace(self._settings, seed=job.seed, seconds=job.seconds_per_test)
        worker, on_reference = WorkerClient(self._launcher, settings), None
        if self._reference:
            on_reference = WorkerClient(self._launcher, replace(settings, reference=self._reference))
        try:
            self._lay_out(job.files)
            return JobResult(tuple(self._judge.judge_submission(job.tests, worker, on_reference)), self.isolation)
        except (GraderFault, Exception) as fault:
            return JobResult.fault(job, f"{type(fault).__name__}: {fault}", self.isolation)

    def close(self) -> None:
        """End the workers and remove the folder."""
        self._launcher.close()
        remove(self._folder)

    def _lay_out(self, files: dict[str, str]) -> None:
        """Write the submission's files, and the provided files that it lacks, to the folder that workers import."""
        remove(*self._package.iterdir(), *self._scratch.iterdir())
        ours, provided = self._package / PACKAGE, ROOT / PACKAGE
        for source in provided.rglob("*.py"):
            target = ours / source.relative_to(provided)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        for name in self._students_modules:
            (ours / f"{name}.py").unlink()
        for name, text in files.items():
            target = ours / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", errors="surrogateescape")


def serve(number: int, folder: Path, jobs: TextIO, results: TextIO) -> None:
    """Grade each job of a stream, and write its result to another.

    Args:
        number: number of the milestone.
        folder: folder for the submission and its scratch files; it is removed at the end.
        jobs, results: one JSON object on each line.
    """
    torch.set_num_threads(1)
    course = load_course()
    milestone = course.milestone(number)
    tests_hash = fingerprints.of_tests(milestone)
    with contextlib.closing(SubmissionGrader(course, milestone, folder)) as grader:
        _write(results, ServerTerms(grader.isolation, tests_hash, fingerprints.of_environment()))
        for line in jobs:
            _write(results, grader.grade_submission(from_line(Job, line)))
            # Tracebacks of failed tests form cycles that hold tensors.
            gc.collect()
            if not gc.get_freeze_count():
                # The modules that the tests imported stay, so that later collections may pass over them.
                gc.freeze()


def _scenarios(milestone: Milestone) -> str:
    path = milestone.tests / "scenarios.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _write(results: TextIO, shape: ServerTerms | JobResult) -> None:
    results.write(to_line(shape) + "\n")
    results.flush()


if __name__ == "__main__":
    # Text that tests and libraries print must not mix with the results.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(null, 0)
    serve(int(sys.argv[1]), Path(sys.argv[2]), lines, answers)
    # Python would take a second to unload torch.
    os._exit(0)
