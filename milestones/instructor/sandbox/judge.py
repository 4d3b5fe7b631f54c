"""The judge: it runs the tests of a submission on the remote package, and gives each of them a state.

A test that fails on a worker that has run others before is run again on a fresh one, so that no test pays for another.
If a test passes although an input was changed in place, it must pass again with unchanged inputs, since its expected
values may be computed from them afterwards. Once a test has run out of time, the others of its task come last, so that
a function that never returns costs the other tasks little of the time that a submission may take in all.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.records import FailedImport, Job, TestResult
from milestones.instructor.sandbox.failures import GraderFault, StudentError, WorkerStopped, is_out_of_memory
from milestones.instructor.sandbox.remote_package import RemotePackage
from milestones.instructor.sandbox.suite import Failure, Suite
from milestones.instructor.sandbox.worker_client import WorkerClient

MAX_MESSAGE = 600
_HARMLESS = (TestState.PASSED, TestState.NOT_IMPLEMENTED)
"""States that no other test can have caused, and after which the next test can use the same worker."""


@dataclass(frozen=True)
class Verdict:
    """The judge's opinion of one run of a test.

    Attributes:
        state: of the test.
        message: the reason, as far as pytest can tell.
        is_doubtful: True if another run, on a fresh worker, may find otherwise.
    """

    state: TestState
    message: str = ""
    is_doubtful: bool = False


class Judge:
    """The judge of one submission.

    Args:
        suite: the tests.
        package: the remote package, which the tests import.
        worker: calls into the submission.
        job: the tests to run, and their limits.

    Attributes:
        seconds: wall-clock time of the tests so far; the time in which workers start is not counted.
    """

    def __init__(self, suite: Suite, package: RemotePackage, worker: WorkerClient, job: Job):
        self.seconds = 0.0
        self._suite = suite
        self._package = package
        self._worker = worker
        self._job = job
        for failed in job.failed_imports:
            worker.failed_imports[failed.module] = WorkerStopped(failed.state, failed.message)

    @property
    def failed_imports(self) -> tuple[FailedImport, ...]:
        """The modules that workers could not import."""
        verdicts = {name: _blame(error) for name, error in self._worker.failed_imports.items()}
        return tuple(FailedImport(name, verdict.state, verdict.message) for name, verdict in verdicts.items())

    def judge(self, begins: Callable[[GradedTest], None], ends: Callable[[TestResult], None]) -> None:
        """Judge the tests.

        Args:
            begins: function that is told of a test before it is run.
            ends: function that is told its result.

        Raises:
            GraderFault: the grader failed on the test that has begun.
        """
        self._package.worker = self._worker
        slow_tasks: set[str] = set()
        later: list[GradedTest] = []
        for test in self._job.tests:
            if test.task in slow_tasks:
                later.append(test)
                continue
            begins(test)
            before, verdict = self.seconds, self._run(test.id, fresh=self._job.on_reference)
            if verdict.state == TestState.OUT_OF_TIME:
                slow_tasks.add(test.task)
                if verdict.is_doubtful:
                    later.append(test)
                    continue
            ends(self._result(test, verdict, before))
        for test in later:
            begins(test)
            before = self.seconds
            ends(self._result(test, self._run(test.id, fresh=True), before))
        self._worker.discard()

    def _result(self, test: GradedTest, verdict: Verdict, before: float) -> TestResult:
        """Make the result of a test from its first run, and run it again if need be.

        Args:
            test: the test.
            verdict: that on its first run.
            before: seconds that had passed before that run.
        """
        if verdict.is_doubtful:
            verdict = self._run(test.id, fresh=True)
        if verdict.state == TestState.PASSED and self._worker.has_changed_inputs:
            self._worker.writes_back = False
            verdict = self._run(test.id, fresh=True)
            self._worker.writes_back = True
        is_lent = self._job.on_reference and verdict.state == TestState.PASSED
        message = verdict.message if self._job.tells else ""
        return TestResult.of(test, verdict.state, message, self.seconds - before, is_lent)

    def _run(self, test: str, fresh: bool) -> Verdict:
        """Run a test once, for at most the time that is left to the submission."""
        left = self._job.seconds - self.seconds
        if left <= 0:
            return Verdict(TestState.OUT_OF_TIME, f"not run: {self._too_slow()}")
        worker = self._worker
        # Where a test writes files, code that runs meanwhile could put others in their place.
        if fresh or self._suite.writes_files(test):
            worker.discard()
        begin, starting = time.monotonic(), worker.seconds_starting
        failed_imports = dict(worker.failed_imports)
        # Inputs that a test draws from this seed cannot be known before the grading.
        torch.default_generator.manual_seed(self._job.seed)
        worker.begin_test(self._suite.starts_processes(test), min(left, self._job.seconds_per_test))
        self._import_first()
        failure = self._suite.run(test)
        verdict = Verdict(TestState.PASSED) if failure is None else self._judge_failure(failure)
        if verdict.state not in _HARMLESS:
            worker.discard()
            verdict = replace(verdict, is_doubtful=not worker.is_fresh or worker.doubtful_import is not None)
        self.seconds += time.monotonic() - begin - (worker.seconds_starting - starting)
        if verdict.state == TestState.OUT_OF_TIME and left < self._job.seconds_per_test:
            worker.failed_imports = failed_imports
            return Verdict(TestState.OUT_OF_TIME, self._too_slow())
        return verdict

    def _import_first(self) -> None:
        """Import a module again that stopped a worker, in case what the worker did before was the reason."""
        name, self._worker.doubtful_import = self._worker.doubtful_import, None
        if name is not None:
            # If the worker stops again, the test's first call finds it stopped.
            with contextlib.suppress(WorkerStopped, Exception):
                self._worker.import_module(name)

    def _judge_failure(self, failure: Failure) -> Verdict:
        error = failure.error
        if isinstance(error, GraderFault | pytest.skip.Exception):
            raise GraderFault(str(error))
        is_own = isinstance(error, OSError) and not isinstance(error, StudentError)
        if is_own and self._worker.is_fresh and not self._worker.has_started:
            # None of the submission's code has run since scratch was emptied, so a full disk for example is ours.
            raise GraderFault(f"{type(error).__name__}: {error}")
        return _blame(self._worker.stopped or error)

    def _too_slow(self) -> str:
        return f"the tests took more than {self._job.seconds:g} s together"


def _blame(error: BaseException) -> Verdict:
    """Judge an error for which the submission is to blame."""
    text = _first_lines(str(error))
    if isinstance(error, WorkerStopped):
        return Verdict(error.state, text)
    if is_out_of_memory(error):
        return Verdict(TestState.OUT_OF_MEMORY, text)
    if isinstance(error, StudentError):
        # PyTorch raises NotImplementedError too, for operations that a device does not have.
        is_stub = isinstance(error, NotImplementedError) and "aten::" not in str(error)
        state = TestState.NOT_IMPLEMENTED if is_stub else TestState.CRASHED
        return Verdict(state, f"{error.type_name}: {text}".rstrip(": "))
    return Verdict(TestState.WRONG, text)


def _first_lines(text: str) -> str:
    """Return the part of an assertion's text that its author wrote; pytest appends values after a newline."""
    return text.partition("\nassert")[0].strip()[:MAX_MESSAGE]
