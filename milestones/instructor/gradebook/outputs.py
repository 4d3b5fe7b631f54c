"""What nbgrader shows of a task: the sentences that a student may read, and the points as a number."""

from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_output

from milestones.course import CourseError
from milestones.instructor.records import Record
from milestones.instructor.reports.escaping import printable
from milestones.instructor.reports.scores import Score
from milestones.instructor.reports.student_page import TaskView


def task_outputs(record: Record, score: Score) -> dict[str, list[NotebookNode]]:
    """Make the outputs of each task's cell, by task.

    They are plain text, since the form grader would run HTML of a student's message in the instructor's session.

    Raises:
        CourseError: the grader failed on a task, whose points are therefore unknown.
    """
    if score.is_pending:
        tasks = ", ".join(score.pending_tasks)
        raise CourseError(f"{record.submission}: expected points, got a failure of the grader in task {tasks}")
    outputs = {}
    for each in score.tasks:
        view = TaskView.of(each, [test for test in record.tests if test.task == each.task.id])
        text = "\n".join(printable(line) for line in _lines(view, score))
        points = f"{each.points:.2f}".rstrip("0").rstrip(".")
        outputs[each.task.id] = [
            new_output("display_data", {"text/plain": text}),
            new_output("execute_result", {"text/plain": points}),
        ]
    return outputs


def _lines(view: TaskView, score: Score) -> Iterator[str]:
    task = view.score.task
    yield f"Task {task.id}, {task.name}: {view.state}, {view.score.points:g} of {task.points:g} points"
    if score.refused is not None:
        yield f"Not graded: {score.refused}"
        return
    yield from (f"Note: {note}" for note in score.notes)
    for test in view.visible:
        unit = "point" if test.points == 1 else "points"
        yield f"{test.mark} {test.state}: {test.sentence} ({test.points:g} {unit}, {test.name})"
        if test.on_reference:
            yield "    It failed on your own modules of an earlier milestone, and passed on the reference's."
        yield from (f"    {line}" for line in test.message.splitlines())
    if view.hidden.count:
        hidden = view.hidden
        counts = f"{hidden.passed} of {hidden.count} hidden tests passed"
        yield f"{counts} ({hidden.earned:g} of {hidden.points:g} points)"
        for (category, hint), count in hidden.failed.items():
            yield f"✗ {category}: {hint}" + (f" ({count} tests)" if count > 1 else "")
