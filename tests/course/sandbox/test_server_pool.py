"""The pool of grading servers: the choice of a server, and the consequences of a fault. No process is started."""

import pytest

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.records import Job, JobResult, ServerTerms, TestResult
from milestones.instructor.sandbox import server_pool
from milestones.instructor.sandbox.server_pool import ATTEMPTS, ServerFault, ServerPool

STRONG = ("landlock 7", "limits", "seccomp")
PASSED, FAULT, END = "passed", "fault", "end"


def job(tests_hash="t" * 64, allow_weak_isolation=False, milestone=1):
    test = GradedTest("test_gain.py::test_louder", "1.1", 1, "It is louder.", None, None, 1)
    return Job(milestone, {}, 0, (test,), tests_hash, "e" * 64, 10, allow_weak_isolation)


class FakeServer:
    """A server whose answers are known beforehand."""

    isolation = STRONG
    tests_hash = "t" * 64
    answers: list[str] = []
    started: list["FakeServer"] = []

    def __init__(self, milestone):
        self.terms = ServerTerms(self.isolation, self.tests_hash, "e" * 64)
        self.is_open = True
        self.n_jobs = 0
        self.started.append(self)

    def run_job(self, job):
        self.n_jobs += 1
        answer = self.answers.pop(0) if self.answers else PASSED
        if answer == END:
            raise ServerFault("it ended")
        if answer == FAULT:
            return JobResult.fault(job, "no memory", self.terms.isolation)
        results = (TestResult.of(test, TestState.PASSED) for test in job.tests)
        return JobResult(tuple(results), self.terms.isolation)

    def close(self):
        self.is_open = False

    kill = close


@pytest.fixture
def servers(monkeypatch):
    """The servers that are started, in order."""

    class Server(FakeServer):
        answers, started = [], []

    monkeypatch.setattr(server_pool, "GradingServer", Server)
    return Server


def test_one_server_grades_one_submission_after_another(servers):
    pool = ServerPool()
    assert not any(pool.grade_job(job()).has_fault for _ in range(3))
    assert [server.n_jobs for server in servers.started] == [3]
    pool.grade_job(job(milestone=2))
    assert len(servers.started) == 2, "a server is for one milestone"
    pool.close()
    assert not any(server.is_open for server in servers.started)


@pytest.mark.parametrize("failure", [FAULT, END])
def test_a_fault_is_tried_again_by_another_server(servers, failure):
    servers.answers[:] = [failure] * (ATTEMPTS - 1)
    result = ServerPool().grade_job(job())
    assert [test.state for test in result.tests] == [TestState.PASSED] and result.isolation == STRONG
    assert [server.is_open for server in servers.started] == [False] * (ATTEMPTS - 1) + [True]


@pytest.mark.parametrize(("failure", "message"), [(FAULT, "no memory"), (END, "it ended")])
def test_a_fault_that_stays_is_told(servers, failure, message):
    servers.answers[:] = [failure] * ATTEMPTS
    (test,) = ServerPool().grade_job(job()).tests
    assert (test.state, test.message) == (TestState.GRADER_FAULT, message)
    assert len(servers.started) == ATTEMPTS


def test_servers_from_before_a_test_was_mended_are_closed(servers):
    pool = ServerPool()
    pool.grade_job(job())
    servers.tests_hash = "u" * 64
    assert not pool.grade_job(job(tests_hash="u" * 64)).has_fault
    assert [server.is_open for server in servers.started] == [False, True]


def test_other_tests_than_where_grading_began_are_a_fault(servers):
    (test,) = ServerPool().grade_job(job(tests_hash="u" * 64)).tests
    assert test.message == f"tests_hash: expected {'u' * 12}, as where grading began, got {'t' * 12}"
    assert not any(server.is_open or server.n_jobs for server in servers.started)


def test_weak_isolation_is_a_fault_unless_allowed(servers):
    servers.isolation = ("limits",)
    (test,) = ServerPool().grade_job(job()).tests
    assert test.message == "isolation: expected Landlock and seccomp, got limits"
    assert not any(server.n_jobs for server in servers.started)
    assert not ServerPool().grade_job(job(allow_weak_isolation=True)).has_fault


def test_a_server_in_use_is_closed_when_it_is_idle(servers, monkeypatch):
    """This happens if grading is interrupted, or if the plugin of a cluster's worker is removed."""
    pool = ServerPool()
    grade = servers.run_job

    def grade_while_closing(self, job):
        pool.close()
        return grade(self, job)

    monkeypatch.setattr(servers, "run_job", grade_while_closing)
    assert not pool.grade_job(job()).has_fault
    assert [server.is_open for server in servers.started] == [False]
