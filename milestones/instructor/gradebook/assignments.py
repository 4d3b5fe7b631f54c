"""The milestone of an nbgrader assignment, and the files of both in a course folder."""

import re
from pathlib import Path

from milestones.course import CourseError, Milestone, load_milestone, milestone_numbers

KERNEL = {"name": "confined-grading", "display_name": "Never executed while grading", "language": "python"}
"""Kernel of source notebooks. No machine has it, so that nbgrader cannot run a submission if our settings are lost."""

STUDENTS_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def name_of(milestone: Milestone) -> str:
    """Name of a milestone's assignment, and of its notebook."""
    return f"milestone{milestone.number}"


def milestone_of(assignment: str) -> Milestone:
    """Return the milestone of an assignment.

    Raises:
        CourseError: it is not an assignment of this course.
    """
    match = re.fullmatch(r"milestone(\d+)", assignment)
    if match is None or int(match[1]) not in milestone_numbers():
        known = ", ".join(f"milestone{number}" for number in milestone_numbers())
        raise CourseError(f"assignment: expected one of {known}, got {assignment}")
    return load_milestone(int(match[1]))


def grades_folder(course: str | Path, milestone: Milestone) -> Path:
    """Folder of a milestone's records and reports; `python -m milestones grade` takes it as `--out`."""
    return Path(course) / "grades" / name_of(milestone)


def task_cell(task: str) -> str:
    """nbgrader's `grade_id` of the cell that shows the points of a task."""
    return f"task-{task.replace('.', '-')}"
