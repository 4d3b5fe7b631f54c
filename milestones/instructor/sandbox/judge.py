"""The judge: pytest runs the graded suite on the remote package, and each test gets a state.

The same suite runs in up to three passes. The first runs all tests on one worker. The second repeats tests that failed
on a worker that had run others before, each on a fresh one, so that no test pays for another. The third repeats tests
that still fail and depend on an earlier milestone, with that milestone's modules taken from the reference. If a test
passes although an input was changed in place, it must pass again with unchanged inputs, since its expected values may
be computed from them afterwards.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.records import TestResult
from milestones.instructor.sandbox.failures import GraderFault, StudentError, WorkerStopped
from milestones.instructor.sandbox.remote_package import RemotePackage
from milestones.instructor.sandbox.scratch import PYTEST_FOLDER
from milestones.instructor.sandbox.worker_client import WorkerClient

MAX_TIME_OUTS = 3
MAX_MESSAGE = 600
_HARMLESS = (TestState.PASSED, TestState.NOT_IMPLEMENTED)
"""States that no other test can have caused, and after which the next test can use the same worker."""

_OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "Cannot allocate memory")


@dataclass(frozen=True)
class Verdict:
    """The judge's notes on one test.

    Attributes:
        state: of the test.
        message: the reason, as far as pytest can tell.
        was_fresh: True if the worker had run no test before.
        has_changed_inputs: True if an input was changed in place.
        seconds: wall-clock time.
        on_reference: True if the modules of earlier milestones were the reference's.
    """

    state: TestState
    message: str = ""
    was_fresh: bool = True
    has_changed_inputs: bool = False
    seconds: float = 0.0
    on_reference: bool = False


class JudgePlugin:
    """Pytest plugin that gives each test its worker and its time, and keeps the verdicts.

    Args:
        worker: calls into the submission.
        wanted: ids of the tests to run.
        always_fresh: True to give each test its own worker.
    """

    def __init__(self, worker: WorkerClient, wanted: set[str], always_fresh: bool):
        self.worker = worker
        self.wanted = wanted
        self.always_fresh = always_fresh
        self.verdicts: dict[str, Verdict] = {}
        self._time_outs = 0
        self._verdict: Verdict | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take the first test of each task, then the second of each, and so on.

        Three tests in a row that run out of time end the grading of a submission; in this order, a single function that
        never returns does not cause that.
        """
        turns: Counter[str] = Counter()
        rounds = []
        for item in items:
            test = GradedTest.of(item)
            if test.id in self.wanted:
                rounds.append((turns[test.task], item))
                turns[test.task] += 1
        items[:] = [item for _, item in sorted(rounds, key=lambda pair: pair[0])]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        self._verdict = None
        torch.manual_seed(0)
        if self.always_fresh:
            self.worker.discard()
        start = time.monotonic()
        try:
            self.worker.begin_test(item.get_closest_marker("processes") is not None, self.worker._process.settings.seconds)
            result = yield
        finally:
            verdict = self._verdict or Verdict(TestState.PASSED)
            seconds = time.monotonic() - start
            self.verdicts[GradedTest.of(item).id] = replace(
                verdict,
                was_fresh=self.worker.is_fresh,
                has_changed_inputs=self.worker.has_changed_inputs,
                seconds=seconds,
            )
            self._after(item, verdict)
        return result

    def _after(self, item: pytest.Item, verdict: Verdict) -> None:
        if verdict.state not in _HARMLESS:
            self.worker.discard()
        self._time_outs = self._time_outs + 1 if verdict.state == TestState.OUT_OF_TIME else 0
        if verdict.state == TestState.GRADER_FAULT:
            item.session.shouldstop = verdict.message
        if self._time_outs >= MAX_TIME_OUTS:
            item.session.shouldstop = "too many tests in a row ran out of time"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        report = yield
        if call.excinfo is not None and self._verdict is None:
            self._verdict = self._judge_error(call.excinfo.value, call.when)
        return report

    def _judge_error(self, error: BaseException, when: str) -> Verdict:
        text = _first_lines(str(error))
        # A test writes its files before it calls the submission, so a full disk for example is a fault of the grader.
        is_ours = when == "setup" and isinstance(error, OSError) and not isinstance(error, StudentError)
        if is_ours or isinstance(error, GraderFault | pytest.skip.Exception):
            return Verdict(TestState.GRADER_FAULT, text)
        if self.worker.stopped is not None:
            return Verdict(self.worker.stopped.state, str(self.worker.stopped))
        if isinstance(error, WorkerStopped):
            return Verdict(error.state, text)
        if isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY):
            return Verdict(TestState.OUT_OF_MEMORY, text)
        if isinstance(error, StudentError):
            # PyTorch raises NotImplementedError too, for operations that a device does not have.
            is_stub = isinstance(error, NotImplementedError) and "aten::" not in str(error)
            state = TestState.NOT_IMPLEMENTED if is_stub else TestState.CRASHED
            return Verdict(state, f"{error.type_name}: {text}".rstrip(": "))
        return Verdict(TestState.WRONG, text)


