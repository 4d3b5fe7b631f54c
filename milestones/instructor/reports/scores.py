"""Scores: the points of a submission's tests, points given by hand, and the deduction for being late."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from milestones.course import LatePolicy, Milestone, Task
from milestones.graded_tests import TestState
from milestones.instructor.records import Record, TestResult
from milestones.instructor.reports.adjustments import Extension, Override
from milestones.instructor.reports.escaping import printable

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TaskScore:
    """Points of one task.

    Attributes:
        task: the task.
        earned: sum of the points of its tests that passed.
        faults: number of its tests on which the grader failed, and whose points are therefore unknown.
        override: points given by hand, which count instead.
    """

    task: Task
    earned: float
    faults: int = 0
    override: Override | None = None

    @property
    def points(self) -> float | None:
        """The points that count; None while they are not known."""
        if self.override is not None:
            return self.override.points
        return None if self.faults else self.earned


@dataclass(frozen=True)
class Score:
    """The score of a submission in a milestone.

    Attributes:
        submission: its name.
        milestone: the milestone.
        tasks: points of each task, in the order of the milestone.
        submitted: time of handing in.
        deadline: latest time of handing in, extension included.
        extension: of the deadline.
        override: a total given by hand, which is final.
        refused: the reason why nothing was graded.
        notes: what was chosen or left out when the submission was read or graded.
    """

    submission: str
    milestone: Milestone
    tasks: tuple[TaskScore, ...]
    submitted: datetime
    deadline: datetime
    extension: Extension | None = None
    override: Override | None = None
    refused: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def sum(self) -> float | None:
        """Sum of the points of all tasks; None while those of any task are unknown."""
        points = [task.points for task in self.tasks]
        return None if None in points else _exact(math.fsum(points))

    @property
    def known(self) -> float:
        """Sum of the points that are known."""
        return _exact(math.fsum(task.points for task in self.tasks if task.points is not None))

    @property
    def days_late(self) -> int:
        """Number of days begun after the deadline; a submission exactly at the deadline is in time."""
        return max(0, -((self.deadline - self.submitted) // _DAY))

    @property
    def late_share(self) -> float:
        """Share of the points that are deducted for being late, 0 to 1."""
        return late_share(self.milestone.late, self.days_late)

    @property
    def deduction(self) -> float | None:
        """Points that are deducted for being late; None while the sum is not known."""
        return None if self.sum is None else _exact(self.sum * self.late_share)

    @property
    def total(self) -> float | None:
        """The points that count in the end; None while they are not known."""
        if self.override is not None:
            return self.override.points
        return None if self.sum is None else _exact(self.sum - self.deduction)

    @property
    def is_pending(self) -> bool:
        """Return True if the grader's faults leave the total open; a fault never makes it zero."""
        return self.total is None

    @property
    def pending_tasks(self) -> list[str]:
        """Ids of the tasks whose points are not known yet."""
        return [task.task.id for task in self.tasks if task.points is None]

    @property
    def overrides(self) -> list[Override]:
        """All points given by hand, the total last."""
        return [each for each in (*(task.override for task in self.tasks), self.override) if each is not None]

    @property
    def note(self) -> str:
        """Remarks on anything out of the ordinary; "" if there is nothing."""
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
        return "; ".join((*notes, *self.notes))


def late_share(policy: LatePolicy, days: int) -> float:
    """Share of the points, 0 to 1, that days begun after the deadline cost."""
    return 1.0 if days > policy.days else min(1.0, days * policy.share_per_day)


def score(
    record: Record, milestone: Milestone, overrides: Mapping[str, Override], extension: Extension | None
) -> Score:
    """The score of a submission.

    Args:
        record: record of its grading.
        milestone: the milestone for which it was graded.
        overrides: overrides for the submission, by task; "" is the total.
        extension: extension for the submission.
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
        notes=record.notes,
    )


def changes(
    before: Mapping[tuple[str, int], Record], after: Mapping[tuple[str, int], Record], milestone: Milestone
) -> list[str]:
    """Write lines on submissions that gain or lose points of tests between two gradings; none if nothing changed.

    Args:
        before: the records by submission and milestone, as `records.latest` gives them.
        after: the later records; submissions that are in only one of the two are left out.
        milestone: the milestone; records of other milestones are left out.
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
    """A change of a submission: its sums of points before and after, None if unknown, and the reasons."""

    name: str
    sums: tuple[float | None, float | None]
    reasons: list[str]

    @property
    def change(self) -> float | None:
        return None if None in self.sums else _exact(self.sums[1] - self.sums[0])


def _change(before: Record, after: Record, milestone: Milestone) -> _Change | None:
    """Find the change of a submission's points by each test; None if nothing changed."""
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
    """Round to a hundredth, so that a tenth of 3 is 0.3."""
    return round(points, 2)


def _count(submissions: int) -> str:
    return f"{submissions} submission{'s' * (submissions != 1)}"
