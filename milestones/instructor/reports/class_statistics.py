"""Counts over a class: the states of each test, and the share of its points that each task earned."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from milestones.course import Milestone, Task
from milestones.graded_tests import TestState
from milestones.instructor.records import Record, TestResult
from milestones.instructor.reports.scores import Score


@dataclass
class TestCounts:
    """The states of one test over a class.

    Attributes:
        test: the test's result in the last record.
        states: number of submissions in each state.
        on_reference: number of submissions that passed it only on the reference's earlier modules.
    """

    # Keep pytest from collecting the class if a test imports it.
    __test__ = False

    test: TestResult
    states: Counter[TestState] = field(default_factory=Counter)
    on_reference: int = 0

    @property
    def rate(self) -> float | None:
        """Share of the submissions that passed, not counting grader failures; None if the grader always failed."""
        ran = self.states.total() - self.states[TestState.GRADER_FAULT]
        return self.states[TestState.PASSED] / ran if ran else None


@dataclass(frozen=True)
class TaskMean:
    """The points of one task over a class.

    Attributes:
        task: the task.
        share: mean share of its points that submissions earned by tests; None while no submission has points.
        full: number of submissions with all points.
        count: number of submissions whose points are known.
    """

    task: Task
    share: float | None
    full: int
    count: int


def count_tests(records: Sequence[Record], milestone: Milestone) -> list[TestCounts]:
    """Count the states of every test that any record has, in the order of the tasks."""
    counts: dict[str, TestCounts] = {}
    for record in records:
        for test in record.tests:
            of_test = counts.setdefault(test.id, TestCounts(test))
            of_test.test = test
            of_test.states[test.state] += 1
            of_test.on_reference += test.on_reference
    order = {task.id: position for position, task in enumerate(milestone.tasks)}
    return sorted(counts.values(), key=lambda each: order.get(each.test.task, -1))


def average_tasks(scores: Sequence[Score], milestone: Milestone) -> list[TaskMean]:
    """Average the points of each task, in the order of the milestone."""
    means = []
    for position, task in enumerate(milestone.tasks):
        known = [score.tasks[position].earned for score in scores if not score.tasks[position].faults]
        share = mean(known) / task.points if known and task.points else None
        full = sum(earned >= task.points for earned in known)
        means.append(TaskMean(task, share, full, len(known)))
    return means
