"""The judge's rules, on tests that fail in a way that is known beforehand. No process is started."""

import pytest

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.records import Job
from milestones.instructor.sandbox.failures import GraderFault, WorkerStopped
from milestones.instructor.sandbox.judge import Judge
from milestones.instructor.sandbox.remote_package import RemotePackage
from milestones.instructor.sandbox.suite import Failure

FIRST, SECOND, OTHER = (GradedTest(f"test::{name}", name[0], 1, "", None, None, 1) for name in ("a1", "a2", "b1"))
LATE = WorkerStopped(TestState.OUT_OF_TIME, "took more than 10 s")
FULL = OSError(28, "No space left on device")


class Suite:
    """Tests whose failures are known: for each run of a test, the error and whether the submission's code has run."""

    def __init__(self, worker, runs):
        self.worker = worker
        self.runs = {test.id: list(errors) for test, errors in runs.items()}
        self.order = []

    def run(self, test):
        self.order.append((test.rpartition("::")[2], self.worker.is_fresh))
        error, has_run = self.runs[test].pop(0) if self.runs.get(test) else (None, True)
        self.worker.has_started |= has_run and self.worker.is_fresh
        self.worker.is_running |= has_run
        self.worker.stopped = error if isinstance(error, WorkerStopped) else None
        return None if error is None else Failure(error, "setup")

    def starts_processes(self, test):
        return False

    writes_files = starts_processes


class Worker:
    seconds_starting = 0.0
    writes_back = True
    has_changed_inputs = is_running = False
    doubtful_import = stopped = None

    def __init__(self):
        self.failed_imports = {}

    def begin_test(self, allow_fork, seconds):
        self.is_fresh, self.has_started, self.stopped = not self.is_running, False, None

    def discard(self):
        self.is_running = False


def judged(runs, tests, tells=True):
    """Judge tests; return their results and, in order, the test of each run and whether its worker was fresh."""
    worker = Worker()
    suite, results = Suite(worker, runs), []
    job = Job(1, {}, 0, tests, "t" * 64, "e" * 64, 10, 60, False, tells)
    Judge(suite, RemotePackage(""), worker, job).judge(begins=lambda test: None, ends=results.append)
    return {result.id: result for result in results}, suite.order


def test_a_full_disk_before_the_submission_ran_is_a_fault_of_the_grader():
    with pytest.raises(GraderFault, match="No space left"):
        judged({FIRST: [(FULL, False)]}, (FIRST,))


def test_a_full_disk_beside_a_worker_is_tried_again_without_it():
    results, order = judged({SECOND: [(FULL, False)]}, (FIRST, SECOND))
    assert order == [("a1", True), ("a2", False), ("a2", True)] and results[SECOND.id].state == TestState.PASSED
    with pytest.raises(GraderFault, match="No space left"):
        judged({SECOND: [(FULL, False)] * 2}, (FIRST, SECOND))


def test_a_disk_that_is_full_once_the_submission_has_run_is_no_fault_of_the_grader():
    results, _ = judged({FIRST: [(FULL, True)]}, (FIRST,))
    assert results[FIRST.id].state == TestState.WRONG


def test_a_test_that_ran_out_of_time_on_a_used_worker_waits_for_the_others():
    """So does the next one of its task."""
    third = GradedTest("test::a3", "a", 1, "", None, None, 1)
    results, order = judged({SECOND: [(LATE, True)] * 2}, (FIRST, SECOND, third, OTHER))
    assert order == [("a1", True), ("a2", False), ("b1", True), ("a2", True), ("a3", True)]
    assert [result.state for result in results.values()] == ["passed", "passed", "out of time", "passed"]


@pytest.mark.parametrize("tells", [True, False])
def test_messages_are_told_only_where_they_may_be(tells):
    results, _ = judged({FIRST: [(AssertionError("got 3"), True)]}, (FIRST,), tells)
    assert results[FIRST.id].message == ("got 3" if tells else "")
