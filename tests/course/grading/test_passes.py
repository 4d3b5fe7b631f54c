"""The passes of a grading, with jobs that are answered without any server."""

from concurrent.futures import Future
from dataclasses import replace

import pytest

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.grading import passes
from milestones.instructor.grading.parts import in_rounds
from milestones.instructor.records import FailedImport, Job, JobEnd, JobResult, TestResult


def graded(name, task="2.6", hidden=False):
    return GradedTest(f"test_unet.py::{name}", task, 1, "", "sizes" if hidden else None, "hint" if hidden else None, 1)


VISIBLE, ALSO_VISIBLE, HIDDEN = graded("visible"), graded("also_visible", "2.7"), graded("hidden", hidden=True)
JOB = Job(2, {}, 0, (VISIBLE, HIDDEN, ALSO_VISIBLE), "t" * 64, "e" * 64, 10, 60, False)


class Servers:
    """Servers that answer each job when the last one has been submitted, or when a job is waited for.

    Args:
        states: state of each test that does not pass, by test and by whether it runs on the reference.
        end: end of each job.
    """

    def __init__(self, states=(), end=None, error=None):
        self.states, self.end, self.error = dict(states), end or JobEnd(1.0), error
        self.jobs, self.events = [], []

    def submit(self, job):
        self.jobs.append(job)
        self.events.append(("begins", job.tells))
        future = Future()
        if self.error is not None:
            future.set_exception(self.error)
        else:
            tests = (
                TestResult.of(test, self.states.get((test, job.on_reference), TestState.PASSED), f"in {job.tells}")
                for test in job.tests
            )
            future.set_result(JobResult(tuple(tests), self.end, ("limits",)))
        self.events.append(("ends", job.tells))
        return future

    def grade(self, *jobs):
        return dict(passes.grade_in_passes(jobs, self.submit, lambda: None))


def states(result):
    return [test.state for test in result.tests]


def test_hidden_tests_begin_when_all_visible_ones_have_ended():
    """Servers that tell run visible tests alone."""
    servers = Servers()
    results = servers.grade(JOB, JOB, JOB)
    assert servers.events == [(each, tells) for tells in (True, False) for _ in range(3) for each in ("begins", "ends")]
    assert all(test.is_hidden != job.tells for job in servers.jobs for test in job.tests)
    assert [test.id for test in results[1].tests] == [test.id for test in JOB.tests]


def test_parts_share_the_time_and_what_is_known_of_imports():
    failed = (FailedImport("unet", TestState.OUT_OF_TIME, "importing unet.py: took more than 10 s"),)
    servers = Servers(end=JobEnd(25.0, failed))
    servers.grade(JOB)
    assert [(job.seconds, job.failed_imports) for job in servers.jobs] == [(30, ()), (35, failed)]


def test_a_test_that_passes_on_the_reference_counts():
    """Nothing else is told of that run, and a task that needs no earlier milestone has none."""
    wrong = {(test, False): TestState.WRONG for test in JOB.tests} | {(VISIBLE, True): TestState.CRASHED}
    servers = Servers(wrong)
    result = servers.grade(JOB)[0]
    assert [test.id for test in servers.jobs[-1].tests] == [VISIBLE.id, HIDDEN.id] and not servers.jobs[-1].tells
    assert states(result) == ["wrong", "passed", "wrong"] and result.tests[0].message == "in True"


def test_a_module_that_fails_by_another_has_all_its_tests_on_the_reference():
    """Task 2.2 needs no earlier milestone, but its module imports one."""
    job = replace(JOB, tests=(graded("visible", "2.2"), graded("other", "2.7")))
    failed = (FailedImport("unet", TestState.CRASHED, "SyntaxError"),)
    servers = Servers({(test, False): TestState.CRASHED for test in job.tests}, JobEnd(1.0, failed))
    assert states(servers.grade(job)[0]) == ["passed", "crashed"] and servers.jobs[-1].failed_imports == ()


def test_a_fault_on_the_reference_is_no_failure_of_the_submission():
    servers = Servers({(VISIBLE, False): TestState.WRONG, (VISIBLE, True): TestState.GRADER_FAULT})
    assert states(servers.grade(JOB)[0]) == ["grader fault", "passed", "passed"]


def test_after_a_fault_on_visible_tests_the_submission_is_pending():
    servers = Servers(end=JobEnd(1.0, fault="no memory"))
    assert states(servers.grade(JOB)[0]) == ["passed", "grader fault", "passed"]
    assert [len(job.tests) for job in servers.jobs] == [2]


def test_a_lost_worker_of_a_cluster_costs_nobody_else():
    result = Servers(error=OSError("lost")).grade(JOB)[0]
    assert {(test.state, test.message) for test in result.tests} == {("grader fault", "OSError: lost")}


@pytest.mark.parametrize(("tasks", "order"), [("aab", "aba"), ("aaabbc", "abcaba"), ("", "")])
def test_each_task_has_its_turn(tasks, order):
    tests = [graded(str(number), task) for number, task in enumerate(tasks)]
    assert "".join(test.task for test in in_rounds(tests)) == order
