"""What a student's feedback page says.

Of hidden tests only their number, categories and hints are handed to the page: a name, a sentence or a message that the
page does not get it cannot give away.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from milestones.instructor.reports.scores import GRADER_FAULT, PASSED, Score, TaskScore

NOT_IMPLEMENTED = "not implemented"
_MARKS = {PASSED: "✓", NOT_IMPLEMENTED: "○", GRADER_FAULT: "?", "refused": "–"}
_EXPLANATIONS = {
    "wrong": "the result is not as expected",
    NOT_IMPLEMENTED: "the stub's NotImplementedError was raised",
    "crashed": "your code raised an exception that it should not, or its process ended",
    "out of time": "your code took longer than a test may",
    "out of memory": "your code asked for more memory than there is",
    GRADER_FAULT: "the grader failed, not your code; your instructor sees it and grades again",
}


def view(record: Mapping, score: Score) -> dict:
    """The values of the template `feedback.html`."""
    milestone = score.milestone
    tasks = [_task(each, [test for test in record["tests"] if test["task"] == each.task.id]) for each in score.tasks]
    unfinished = {task["id"] for task in tasks if task["state"] not in (PASSED, "pending")}
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
    visible = [_visible(test) for test in tests if not test["hidden"]]
    return {
        "id": score.task.id,
        "name": score.task.name,
        "score": score,
        "filled": min(1.0, score.points / score.task.points) if score.points and score.task.points else 0.0,
        "state": _state(score, tests),
        "visible": visible,
        "hidden": _hidden([test for test in tests if test["hidden"]]),
        "on_reference": sum(test["on_reference"] for test in tests),
    }


def _state(score: TaskScore, tests: Sequence[Mapping]) -> str:
    states = {test["state"] for test in tests}
    if score.faults:
        return "pending"
    if states == {"refused"} or not states:
        return "not graded"
    if len(states) == 1 and states <= {PASSED, NOT_IMPLEMENTED}:
        return states.pop()
    return "partly passed" if PASSED in states else "failed"


def _visible(test: Mapping) -> dict:
    # A fault's message is about the grader's insides, and a stub's says no more than its state.
    has_message = test["state"] not in (PASSED, NOT_IMPLEMENTED, GRADER_FAULT)
    name = test["id"].rpartition("::")[2]
    return {
        "sentence": test["sentence"] or name,
        "name": name,
        "points": test["points"],
        "state": test["state"],
        "mark": _MARKS.get(test["state"], "✗"),
        "message": test["message"] if has_message else "",
        "on_reference": test["on_reference"],
    }


def _hidden(tests: Sequence[Mapping]) -> dict:
    """Of hidden tests what a student may know: how many, their points, and category and hint of those that failed."""
    failed = Counter(
        (test["category"], test["hint"]) for test in tests if test["state"] not in (PASSED, GRADER_FAULT, "refused")
    )
    return {
        "count": len(tests),
        "passed": sum(test["state"] == PASSED for test in tests),
        "points": sum(test["points"] for test in tests),
        "earned": sum(test["points"] for test in tests if test["state"] == PASSED),
        "failed": [{"category": each[0], "hint": each[1], "count": count} for each, count in failed.items()],
        "faults": sum(test["state"] == GRADER_FAULT for test in tests),
    }


def _moment(moment: datetime, zone: tzinfo) -> str:
    """A time as the course's clock shows it."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S (%Z)}"
