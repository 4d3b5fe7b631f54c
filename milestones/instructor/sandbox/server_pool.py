"""Grading servers seen from outside: processes that a pool keeps alive from one submission to the next."""

import contextlib
import functools
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from milestones.course import ROOT
from milestones.instructor.records import Job, JobResult, ServerTerms, from_line, to_line
from milestones.instructor.sandbox import confinement
from milestones.instructor.sandbox.scratch import remove

ATTEMPTS = 3
START_SECONDS = 120
FOLDER_PREFIX = "grading_"

Shape = TypeVar("Shape")
Submit = Callable[[Job], Future[JobResult]]
"""A function that submits a job to be graded and returns at once."""


class ServerFault(Exception):
    """Fault of a grading server that ended, did not answer, or grades on other terms than requested."""


class GradingServer:
    """A grading server in a separate process.

    Args:
        milestone: number of the milestone.

    Attributes:
        terms: terms on which it grades.

    Raises:
        ServerFault: it did not start.
    """

    def __init__(self, milestone: int):
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115, closed by close()
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "milestones.instructor.sandbox.grading_server", str(milestone), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            text=True,
        )
        try:
            self.terms = self._read(ServerTerms, START_SECONDS)
        except ServerFault:
            self.close()
            raise

    def run_job(self, job: Job) -> JobResult:
        """The result of a job.

        Raises:
            ServerFault: the server ended, or took longer than all tests together may.
        """
        try:
            self.process.stdin.write(to_line(job) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise ServerFault(f"expected a grading server that takes a job, got {error}") from None
        return self._read(JobResult, 60 + 3 * len(job.tests) * job.seconds_per_test)

    def close(self) -> None:
        """End it, and remove its folder."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()
        remove(self._folder)

    def kill(self) -> None:
        """End it at once, even if it is busy, and remove its folder."""
        self.process.kill()
        self.close()

    def _read(self, kind: type[Shape], seconds: float) -> Shape:
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self._log.seek(0)
            last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
            raise ServerFault(f"expected an answer of a grading server, got its end: {last[:300]}")
        try:
            return from_line(kind, line)
        except ValueError as error:
            raise ServerFault(f"expected an answer of a grading server, got {error}") from None


class ServerPool:
    """The grading servers of this process; a method may be called by several threads at a time."""

    def __init__(self) -> None:
        self._idle: dict[int, queue.SimpleQueue[GradingServer]] = {}
        self._is_closed = False

    def grade_job(self, job: Job) -> JobResult:
        """Grade a job on an idle server or a new one; after a fault of the grader, try once more on another."""
        for attempt in range(1, ATTEMPTS + 1):
            server = None
            try:
                server = self._take(job)
                result = server.run_job(job)
            except ServerFault as fault:
                result = JobResult.fault(job, str(fault))
                if server is not None:
                    server.kill()
                continue
            if not result.has_fault or attempt == ATTEMPTS:
                self._put_back(job.milestone, server)
                break
            server.close()
        return result

    def close(self) -> None:
        """End the idle servers, and those in use as soon as they are idle."""
        self._is_closed = True
        for idle in self._idle.values():
            with contextlib.suppress(queue.Empty):
                while True:
                    idle.get_nowait().close()

    def _take(self, job: Job) -> GradingServer:
        """Take an idle server whose terms fit the job, or start one; close servers from before a test was changed."""
        idle = self._idle.setdefault(job.milestone, queue.SimpleQueue())
        with contextlib.suppress(queue.Empty):
            while True:
                server = idle.get_nowait()
                if _difference(server.terms, job) is None:
                    return server
                server.close()
        server = GradingServer(job.milestone)
        if difference := _difference(server.terms, job):
            server.close()
            raise ServerFault(difference)
        return server

    def _put_back(self, milestone: int, server: GradingServer) -> None:
        self._idle[milestone].put(server)
        if self._is_closed:
            self.close()


@contextlib.contextmanager
def local_servers(jobs: int) -> Iterator[Submit]:
    """Grade submissions with servers on this machine; if grading is interrupted, drop those not begun.

    Args:
        jobs: submissions at a time.
    """
    pool, executor = ServerPool(), ThreadPoolExecutor(jobs)
    try:
        yield functools.partial(executor.submit, pool.grade_job)
    finally:
        executor.shutdown(cancel_futures=True)
        pool.close()


def _difference(terms: ServerTerms, job: Job) -> str | None:
    """Find the reason why a server must not grade a job; None if it may."""
    for name in ("tests_hash", "environment_hash"):
        expected, got = getattr(job, name), getattr(terms, name)
        if expected != got:
            return f"{name}: expected {expected[:12]}, as where grading began, got {got[:12]}"
    if not confinement.is_strong(terms.isolation) and not job.allow_weak_isolation:
        return f"isolation: expected Landlock and seccomp, got {', '.join(terms.isolation)}"
    return None
