"""A grading server: a process with a judge and workers that grades one submission after another.

    python -m milestones.instructor.sandbox.grading_server MILESTONE FOLDER

The folder holds the submission and its scratch files, and is removed at the end. The server first writes the terms on
which it grades. Then it reads jobs from standard input, and tells of each on standard output. A line is a word and a
JSON value: `begins` and the id of a test, `ends` and its result, and at last `done` and the job's `JobEnd`. When its
input ends, it stops its workers and ends, even in the middle of a job.
"""

import contextlib
import gc
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import torch

from milestones.course import PACKAGE, ROOT, Course, Milestone, load_course
from milestones.instructor import fingerprints
from milestones.instructor.records import Job, JobEnd, ServerTerms, from_line, to_line
from milestones.instructor.sandbox import confinement, remote_package
from milestones.instructor.sandbox.failures import GraderFault
from milestones.instructor.sandbox.judge import Judge
from milestones.instructor.sandbox.package_layout import lay_out
from milestones.instructor.sandbox.removal import remove
from milestones.instructor.sandbox.suite import Suite
from milestones.instructor.sandbox.worker_client import WorkerClient
from milestones.instructor.sandbox.worker_launcher import WorkerLauncher, WorkerSettings

PACKAGE_FOLDER = "package"
SCRATCH_FOLDER = "scratch"
TERMS, BEGINS, ENDS, DONE = "terms", "begins", "ends", "done"


class SubmissionGrader:
    """A suite, a worker launcher and a folder, which together grade one submission after another.

    Args:
        course: the course to which the milestone belongs.
        milestone: the milestone.
        folder: for the submission and its scratch files.
        answers: what is told of jobs goes there.

    Attributes:
        suite: the tests.
        isolation: names of what confines the workers.
    """

    def __init__(self, course: Course, milestone: Milestone, folder: Path, answers: TextIO):
        earlier, known = course.before(milestone.number), course.up_to(milestone.number)
        self._folder, self._package, self._scratch = folder, folder / PACKAGE_FOLDER, folder / SCRATCH_FOLDER
        self._package.mkdir()
        self._scratch.mkdir()
        self._answers = answers
        self._students_modules = course.modules
        self._reference = {name: (ROOT / PACKAGE / f"{name}.py").read_text("utf-8") for name in earlier.modules}
        self._remote = remote_package.install(ROOT / PACKAGE, known.modules, _scenarios(milestone))
        self._launcher = WorkerLauncher(self._package, self._scratch, milestone.memory_mebibytes)
        self._settings = WorkerSettings(milestone.seconds_per_test, milestone.memory_mebibytes)
        # Comparing with an answer of an odd shape could take all memory of this machine.
        confinement.limit_memory(milestone.memory_mebibytes * 2**20)
        self.suite = Suite(milestone.tests, self._scratch)
        self.isolation = WorkerClient(self._launcher, self._settings).find_isolation()

    def tell(self, word: str, line: str) -> None:
        """Write a line of an answer."""
        self._answers.write(f"{word} {line}\n")
        self._answers.flush()

    def grade_submission(self, job: Job) -> None:
        """Grade a job, and tell of each test and of the end."""
        settings = replace(self._settings, seed=_seed_of_workers(job), seconds=job.seconds_per_test)
        if job.on_reference:
            settings = replace(settings, reference=self._reference)
        judge = Judge(self.suite, self._remote, WorkerClient(self._launcher, settings), job)
        fault = None
        try:
            lay_out(self._package, job.files, self._students_modules)
            self._launcher.empty_scratch()
            judge.judge(
                begins=lambda test: self.tell(BEGINS, json.dumps(test.id)),
                ends=lambda result: self.tell(ENDS, to_line(result)),
            )
        except (GraderFault, Exception) as error:
            fault = f"{type(error).__name__}: {error}"
        self.tell(DONE, to_line(JobEnd(round(judge.seconds, 3), judge.failed_imports, fault)))

    def close(self) -> None:
        """End the workers and remove the folder."""
        self._launcher.close()
        remove(self._folder)


def serve(number: int, folder: Path, jobs: TextIO, answers: TextIO) -> None:
    """Grade each job of a stream, and tell of it on another.

    Args:
        number: number of the milestone.
        folder: folder for the submission and its scratch files; it is removed at the end.
        jobs: one `Job` on each line.
        answers: for the answers.
    """
    torch.set_num_threads(1)
    course = load_course()
    milestone = course.milestone(number)
    terms = fingerprints.of_tests(milestone), fingerprints.of_environment()
    grader = SubmissionGrader(course, milestone, folder, answers)

    def end(*_: object) -> None:
        grader.close()
        os._exit(0)

    # A terminal interrupts all processes, and the one that sends jobs decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)

    def grade_all() -> None:
        grader.tell(TERMS, to_line(ServerTerms(grader.isolation, *terms)))
        for n_before, line in enumerate(_until_closed(jobs, end)):
            grader.grade_submission(from_line(Job, line))
            # Tracebacks of failed tests form cycles that hold tensors.
            gc.collect()
            if n_before == 0:
                # The modules that the tests imported stay, so that later collections may pass over them.
                gc.freeze()

    with contextlib.closing(grader):
        grader.suite.serve(grade_all)


def _until_closed(jobs: TextIO, end: Callable[[], None]) -> Iterator[str]:
    """Yield the lines of a stream; when it is closed, end this process, whatever it is doing."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in jobs:
            lines.put(line)
        end()

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def _seed_of_workers(job: Job) -> int:
    """Make another seed, from which a worker cannot find out what the tests draw."""
    return int(fingerprints.digest(b"workers", str(job.seed).encode())[:8], 16)


def _scenarios(milestone: Milestone) -> str:
    path = milestone.tests / "scenarios.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    # Text that tests and libraries print must not mix with the answers.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(null, 0)
    serve(int(sys.argv[1]), Path(sys.argv[2]), lines, told)
