"""The attempts at a job: what is known after servers have failed on it, and who is to blame."""

from dataclasses import replace

from milestones.course import PACKAGE, ROOT, load_course
from milestones.graded_tests import TestState
from milestones.instructor.records import Job, JobEnd, JobResult, TestResult
from milestones.instructor.sandbox.server_process import Answer, GradingServer

MAX_ATTEMPTS = 3


class Attempts:
    """The attempts of several servers at one job.

    Args:
        job: the job.

    Attributes:
        fault: the reason for which the last attempt failed; None if it did not.
        failed_on_it: number of servers that failed on the job itself.
    """

    def __init__(self, job: Job):
        self.fault: str | None = None
        self.failed_on_it = 0
        self._job = job
        self._results: dict[str, TestResult] = {}
        self._suspects: list[str] = []
        self._seconds = 0.0
        self._failed_imports = job.failed_imports
        self._isolation: tuple[str, ...] = ()

    def rest(self) -> Job:
        """Make the job of the tests that have no result yet; those on which servers failed come last."""
        tests = [test for test in self._job.tests if test.id not in self._results]
        tests.sort(key=lambda test: test.id in self._suspects)
        seconds = max(0.0, self._job.seconds - self._seconds)
        return replace(self._job, tests=tuple(tests), seconds=seconds, failed_imports=self._failed_imports)

    def reference(self) -> Job:
        """Make a job that shows if a server is able to grade: the test on which another failed, on the reference."""
        suspect = self._suspects[-1:] or [self.rest().tests[0].id]
        tests = tuple(test for test in self._job.tests if test.id in suspect)
        modules = load_course().modules
        files = {f"{name}.py": (ROOT / PACKAGE / f"{name}.py").read_text(encoding="utf-8") for name in modules}
        return replace(
            self._job, files=files, tests=tests, seconds=self._job.seconds_per_test, tells=False, failed_imports=()
        )

    def add(self, answer: Answer, isolation: tuple[str, ...]) -> None:
        """Add the answer of a server."""
        self._results |= {test.id: test for test in answer.tests}
        self._seconds += answer.end.seconds
        self._failed_imports = answer.end.failed_imports or self._failed_imports
        self._isolation = isolation
        self.fault = answer.end.fault
        self.failed_on_it += self.fault is not None
        if answer.suspect is not None:
            self._suspects.append(answer.suspect)

    def result(self) -> JobResult:
        """Make the result of the job.

        If all attempts failed on the job itself, the tests without a result count as crashed; otherwise they have a
        fault of the grader.
        """
        missing = self.rest().tests
        is_theirs = self.failed_on_it == MAX_ATTEMPTS
        results, notes = dict(self._results), ()
        if missing and is_theirs:
            times = f"the grader failed {MAX_ATTEMPTS} times on this submission"
            message = f"{times}: {self.fault}" if self._job.tells else ""
            results |= {test.id: TestResult.of(test, TestState.CRASHED, message) for test in missing}
            notes = (f"{times}, and not on the reference: {_count(len(missing))} without a result count as crashed",)
        elif missing:
            results |= {test.id: TestResult.of(test, TestState.GRADER_FAULT, self.fault or "") for test in missing}
        tests = tuple(results[test.id] for test in self._job.tests)
        fault = self.fault if missing and not is_theirs else None
        return JobResult(tests, JobEnd(self._seconds, self._failed_imports, fault), self._isolation, notes)


def check(server: GradingServer, job: Job) -> str | None:
    """Find the reason why a server cannot grade the reference; None if it can."""
    answer = server.run_job(job)
    failed = next((test for test in answer.tests if test.state != TestState.PASSED), None)
    if failed is not None:
        return f"{failed.id}: expected the reference to pass on this server, got {failed.state}"
    return answer.end.fault


def _count(tests: int) -> str:
    return f"{tests} test{'s' * (tests != 1)}"
