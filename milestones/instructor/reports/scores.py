"""What a submission has earned: points of its tests, what was given by hand, and what being late takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from milestones.course import Milestone, Task
from milestones.graded_tests import TestState
from milestones.instructor.records import Record, TestResult
from milestones.instructor.reports.adjustments import Extension, Override
from milestones.instructor.reports.escaping import printable

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TaskScore:
    """Points of one task.

    Attributes:
        task: which.
        earned: sum of the points of its tests that passed.
        faults: how many of its tests the grader failed to run: what they are worth is not known.
        override: points given by hand, which count instead.
    """

    task: Task
    earned: float
    faults: int = 0
    override: Override | None = None

    @property
    def points(self) -> float | None:
        """What counts; None while it is not known."""
        if self.override is not None:
            return self.override.points
        return None if self.faults else self.earned


@dataclass(frozen=True)
class Score:
    """What a submission has earned in a milestone, and how that comes about.

    Attributes:
        submission: its name.
        milestone: of which.
        tasks: the points of each task, in the order of the milestone.
        submitted: when it was handed in.
        deadline: until when it could be, extension included.
        extension: what the deadline was extended by.
        override: a total given by hand, from which nothing is taken.
        refused: why nothing was graded.
    """

    submission: str
    milestone: Milestone
    tasks: tuple[TaskScore, ...]
    submitted: datetime
    deadline: datetime
    extension: Extension | None = None
    override: Override | None = None
    refused: str | None = None

    @property
    def sum(self) -> float | None:
        """The points of all tasks; None while those of one are not known."""
        points = [task.points for task in self.tasks]
        return None if None in points else _exact(math.fsum(points))

    @property
    def known(self) -> float:
        """The points of those tasks whose points are known."""
        return _exact(math.fsum(task.points for task in self.tasks if task.points is not None))

    @property
    def days_late(self) -> int:
        """Days that had begun after the deadline; a submission exactly at the deadline is in time."""
        return max(0, -((self.deadline - self.submitted) // _DAY))

    @property
    def late_share(self) -> float:
        """Share of the points that being late takes, 0 to 1."""
        policy = self.milestone.late
        return 1.0 if self.days_late > policy.days else min(1.0, self.days_late * policy.share_per_day)

    @property
    def deduction(self) -> float | None:
        """Points that being late takes; None while the sum is not known."""
        return None if self.sum is None else _exact(self.sum * self.late_share)

    @property
    def total(self) -> float | None:
        """What counts in the end; None while it is not known."""
        if self.override is not None:
            return self.override.points
        return None if self.sum is None else _exact(self.sum - self.deduction)

    @property
    def is_pending(self) -> bool:
        """Whether the grader's own faults leave the total open: it is never a zero for that."""
        return self.total is None

    @property
    def pending_tasks(self) -> list[str]:
        """Ids of the tasks whose points are not known."""
        return [task.task.id for task in self.tasks if task.points is None]

    @property
    def overrides(self) -> list[Override]:
        """All that was given by hand, the total last."""
        return [each for each in (*(task.override for task in self.tasks), self.override) if each is not None]

    @property
    def note(self) -> str:
        """What is out of the ordinary, in a few words; "" if nothing is."""
        notes = []
        if self.refused is not None:
            notes.append(f"refused: {self.refused}")
        if self.is_pending:
            notes.append(f"pending: the grader failed in task {', '.join(self.pending_tasks)}")
        if self.days_late > self.milestone.late.days and self.override is None:
            notes.append("too late to count")
        if self.extension is not None:
            notes.append(f"deadline extended by {self.extension.hours:g} h")
        notes += [f"{f'task {each.task}' if each.task else 'total'} given by hand" for each in self.overrides]
        return "; ".join(notes)


