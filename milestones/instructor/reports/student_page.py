"""What a student's feedback page says.

Of hidden tests only their number, categories and hints are handed to the page: a name, a sentence or a message that the
page does not get it cannot give away.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from enum import Enum

from milestones.graded_tests import TestState
from milestones.instructor.reports.scores import Score, TaskScore


class TaskState(str, Enum):
    """The state of a task by those of its tests; as text it is its value."""

    PASSED = "passed"
    PARTLY_PASSED = "partly passed"
    FAILED = "failed"
    NOT_IMPLEMENTED = "not implemented"
    NOT_GRADED = "not graded"
    PENDING = "pending"

    __str__ = str.__str__

    @property
    def asks_for_work(self) -> bool:
        """Tell if the student has something left to mend."""
        return self not in (TaskState.PASSED, TaskState.NOT_GRADED, TaskState.PENDING)


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
    TestState.OUT_OF_TIME: "your code took longer than a test may",
    TestState.OUT_OF_MEMORY: "your code asked for more memory than there is",
    TestState.GRADER_FAULT: "the grader failed, not your code; your instructor sees it and grades again",
}


def view(record: Mapping, score: Score) -> dict:
    """The values of the template `feedback.html`."""
    milestone = score.milestone
    tasks = [_task(each, [test for test in record["tests"] if test["task"] == each.task.id]) for each in score.tasks]
    unfinished = {task["id"] for task in tasks if task["state"] not in (TaskState.PASSED, TaskState.PENDING)}
    for task, each in zip(tasks, score.tasks, strict=True):
        task["first"] = [before for before in each.task.depends if before in unfinished and task["id"] in unfinished]
    states = {test["state"] for task in tasks for test in task["visible"]}
    return {
        "score": score,
        "milestone": milestone,
        "tasks": tasks,
        "explanations": {state: text for state, text in _EXPLANATIONS.items() if state in states},
        "faults": sum(each.faults for each in score.tasks if each.points is None),
        "on_reference": [task["id"] for task in tasks if task["on_reference"]],
        "submitted": _moment(score.submitted, milestone.deadline.tzinfo),
        "deadline": _moment(score.deadline, milestone.deadline.tzinfo),
        "percent": f"{100 * score.late_share:g} %",
        "handout": f"milestones/milestone{milestone.number}/README.md",
        "folder": f"tests/milestone{milestone.number}",
        "record": record,
    }


def _task(score: TaskScore, tests: Sequence[Mapping]) -> dict:
    state = _state(score, tests)
    visible = [_visible(test) for test in tests if not test["hidden"]]
    return {
        "id": score.task.id,
        "name": score.task.name,
        "score": score,
        "filled": min(1.0, score.points / score.task.points) if score.points and score.task.points else 0.0,
        "state": state,
        "colour": _colour(state),
        "asks_for_work": state.asks_for_work,
        "visible": visible,
        "hidden": _hidden([test for test in tests if test["hidden"]]),
        "on_reference": sum(test["on_reference"] for test in tests),
    }


def _state(score: TaskScore, tests: Sequence[Mapping]) -> TaskState:
    states = {test["state"] for test in tests}
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


def _visible(test: Mapping) -> dict:
    # A fault's message is about the grader's insides, and a stub's says no more than its state.
    has_message = test["state"] not in (TestState.PASSED, TestState.NOT_IMPLEMENTED, TestState.GRADER_FAULT)
    name = test["id"].rpartition("::")[2]
    return {
        "sentence": test["sentence"] or name,
        "name": name,
        "points": test["points"],
        "state": test["state"],
        "colour": _colour(test["state"]),
        "mark": _MARKS.get(test["state"], _OTHER_MARK),
        "message": test["message"] if has_message else "",
        "on_reference": test["on_reference"],
    }


def _hidden(tests: Sequence[Mapping]) -> dict:
    """Of hidden tests what a student may know: how many, their points, and category and hint of those that failed."""
    not_failed = (TestState.PASSED, TestState.GRADER_FAULT, TestState.REFUSED)
    failed = Counter((test["category"], test["hint"]) for test in tests if test["state"] not in not_failed)
    return {
        "count": len(tests),
        "passed": sum(test["state"] == TestState.PASSED for test in tests),
        "points": sum(test["points"] for test in tests),
        "earned": sum(test["points"] for test in tests if test["state"] == TestState.PASSED),
        "failed": [{"category": each[0], "hint": each[1], "count": count} for each, count in failed.items()],
        "faults": sum(test["state"] == TestState.GRADER_FAULT for test in tests),
    }


def _moment(moment: datetime, zone: tzinfo) -> str:
    """A time as the course's clock shows it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S (%Z)}"
