"""The page of the class, for the instructor only, since it names hidden tests."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from urllib.parse import quote

from milestones.course import Milestone
from milestones.graded_tests import TestState
from milestones.instructor.records import Record, TestResult
from milestones.instructor.reports import class_plots
from milestones.instructor.reports.adjustments import Extension, Override
from milestones.instructor.reports.class_statistics import average_tasks, count_tests
from milestones.instructor.reports.escaping import page_name
from milestones.instructor.reports.scores import Score

STATES = (
    *(TestState.PASSED, TestState.WRONG, TestState.CRASHED, TestState.OUT_OF_TIME, TestState.OUT_OF_MEMORY),
    *(TestState.NOT_IMPLEMENTED, TestState.REFUSED, TestState.GRADER_FAULT),
)
"""The states of a graded test, in the order of the page's columns."""

_HARDEST = 5


@dataclass(frozen=True)
class Fault:
    """A submission on which the grader failed: the number of tests concerned, and the first of them."""

    submission: str
    count: int
    first: TestResult


def view(graded: Sequence[tuple[Record, Score]], milestone: Milestone, strays: Sequence[Override | Extension]) -> dict:
    """Collect the values for the template `class.html`.

    Args:
        graded: record and score of each submission.
        milestone: the milestone.
        strays: overrides and extensions without a submission.
    """
    records = [record for record, _ in graded]
    scores = [score for _, score in graded]
    ran = [record for record in records if record.refused is None]
    tests = count_tests(ran, milestone)
    tasks = average_tasks([score for score in scores if score.refused is None], milestone)
    with_mean = [task for task in tasks if task.share is not None]
    totals = [score.total for score in scores if score.total is not None]
    return {
        "milestone": milestone,
        "rows": [{"score": score, "link": f"feedback/{quote(page_name(score.submission))}"} for score in scores],
        "refused": [score for score in scores if score.refused is not None],
        "faults": _faults(records),
        "strays": strays,
        "versions": Counter(record.tests_hash[:12] for record in records),
        "isolations": Counter(", ".join(record.isolation) or "none" for record in ran),
        "tests": tests,
        "any_on_reference": any(test.on_reference for test in tests),
        "states": [state for state in STATES if any(test.states[state] for test in tests)],
        "hardest": sorted(with_mean, key=lambda task: task.share)[:_HARDEST],
        "statistics": {"mean": mean(totals), "median": median(totals)} if totals else None,
        "totals_picture": class_plots.totals(totals, milestone.points) if totals else None,
        "tasks_picture": class_plots.tasks(tasks) if with_mean else None,
        "tests_picture": class_plots.tests(tests, STATES) if tests else None,
    }


def _faults(records: Sequence[Record]) -> list[Fault]:
    faults = []
    for record in records:
        tests = [test for test in record.tests if test.state == TestState.GRADER_FAULT]
        if tests:
            faults.append(Fault(record.submission, len(tests), tests[0]))
    return faults
