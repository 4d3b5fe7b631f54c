"""A grading server seen from outside: a process that takes one job after another."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from milestones.course import ROOT
from milestones.instructor.records import Job, JobEnd, ServerTerms, TestResult, from_line, to_line
from milestones.instructor.sandbox.cores import Core
from milestones.instructor.sandbox.removal import remove

START_SECONDS = 120
FOLDER_PREFIX = "grading_"


class ServerFault(Exception):
    """Fault of a grading server that ended, did not answer, or grades on other terms than requested."""


@dataclass(frozen=True)
class Answer:
    """A server's answer to a job.

    Attributes:
        tests: the results of the tests that it has judged.
        end: the end of the job; it has a fault if results are missing.
        suspect: id of the test on which the server failed; None if it did not, or if no test had begun.
    """

    tests: tuple[TestResult, ...]
    end: JobEnd
    suspect: str | None = None


class GradingServer:
    """A grading server in a separate process.

    Args:
        milestone: number of the milestone.
        core: core for it and its workers; None to let it run on any.

    Attributes:
        milestone: number of the milestone.
        may_tell: True as long as it has run neither a hidden test nor the reference.
        terms: terms on which it grades.

    Raises:
        ServerFault: it did not start.
    """

    def __init__(self, milestone: int, core: Core | None):
        self.milestone = milestone
        self.may_tell = True
        self._core = core
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115, closed by close()
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "milestones.instructor.sandbox.grading_server", str(milestone), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
                # PyTorch makes this folder when it is imported, and leaves it behind.
                "TORCHINDUCTOR_CACHE_DIR": str(self._folder / "torchinductor"),
            },
            text=True,
        )
        if core is not None:
            core.keep(self.process.pid)
        try:
            with self._patience(START_SECONDS):
                _, line = self._read()
                self.terms = from_line(ServerTerms, line)
        except (ServerFault, ValueError) as error:
            self.close()
            raise ServerFault(str(error)) from None

    def run_job(self, job: Job) -> Answer:
        """Return the answer to a job; if the server fails, the answer says why."""
        self.may_tell &= job.tells
        tests: dict[str, TestResult] = {}
        suspect = None
        begin = time.monotonic()
        try:
            # Some time for the start of workers, up to three for each test, comes on top of the tests' own.
            with self._patience(60 + 1.5 * job.seconds + len(job.tests)):
                self._send(job)
                while True:
                    word, line = self._read()
                    if word == "begins":
                        suspect = json.loads(line)
                    elif word == "ends":
                        result = from_line(TestResult, line)
                        tests[result.id], suspect = result, None
                    else:
                        return Answer(tuple(tests.values()), from_line(JobEnd, line), suspect)
        except (ServerFault, ValueError) as error:
            return Answer(tuple(tests.values()), JobEnd(time.monotonic() - begin, fault=str(error)), suspect)

    def hang_up(self) -> None:
        """Let it end, even if it is busy."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def close(self) -> None:
        """End it, even if it is busy, and remove its folder."""
        self.hang_up()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()
        remove(self._folder)
        if self._core is not None:
            self._core.give_back()

    @contextlib.contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        """Kill the server if it takes longer."""
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _send(self, job: Job) -> None:
        try:
            self.process.stdin.write(to_line(job) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise ServerFault(f"expected a grading server that takes a job, got {error}") from None

    def _read(self) -> tuple[str, str]:
        line = self.process.stdout.readline()
        if not line:
            self._log.seek(0)
            last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
            raise ServerFault(f"expected an answer of a grading server, got its end: {last[:300]}")
        word, _, rest = line.partition(" ")
        return word, rest
