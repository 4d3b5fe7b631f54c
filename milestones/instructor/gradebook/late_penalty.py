"""The penalty for late work by the rule of `milestone.toml`, in the form in which nbgrader asks for it."""

import math

from nbgrader.plugins import BasePlugin

from milestones.instructor.gradebook.assignments import milestone_of
from milestones.instructor.reports.scores import late_share

_DAY = 24 * 60 * 60


class LatePenalty(BasePlugin):
    """nbgrader's plugin for late submissions; its parent is the preprocessor, which knows the assignment."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        """Points to deduct from a notebook's score, as `Score.deduction` takes them from the sum of the tasks."""
        policy = milestone_of(self.parent.assignment_id).late
        return round(score * late_share(policy, math.ceil(total_seconds_late / _DAY)), 2)
