"""The step of `nbgrader autograde` that takes the place of nbgrader's `Execute`: points from confined workers."""

import math

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool

from milestones.course import CourseError, Milestone
from milestones.instructor.gradebook.assignments import milestone_of, task_cell
from milestones.instructor.gradebook.graded_run import GradedRun
from milestones.instructor.gradebook.outputs import task_outputs
from milestones.instructor.reports.scores import score


class ConfinedGrading(NbGraderPreprocessor):
    """Preprocessor that writes the points of each task into its cell; it runs nothing of a submission itself."""

    # Without the tag, no configuration can switch it off: a cell without a number has full points in nbgrader.
    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Write the outputs of all graded cells.

        Raises:
            CourseError: the submission could not be graded, or the notebook's tasks are not those of the milestone.
        """
        if not isinstance(self.parent, GradedRun):
            expected = "expected GradedRun as c.Autograde.exporter_class, as python -m milestones course sets it"
            raise CourseError(f"nbgrader_config.py: {expected}, got {type(self.parent).__name__}")
        student = resources["nbgrader"]["student"]
        milestone = milestone_of(resources["nbgrader"]["assignment"])
        if not milestone.tasks:
            # Models are graded by `python -m milestones grade`, and nbgrader has the report alone.
            _write_outputs(nb, {}, milestone)
            return nb, resources
        record = self.parent.records.get(student)
        if record is None:
            raise CourseError(f"{student}: expected a record of its grading, got none")
        _write_outputs(nb, task_outputs(record, score(record, milestone, {}, None)), milestone)
        return nb, resources


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
