"""What the page of the class says, to its instructor: it names hidden tests."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean, median
from urllib.parse import quote

from milestones.course import Milestone
from milestones.graded_tests import TestState
from milestones.instructor.reports import class_plots
from milestones.instructor.reports.adjustments import Extension, Override
from milestones.instructor.reports.escaping import page_name
from milestones.instructor.reports.scores import Score

STATES = (
    *(TestState.PASSED, TestState.WRONG, TestState.CRASHED, TestState.OUT_OF_TIME, TestState.OUT_OF_MEMORY),
    *(TestState.NOT_IMPLEMENTED, TestState.REFUSED, TestState.GRADER_FAULT),
)
"""The states of a graded test, in the order of the page's columns."""


def view(graded: Sequence[tuple[Mapping, Score]], milestone: Milestone, strays: Sequence[Override | Extension]) -> dict:
    """The values of the template `class.html`.

    Args:
        graded: record and score of each submission.
        milestone: which.
        strays: overrides and extensions of which there is no submission.
    """
    records = [record for record, _ in graded]
    scores = [score for _, score in graded]
    ran = [record for record in records if record["refused"] is None]
    tests = _tests(ran, milestone)
    tasks = _tasks([score for score in scores if score.refused is None], milestone)
    totals = [score.total for score in scores if score.total is not None]
    return {
        "milestone": milestone,
        "rows": [{"score": score, "link": f"feedback/{quote(page_name(score.submission))}"} for score in scores],
        "refused": [score for score in scores if score.refused is not None],
        "faults": _faults(records),
        "strays": strays,
        "versions": Counter(record["tests_hash"][:12] for record in records),
        "isolations": Counter(", ".join(record["isolation"]) or "none" for record in ran),
        "tests": tests,
        "states": [state for state in STATES if any(test["counts"][state] for test in tests)],
        "hardest": sorted((task for task in tasks if task["mean"] is not None), key=lambda task: task["mean"])[:5],
        "statistics": {"mean": mean(totals), "median": median(totals)} if totals else None,
        "totals_picture": class_plots.totals(totals, milestone.points) if totals else None,
        "tasks_picture": class_plots.tasks(tasks) if any(task["mean"] is not None for task in tasks) else None,
        "tests_picture": class_plots.tests(tests, STATES) if tests else None,
    }


def _tests(records: Sequence[Mapping], milestone: Milestone) -> list[dict]:
    """Each test of any record, in the order of the tasks: how many submissions came to which state."""
    known: dict[str, Mapping] = {}
    counts: dict[str, Counter] = {}
    on_reference: Counter = Counter()
    for record in records:
        for test in record["tests"]:
            known[test["id"]] = test
            counts.setdefault(test["id"], Counter())[test["state"]] += 1
            on_reference[test["id"]] += test["on_reference"]
    order = [task.id for task in milestone.tasks]
    tests = []
    for test in sorted(known.values(), key=lambda test: order.index(test["task"]) if test["task"] in order else -1):
        states = counts[test["id"]]
        ran = states.total() - states[TestState.GRADER_FAULT]
        tests.append(
            {
                "id": test["id"],
                "task": test["task"],
                "points": test["points"],
                "hidden": test["hidden"],
                "category": test["category"],
                "counts": states,
                "on_reference": on_reference[test["id"]],
                "rate": states[TestState.PASSED] / ran if ran else None,
            }
        )
    return tests


def _tasks(scores: Sequence[Score], milestone: Milestone) -> list[dict]:
    """Of each task the mean share of its points that the tests gave, None where no submission has any yet."""
    tasks = []
    for position, task in enumerate(milestone.tasks):
        known = [score.tasks[position].earned for score in scores if not score.tasks[position].faults]
        share = mean(known) / task.points if known and task.points else None
        full = sum(earned >= task.points for earned in known)
        tasks.append({"id": task.id, "name": task.name, "mean": share, "full": full, "count": len(known)})
    return tasks


def _faults(records: Sequence[Mapping]) -> list[dict]:
    """The submissions in which the grader failed: in how many tests, and what it said of the first."""
    faults = []
    for record in records:
        tests = [test for test in record["tests"] if test["state"] == TestState.GRADER_FAULT]
        if tests:
            faults.append({"submission": record["submission"], "count": len(tests), "first": tests[0]})
    return faults
