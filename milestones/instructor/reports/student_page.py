"""The feedback page of one student.

From hidden tests the page gets only counts, categories and hints, so it cannot give away their names, sentences and
messages.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import Enum

from milestones.graded_tests import TestState
from milestones.instructor.records import Record, TestResult
from milestones.instructor.reports.scores import Score, TaskScore


class TaskState(str, Enum):
    """The state of a task, which follows from those of its tests; converted to text, it is its value."""

    PASSED = "passed"
    PARTLY_PASSED = "partly passed"
    FAILED = "failed"
    NOT_IMPLEMENTED = "not implemented"
    NOT_GRADED = "not graded"
    PENDING = "pending"

    __str__ = str.__str__


_MARKS = {
    TestState.PASSED: "✓",
    TestState.NOT_IMPLEMENTED: "○",
    TestState.GRADER_FAULT: "?",
    TestState.REFUSED: "–",
}
_OTHER_MARK = "✗"
_OPEN = (
    *(TestState.NOT_IMPLEMENTED, TestState.GRADER_FAULT, TestState.REFUSED),
    *(TaskState.NOT_IMPLEMENTED, TaskState.NOT_GRADED, TaskState.PENDING),
)
_EXPLANATIONS = {
    TestState.WRONG: "the result is not as expected",
    TestState.NOT_IMPLEMENTED: "the stub's NotImplementedError was raised",
    TestState.CRASHED: "your code raised an exception that it should not, or its process ended",
    TestState.OUT_OF_TIME: "your code took longer than a test may, or than all tests may together",
    TestState.OUT_OF_MEMORY: "your code asked for more memory than there is",
    TestState.GRADER_FAULT: "the grader failed, not your code; your instructor sees it and grades again",
}


@dataclass(frozen=True)
class VisibleTest:
    """A visible test on the page."""

    name: str
    sentence: str
    points: float
    state: TestState
    message: str
    on_reference: bool

    @classmethod
    def of(cls, test: TestResult) -> "VisibleTest":
        """Make a visible test from its result."""
        # A fault's message is about the grader's internals, and a stub's message adds nothing to the state.
        has_message = test.state not in (TestState.PASSED, TestState.NOT_IMPLEMENTED, TestState.GRADER_FAULT)
        name = test.id.rpartition("::")[2]
        message = test.message if has_message else ""
        return cls(name, test.sentence or name, test.points, test.state, message, test.on_reference)

    @property
    def mark(self) -> str:
        """The sign before the test's line."""
        return _MARKS.get(self.state, _OTHER_MARK)

    @property
    def colour(self) -> str:
        """The style of the test's state."""
        return _colour(self.state)


@dataclass(frozen=True)
class HiddenTests:
    """The hidden tests of a task on the page.

    Attributes:
        count, passed, faults: number of all tests, of those that passed, and of those on which the grader failed.
        points, earned: points of all tests, and of those that passed.
        failed: number of failed tests by category and hint.
    """

    count: int
    passed: int
    faults: int
    points: float
    earned: float
    failed: Counter[tuple[str, str]]

    @classmethod
    def of(cls, tests: Sequence[TestResult]) -> "HiddenTests":
        """Summarise the hidden tests of a task from their results."""
        passed = [test for test in tests if test.state == TestState.PASSED]
        not_failed = (TestState.PASSED, TestState.GRADER_FAULT, TestState.REFUSED)
        return cls(
            count=len(tests),
            passed=len(passed),
            faults=sum(test.state == TestState.GRADER_FAULT for test in tests),
            points=sum(test.points for test in tests),
            earned=sum(test.points for test in passed),
            failed=Counter((test.category, test.hint) for test in tests if test.state not in not_failed),
        )


@dataclass(frozen=True)
class TaskView:
    """A task on the page.

    Attributes:
        score: points of the task.
        state: state of the task, which follows from those of its tests.
        visible, hidden: tests of the task.
        on_reference: number of its tests that passed only on the reference's earlier modules.
        first: ids of the tasks to fix first.
    """

    score: TaskScore
    state: TaskState
    visible: tuple[VisibleTest, ...]
    hidden: HiddenTests
    on_reference: int
    first: tuple[str, ...] = ()

    @classmethod
    def of(cls, score: TaskScore, tests: Sequence[TestResult]) -> "TaskView":
        """Make the view of a task from its points and the results of its tests."""
        return cls(
            score=score,
            state=_state(score, tests),
            visible=tuple(VisibleTest.of(test) for test in tests if not test.hidden),
            hidden=HiddenTests.of([test for test in tests if test.hidden]),
            on_reference=sum(test.on_reference for test in tests),
        )

    @property
    def id(self) -> str:
        return self.score.task.id

    @property
    def name(self) -> str:
        return self.score.task.name

    @property
    def filled(self) -> float:
        """Share of the points, for the bar."""
        points, maximum = self.score.points, self.score.task.points
        return min(1.0, points / maximum) if points and maximum else 0.0

    @property
    def colour(self) -> str:
        """The style of the task's state."""
        return _colour(self.state)

    @property
    def asks_for_work(self) -> bool:
        """Return True if the student has something left to fix."""
        return self.state not in (TaskState.PASSED, TaskState.NOT_GRADED, TaskState.PENDING)


def view(record: Record, score: Score) -> dict:
    """Collect the values for the template `feedback.html`."""
    milestone = score.milestone
    tasks = [TaskView.of(each, [test for test in record.tests if test.task == each.task.id]) for each in score.tasks]
    states = {test.state for task in tasks for test in task.visible}
    return {
        "score": score,
        "milestone": milestone,
        "tasks": _with_first(tasks),
        "explanations": {state: text for state, text in _EXPLANATIONS.items() if state in states},
        "faults": sum(each.faults for each in score.tasks if each.points is None),
        "on_reference": [task.id for task in tasks if task.on_reference],
        "submitted": _moment(score.submitted, milestone.deadline.tzinfo),
        "deadline": _moment(score.deadline, milestone.deadline.tzinfo),
        "percent": f"{100 * score.late_share:g} %",
        "handout": f"milestones/milestone{milestone.number}/README.md",
        "folder": f"tests/milestone{milestone.number}",
        "record": replace(record, tests=()),
    }


def _with_first(tasks: Sequence[TaskView]) -> list[TaskView]:
    """Add to each unfinished task the unfinished tasks on which it depends."""
    unfinished = {task.id for task in tasks if task.state not in (TaskState.PASSED, TaskState.PENDING)}
    return [
        replace(task, first=tuple(earlier for earlier in task.score.task.depends if earlier in unfinished))
        if task.id in unfinished
        else task
        for task in tasks
    ]


def _state(score: TaskScore, tests: Sequence[TestResult]) -> TaskState:
    states = {test.state for test in tests}
    if score.faults:
        return TaskState.PENDING
    if states <= {TestState.REFUSED}:
        return TaskState.NOT_GRADED
    if states == {TestState.PASSED}:
        return TaskState.PASSED
    if states == {TestState.NOT_IMPLEMENTED}:
        return TaskState.NOT_IMPLEMENTED
    return TaskState.PARTLY_PASSED if TestState.PASSED in states else TaskState.FAILED


def _colour(state: TestState | TaskState) -> str:
    """Name of the style in which a state is shown."""
    if state in (TestState.PASSED, TaskState.PASSED):
        return "passed"
    return "open" if state in _OPEN else "failed"


def _moment(moment: datetime, zone: tzinfo) -> str:
    """Format a time in the course's time zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S (%Z)}"
