"""The pool of grading servers that a process keeps alive from one submission to the next."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from milestones.instructor.records import Job, JobResult, ServerTerms
from milestones.instructor.sandbox import confinement, cores
from milestones.instructor.sandbox.attempts import MAX_ATTEMPTS, Attempts, check
from milestones.instructor.sandbox.server_process import GradingServer, ServerFault

Submit = Callable[[Job], Future[JobResult]]
"""A function that submits a job to be graded and returns at once."""


class ServerPool:
    """The grading servers of this process; a method may be called by several threads at a time."""

    def __init__(self) -> None:
        self._idle: list[GradingServer] = []
        self._busy: list[GradingServer] = []
        self._lock = threading.Lock()
        self._differences: dict[tuple[int, str, str, bool], str] = {}
        self._is_closed = self._is_aborted = False

    def grade_job(self, job: Job) -> JobResult:
        """Grade a job; where a server fails, others go on with the tests that have no result yet.

        A second server and a third must first grade the reference by the test on which the one before failed. If they
        can and fail on the submission again, the submission is to blame. Any other fault is the grader's own.
        """
        attempts = Attempts(job)
        for _ in range(MAX_ATTEMPTS):
            try:
                server = self._take(job)
            except ServerFault as fault:
                attempts.fault = str(fault)
                continue
            if attempts.failed_on_it and (fault := check(server, attempts.reference())):
                attempts.fault = fault
                server.close()
                continue
            self._busy.append(server)
            if self._is_aborted:
                server.hang_up()
            attempts.add(server.run_job(attempts.rest()), server.terms.isolation)
            self._busy.remove(server)
            if attempts.fault is None:
                self._put_back(server)
                break
            server.close()
            if self._is_aborted or not attempts.rest().tests:
                break
        return attempts.result()

    def start_idle(self, milestone: int) -> None:
        """Start a server that waits for the next job; if it does not start, that job tells why."""
        with contextlib.suppress(ServerFault):
            self._put_back(self._start(milestone))

    def close(self) -> None:
        """End the idle servers, and those in use as soon as they are idle."""
        self._is_closed = True
        self.end_idle()

    def abort(self) -> None:
        """End all servers at once, whose jobs then have faults."""
        self._is_aborted = True
        for server in list(self._busy):
            server.hang_up()

    def end_idle(self) -> None:
        """End the idle servers."""
        while server := self._pop(lambda _: True):
            server.close()

    def _take(self, job: Job) -> GradingServer:
        """Take an idle server whose terms fit the job, or start one; close servers from before a test was changed."""
        while server := self._pop(lambda each: each.milestone == job.milestone and (each.may_tell or not job.tells)):
            if _difference(server.terms, job) is None:
                return server
            server.close()
        # Another server on this machine would have the same terms.
        terms = job.milestone, job.tests_hash, job.environment_hash, job.allow_weak_isolation
        if terms not in self._differences:
            server = self._start(job.milestone)
            difference = _difference(server.terms, job)
            if difference is None:
                return server
            server.close()
            self._differences[terms] = difference
        raise ServerFault(self._differences[terms])

    def _start(self, milestone: int) -> GradingServer:
        """Start a server on a core of its own, for which an idle server of another kind may have to end."""
        core = cores.take()
        while core is None and (server := self._pop(lambda _: True)):
            server.close()
            core = cores.take()
        return GradingServer(milestone, core)

    def _pop(self, fits: Callable[[GradingServer], bool]) -> GradingServer | None:
        """Take the idle server that was used last among those that fit; None if there is none."""
        with self._lock:
            server = next((each for each in reversed(self._idle) if fits(each)), None)
            if server is not None:
                self._idle.remove(server)
            return server

    def _put_back(self, server: GradingServer) -> None:
        with self._lock:
            self._idle.append(server)
        if self._is_closed:
            self.end_idle()


@contextlib.contextmanager
def local_servers(jobs: int) -> Iterator[Submit]:
    """Grade submissions with servers on this machine; if grading is interrupted, drop those that are not done.

    Args:
        jobs: submissions at a time.
    """
    pool, executor = ServerPool(), ThreadPoolExecutor(jobs)
    try:
        yield functools.partial(executor.submit, pool.grade_job)
    except BaseException:
        pool.abort()
        raise
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