def score(
    record: Record, milestone: Milestone, overrides: Mapping[str, Override], extension: Extension | None
) -> Score:
    """The score of a submission.

    Args:
        record: of its grading.
        milestone: which it was graded for.
        overrides: its own, by task; "" is the total.
        extension: its own.
    """
    tasks = []
    for task in milestone.tasks:
        tests = [test for test in record.tests if test.task == task.id]
        faults = sum(test.state == TestState.GRADER_FAULT for test in tests)
        tasks.append(TaskScore(task, _exact(math.fsum(map(_earned, tests))), faults, overrides.get(task.id)))
    return Score(
        submission=record.submission,
        milestone=milestone,
        tasks=tuple(tasks),
        submitted=record.submitted,
        deadline=milestone.deadline + timedelta(hours=extension.hours if extension else 0),
        extension=extension,
        override=overrides.get(""),
        refused=record.refused,
    )


def changes(
    before: Mapping[tuple[str, int], Record], after: Mapping[tuple[str, int], Record], milestone: Milestone
) -> list[str]:
    """Who gains and who loses points of tests between two gradings, and by which tests; no lines if all is as it was.

    Args:
        before: the records by submission and milestone, as `records.latest` gives them.
        after: the later ones; what is in one of the two alone is left out.
        milestone: which; the records of others are left out.
    """
    rows = []
    is_regraded = False
    for key in sorted(key for key in before.keys() & after.keys() if key[1] == milestone.number):
        is_regraded |= before[key].tests_hash != after[key].tests_hash
        if row := _change(before[key], after[key], milestone):
            rows.append(row)
    if not rows:
        return ["regraded: nobody gains or loses points"] if is_regraded else []
    width = max(len("submission"), *(len(row.name) for row in rows))
    lines = [f"{'submission':<{width}}  before   after  change  by tests, late deduction and overrides left aside"]
    for row in rows:
        old, new = ("pending" if points is None else f"{points:g}" for points in row.sums)
        change = "?" if row.change is None else f"{row.change:+g}"
        lines.append(f"{row.name:<{width}}{old:>8}{new:>8}{change:>8}  {row.reasons[0]}")
        lines += [" " * (width + 26) + reason for reason in row.reasons[1:]]
    gain, lose = (sum((row.change or 0) * sign > 0 for row in rows) for sign in (1, -1))
    return [*lines, f"regraded: {_count(gain)} with more points, {_count(lose)} with fewer"]


@dataclass(frozen=True)
class _Change:
    """What became of a submission: its sums of points before and after, None where not known, and why."""

    name: str
    sums: tuple[float | None, float | None]
    reasons: list[str]

    @property
    def change(self) -> float | None:
        return None if None in self.sums else _exact(self.sums[1] - self.sums[0])


def _change(before: Record, after: Record, milestone: Milestone) -> _Change | None:
    """What each test did to a submission's points; None where each earns what it did."""
    old = {test.id: test for test in before.tests}
    new = {test.id: test for test in after.tests}
    reasons = []
    for test in old | new:
        difference = _exact(_earned(new.get(test)) - _earned(old.get(test)))
        states = [each[test].state if test in each else "no such test" for each in (old, new)]
        if difference or (TestState.GRADER_FAULT in states and states[0] != states[1]):
            how = states[0] if states[0] == states[1] else f"{states[0]} -> {states[1]}"
            reasons.append(f"{difference:+g} {test} ({how})")
    if not reasons:
        return None
    if before.submission_hash != after.submission_hash:
        reasons.insert(0, "handed in again")
    sums = tuple(score(record, milestone, {}, None).sum for record in (before, after))
    return _Change(printable(after.submission), sums, reasons)


def _earned(test: TestResult | None) -> float:
    return test.points if test is not None and test.state == TestState.PASSED else 0


def _exact(points: float) -> float:
    """To a hundredth, so that a tenth of 3 is 0.3."""
    return round(points, 2)


def _count(submissions: int) -> str:
    return f"{submissions} submission{'s' * (submissions != 1)}"
