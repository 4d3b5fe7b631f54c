"""The parts in which a submission is graded, each a job of its own, and their results put together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from milestones.course import load_course
from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.records import Job, JobEnd, JobResult, TestResult

VISIBLE_SHARE = 0.5
"""Share of a submission's time that its visible tests may take."""


class Parts:
    """The parts of one submission: its visible tests, its hidden tests, and those that need the reference.

    Args:
        job: the job of all its tests.
    """

    def __init__(self, job: Job):
        self._job = job
        self._results: dict[str, TestResult] = {}
        self._end = JobEnd(0.0)
        self._isolation: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()

    def visible(self) -> Job:
        """Make the job of the visible tests, whose messages are shown."""
        tests = in_rounds(test for test in self._job.tests if not test.is_hidden)
        return replace(self._job, tests=tests, seconds=VISIBLE_SHARE * self._job.seconds, tells=True)

    def hidden(self) -> Job:
        """Make the job of the hidden tests, once the visible ones are done; none if the grader failed on those."""
        tests = in_rounds(test for test in self._job.tests if test.is_hidden and self._end.fault is None)
        return replace(self._job, tests=tests, seconds=self._seconds_left, failed_imports=self._end.failed_imports)

    def on_reference(self) -> Job | None:
        """Make the job of failed tests that may pass on the reference's modules of earlier milestones; None without.

        Nothing is told of it but that a test passed: the submission's code runs beside the reference's.
        """
        course = load_course()
        depending = course.depending_on_earlier(self._job.milestone)
        # A module that cannot be imported may have failed by one of an earlier milestone that it imports.
        lost = {course.tasks[task].module for task in depending} & {each.module for each in self._end.failed_imports}
        settled = (TestState.PASSED, TestState.GRADER_FAULT)
        tests = in_rounds(
            test
            for test in self._job.tests
            if (test.task in depending or course.tasks[test.task].module in lost)
            and test.id in self._results
            and self._results[test.id].state not in settled
        )
        return replace(self._job, tests=tests, seconds=self._seconds_left, on_reference=True) if tests else None

    def add(self, job: Job, result: JobResult) -> None:
        """Add the result of a part."""
        tests = result.tests
        if job.on_reference:
            tests = [test for test in tests if test.state in (TestState.PASSED, TestState.GRADER_FAULT)]
        self._results |= {test.id: test for test in tests}
        failed_imports = self._end.failed_imports if job.on_reference else result.end.failed_imports
        self._end = JobEnd(self._end.seconds + result.end.seconds, failed_imports, self._end.fault or result.end.fault)
        self._isolation = result.isolation or self._isolation
        self._notes = tuple(dict.fromkeys((*self._notes, *result.notes)))

    def result(self) -> JobResult:
        """Put the results of all parts together."""
        fault = self._end.fault or ""
        tests = (self._results.get(t.id) or TestResult.of(t, TestState.GRADER_FAULT, fault) for t in self._job.tests)
        return JobResult(tuple(tests), self._end, self._isolation, self._notes)

    @property
    def _seconds_left(self) -> float:
        return max(0.0, self._job.seconds - self._end.seconds)


def in_rounds(tests: Iterable[GradedTest]) -> tuple[GradedTest, ...]:
    """Put the first test of each task first, then the second of each, and so on.

    If the time does not suffice, each task then loses some tests, instead of some tasks all.
    """
    turns: Counter[str] = Counter()
    rounds = []
    for test in tests:
        rounds.append((turns[test.task], test))
        turns[test.task] += 1
    return tuple(test for _, test in sorted(rounds, key=lambda pair: pair[0]))
