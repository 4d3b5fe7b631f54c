"""The step of `nbgrader autograde` that takes the place of nbgrader's `Execute`: points from confined workers."""

import asyncio
import glob
import math
import re
import weakref
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool

from milestones.course import CourseError, Milestone
from milestones.instructor.gradebook import service_client
from milestones.instructor.gradebook.assignments import grades_folder, milestone_of, name_of, task_cell
from milestones.instructor.gradebook.messages import Request
from milestones.instructor.gradebook.outputs import task_outputs
from milestones.instructor.records import LOG_NAME, Record, latest, read
from milestones.instructor.reports.scores import score

SECONDS_OF_A_CLICK = 4.0
"""Longest time for which the form grader's button may hold up the instructor's server."""

_GRADED: weakref.WeakKeyDictionary[Autograde, dict[str, Record]] = weakref.WeakKeyDictionary()


class ConfinedGrading(NbGraderPreprocessor):
    """Preprocessor that writes the points of each task into its cell; it runs nothing of a submission itself.

    The first submission of a run has all of the run graded, in parallel; the others find their records.
    """

    # Without the tag, no configuration can switch it off: a cell without a number has full points in nbgrader.
    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Write the outputs of all graded cells.

        Raises:
            StillGrading: the form grader's button cannot wait until the submission is graded.
            CourseError: the submission could not be graded, or the notebook's tasks are not those of the milestone.
        """
        student = resources["nbgrader"]["student"]
        milestone = milestone_of(resources["nbgrader"]["assignment"])
        converter = self.parent.parent
        if converter not in _GRADED:
            _GRADED[converter] = self._grade(converter, milestone)
        record = _GRADED[converter].get(student)
        if record is None:
            raise CourseError(f"{student}: expected a record of its grading, got none")
        _write_outputs(nb, task_outputs(record, score(record, milestone, {}, None)), milestone)
        return nb, resources

    def _grade(self, converter: Autograde, milestone: Milestone) -> dict[str, Record]:
        """Have all submissions of a run graded, and return their records."""
        folders = self._folders(converter, milestone)
        grades = grades_folder(converter.coursedir.root, milestone)
        request = Request(milestone.number, tuple(folders), tuple(str(folder) for folder in folders.values()))
        self.log.info(f"Grading {len(folders)} submissions in confined workers; records are in {grades}")
        try:
            service_client.grade(grades.parent, request, SECONDS_OF_A_CLICK if _holds_up_a_server() else None)
        except service_client.StillGrading:
            message = "grading goes on in the background; click again in a moment to take over the points"
            self.log.error(message)
            raise service_client.StillGrading(message) from None
        except CourseError as error:
            self.log.error(str(error))
            raise
        records = latest(read(grades / LOG_NAME))
        return {student: records[key] for student in folders if (key := (student, milestone.number)) in records}

    def _folders(self, converter: Autograde, milestone: Milestone) -> dict[str, Path]:
        """Find the submissions of a run by student; one without its notebook is not nbgrader's, and is reported."""
        coursedir, name = converter.coursedir, name_of(milestone)
        step = coursedir.submitted_directory
        pattern = re.compile(coursedir.format_path(step, "(?P<student>.*)", name, escape=True))
        excluded = coursedir.student_id_exclude.split(",")
        folders = {}
        paths = glob.glob(coursedir.format_path(step, coursedir.student_id, name))  # noqa: PTH207, as nbgrader finds them
        for path in sorted(paths):
            student = pattern.fullmatch(path)["student"]
            if not Path(path, f"{name}.ipynb").is_file():
                self.log.error(f"{path}: expected {name}.ipynb, got none; not graded, collect it again")
            elif student not in excluded:
                folders[student] = Path(path)
        return folders


def _write_outputs(nb: NotebookNode, outputs: dict[str, list[NotebookNode]], milestone: Milestone) -> None:
    """Write the outputs into the cells of the tasks, each of which must be there once, with the task's points."""
    expected = {task_cell(task.id): task for task in milestone.tasks}
    found = set()
    for cell in nb.cells:
        if is_grade(cell) and not is_solution(cell):
            grade_id, points = cell.metadata.nbgrader["grade_id"], cell.metadata.nbgrader["points"]
            task = expected.get(grade_id)
            if task is None or grade_id in found or not math.isclose(points, task.points):
                wanted = f"{task.points:g} points" if task else "a cell of a task"
                raise CourseError(f"{grade_id}: expected {wanted}, got {points:g}; generate the assignment again")
            cell.outputs = outputs[task.id]
            found.add(grade_id)
    for missing in expected.keys() - found:
        raise CourseError(f"{missing}: expected a graded cell of the task, got none; generate the assignment again")


def _holds_up_a_server() -> bool:
    """Tell whether this is called on an event loop, as by the form grader's button."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
