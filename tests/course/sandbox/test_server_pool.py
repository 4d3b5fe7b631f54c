"""The pool of grading servers: the choice of a server, and the consequences of a fault. No process is started."""

import pytest

from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.records import Job, JobEnd, ServerTerms, TestResult
from milestones.instructor.sandbox import cores, server_pool
from milestones.instructor.sandbox.attempts import MAX_ATTEMPTS
from milestones.instructor.sandbox.server_pool import ServerPool
from milestones.instructor.sandbox.server_process import Answer, ServerFault

STRONG = ("landlock 7", "limits", "seccomp")
TESTS = tuple(GradedTest(f"test_gain.py::test_{name}", "1.1", 1, "", None, None, 1) for name in ("a", "b", "c"))
LOUDER, *_ = TESTS
SUBMISSION = {"gain.py": ""}


def job(tests_hash="t" * 64, allow_weak_isolation=False, milestone=1, tests=TESTS[:1], tells=False):
    return Job(milestone, SUBMISSION, 0, tests, tests_hash, "e" * 64, 10, 60, allow_weak_isolation, tells)


class FakeServer:
    """A server that fails on some tests of submissions, and perhaps on the reference too."""

    isolation = STRONG
    tests_hash = "t" * 64
    fails_on: list[str] = []
    fails_on_reference = False
    does_not_start = 0
    started: list["FakeServer"] = []

    def __init__(self, milestone, core):
        if len(self.started) < self.does_not_start:
            self.started.append(self)
            self.is_open = False
            raise ServerFault("it did not start")
        self.milestone, self.may_tell, self.core = milestone, True, core
        self.terms = ServerTerms(self.isolation, self.tests_hash, "e" * 64)
        self.is_open = True
        self.jobs = []
        self.started.append(self)

    def run_job(self, job):
        self.may_tell &= job.tells
        self.jobs.append(job)
        results = []
        for test in job.tests:
            if test.id in self.fails_on and (job.files == SUBMISSION or self.fails_on_reference):
                return Answer(tuple(results), JobEnd(1.0, fault="no memory"), test.id)
            results.append(TestResult.of(test, TestState.PASSED))
        return Answer(tuple(results), JobEnd(1.0))

    def hang_up(self):
        self.fails_on = [test.id for test in TESTS]

    def close(self):
        self.is_open = False
        if self.core is not None:
            self.core.give_back()


@pytest.fixture
def servers(monkeypatch):
    """The servers that are started, in order."""

    class Server(FakeServer):
        started = []

    monkeypatch.setattr(server_pool, "GradingServer", Server)
    return Server


def states(result):
    return [test.state for test in result.tests]


def test_one_server_grades_one_submission_after_another(servers):
    pool = ServerPool()
    assert not any(pool.grade_job(job()).has_fault for _ in range(3))
    assert [len(server.jobs) for server in servers.started] == [3]
    pool.grade_job(job(milestone=2))
    assert len(servers.started) == 2, "a server is for one milestone"
    pool.close()
    assert not any(server.is_open for server in servers.started)


def test_a_server_that_has_run_hidden_tests_tells_nothing(servers):
    """The other way round, a server is used again."""
    pool = ServerPool()
    for tells in (True, True, False, True):
        pool.grade_job(job(tells=tells))
    assert [[each.tells for each in server.jobs] for server in servers.started] == [[True, True, False], [True]]


@pytest.mark.parametrize("times", [1, MAX_ATTEMPTS - 1])
def test_a_server_that_does_not_start_is_replaced(servers, times):
    servers.does_not_start = times
    assert states(ServerPool().grade_job(job())) == ["passed"]
    assert [server.is_open for server in servers.started] == [False] * times + [True]


def test_no_server_at_all_is_a_fault_of_the_grader(servers):
    servers.does_not_start = MAX_ATTEMPTS
    (test,) = ServerPool().grade_job(job()).tests
    assert (test.state, test.message) == (TestState.GRADER_FAULT, "it did not start")


def test_a_fault_that_follows_the_submission_is_its_own(servers):
    """Other tests keep what they have earned; the reason is told once, and in messages only where they may be told."""
    servers.fails_on = [TESTS[1].id]
    for tells in (True, False):
        result = ServerPool().grade_job(job(tests=TESTS, tells=tells))
        assert states(result) == ["passed", "crashed", "passed"] and not result.has_fault
        assert ("no memory" in result.tests[1].message) == tells
        (note,) = result.notes
        assert "failed 3 times" in note and "no memory" not in note
    assert not any(server.is_open for server in servers.started)


def test_a_fault_on_the_reference_too_is_the_graders(servers):
    servers.fails_on, servers.fails_on_reference = [TESTS[1].id], True
    result = ServerPool().grade_job(job(tests=TESTS))
    assert states(result) == ["passed", "grader fault", "grader fault"] and not result.notes


def test_failed_attempts_use_up_the_time_of_a_submission(servers):
    servers.fails_on = [TESTS[1].id]
    ServerPool().grade_job(job(tests=TESTS))
    seconds = [each.seconds for server in servers.started for each in server.jobs if each.files == SUBMISSION]
    assert seconds == [60, 59, 58]


def test_servers_from_before_a_test_was_mended_are_closed(servers):
    pool = ServerPool()
    pool.grade_job(job())
    servers.tests_hash = "u" * 64
    assert not pool.grade_job(job(tests_hash="u" * 64)).has_fault
    assert [server.is_open for server in servers.started] == [False, True]


def test_other_tests_than_where_grading_began_are_a_fault(servers):
    pool = ServerPool()
    for _ in range(2):
        (test,) = pool.grade_job(job(tests_hash="u" * 64)).tests
    assert len(servers.started) == 1, "another one would be no different"
    assert test.message == f"tests_hash: expected {'u' * 12}, as where grading began, got {'t' * 12}"
    assert not any(server.is_open or server.jobs for server in servers.started)


def test_weak_isolation_is_a_fault_unless_allowed(servers):
    servers.isolation = ("limits",)
    (test,) = ServerPool().grade_job(job()).tests
    assert test.message == "isolation: expected Landlock and seccomp, got limits"
    assert not any(server.jobs for server in servers.started)
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


def test_an_interrupt_ends_a_server_in_use(servers, monkeypatch):
    """Nobody waits for its job, which no other server begins."""
    pool = ServerPool()
    grade = servers.run_job

    def grade_while_interrupted(self, job):
        pool.abort()
        return grade(self, job)

    monkeypatch.setattr(servers, "run_job", grade_while_interrupted)
    assert pool.grade_job(job()).has_fault
    assert [server.is_open for server in servers.started] == [False]


def test_each_server_has_its_own_core(servers, monkeypatch):
    """Where all cores are taken, an idle server of another kind gives way."""
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda process: {70001, 70002})
    pool = ServerPool()
    for milestone in (1, 2, 3):
        pool.grade_job(job(milestone=milestone))
    assert [server.core.number for server in servers.started] == [70001, 70002, 70002]
    assert [server.is_open for server in servers.started] == [True, False, True]
    assert cores.take() is None
    pool.close()
    core = cores.take()
    assert core.number == 70001
    core.give_back()