@dataclass(frozen=True)
class Judge:
    """The judge of all submissions of a milestone.

    Attributes:
        package: the remote package, which the tests import.
        suite: folder of the tests.
        scratch: folder for the tests' files.
        depending_on_earlier: ids of the tasks that depend on an earlier milestone.
    """

    package: RemotePackage
    suite: Path
    scratch: Path
    depending_on_earlier: set[str]

    def judge_submission(
        self, tests: Sequence[GradedTest], worker: WorkerClient, on_reference: WorkerClient | None
    ) -> list[TestResult]:
        """Judge the tests of a submission.

        Args:
            tests: the expected tests.
            worker: calls into the submission.
            on_reference: calls into the submission with the reference's earlier modules, None for the first milestone.

        Raises:
            GraderFault: pytest failed, or a test was not found.
        """
        verdicts = self._judge_tests([test.id for test in tests], worker, always_fresh=False)
        again = [test for test, verdict in verdicts.items() if _may_have_paid_for_another(verdict)]
        verdicts |= self._judge_tests(again, worker, always_fresh=True)
        if on_reference is not None:
            failed = [test.id for test in tests if self._may_fail_by_an_earlier_milestone(test, verdicts[test.id])]
            for test, verdict in self._judge_tests(failed, on_reference, always_fresh=True).items():
                if verdict.state == TestState.PASSED:
                    verdicts[test] = replace(verdict, on_reference=True)
        return [_result(test, verdicts[test.id]) for test in tests]

    def _may_fail_by_an_earlier_milestone(self, test: GradedTest, verdict: Verdict) -> bool:
        return verdict.state != TestState.PASSED and test.task in self.depending_on_earlier

    def _judge_tests(self, tests: Sequence[str], worker: WorkerClient, always_fresh: bool) -> dict[str, Verdict]:
        """Reach a verdict on each test, by id.

        If grading stopped early, the tests that were not run share the verdict on the last one.
        """
        verdicts = self._run_pytest(tests, worker, always_fresh)
        doubtful = [
            test
            for test, verdict in verdicts.items()
            if verdict.state == TestState.PASSED and verdict.has_changed_inputs
        ]
        worker.writes_back = False
        verdicts |= self._run_pytest(doubtful, worker, always_fresh=True)
        worker.writes_back = True
        return verdicts

    def _run_pytest(self, tests: Sequence[str], worker: WorkerClient, always_fresh: bool) -> dict[str, Verdict]:
        if not tests:
            return {}
        self.package.worker = worker
        plugin = JudgePlugin(worker, set(tests), always_fresh)
        options = ["-q", "-s", "-c", os.devnull, "--tb=no"]
        # The last of these plugins collects garbage at the end of a run, which takes as long as the tests.
        options += ["-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:unraisableexception"]
        options += ["--rootdir", str(self.suite), "--confcutdir", str(self.suite)]
        options += ["--basetemp", str(self.scratch / PYTEST_FOLDER)]
        files = sorted({str(self.suite / test.partition("::")[0]) for test in tests})
        status = pytest.main([*options, *files], plugins=[plugin])
        worker.discard()
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
            raise GraderFault(f"pytest: expected it to run the tests, got {status!r}")
        return plugin.verdicts | _not_run(tests, plugin.verdicts)


def _may_have_paid_for_another(verdict: Verdict) -> bool:
    return verdict.state not in _HARMLESS and not verdict.was_fresh


def _not_run(tests: Sequence[str], verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    """Make verdicts on the tests that were not run, from the reason for which the last one ended grading."""
    missing = [test for test in tests if test not in verdicts]
    last = next(reversed(verdicts.values()), None)
    if missing and (last is None or last.state not in (TestState.OUT_OF_TIME, TestState.GRADER_FAULT)):
        raise GraderFault(f"{missing[0]}: expected pytest to run it, got no result")
    not_run = f"not run: {MAX_TIME_OUTS} tests in a row ran out of time"
    return {
        test: Verdict(last.state, not_run if last.state == TestState.OUT_OF_TIME else last.message) for test in missing
    }


def _result(test: GradedTest, verdict: Verdict) -> TestResult:
    return TestResult.of(test, verdict.state, verdict.message, verdict.seconds, verdict.on_reference)


def _first_lines(text: str) -> str:
    """Return the part of an assertion's text that its author wrote; pytest appends values after a newline."""
    return text.partition("\nassert")[0].strip()[:MAX_MESSAGE]
