"""`nbgrader collect`, after which each submission has its notebook: without one, nbgrader would pass it over."""

import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell
from nbgrader.exchange.default import ExchangeCollect

from milestones.instructor.gradebook.assignments import milestone_of, task_cell


class CollectWithNotebook(ExchangeCollect):
    """nbgrader's exchange, which also takes a renamed notebook, or puts the released one in the place of a lost one."""

    def copy_files(self) -> None:
        """Copy the submissions, and mend those that lack the notebook."""
        super().copy_files()
        assignment, coursedir = self.coursedir.assignment_id, self.coursedir
        released = Path(coursedir.format_path(coursedir.release_directory, ".", assignment), f"{assignment}.ipynb")
        for record in self.src_records:
            step = coursedir.submitted_directory
            folder = Path(coursedir.format_path(step, record["username"], assignment))
            note = mend(folder, released)
            if note is not None:
                self.log.warning(f"{record['username']}: {note}")


def mend(folder: Path, released: Path) -> str | None:
    """Put the notebook into a submission that lacks it, or whose notebook cannot be read.

    Args:
        folder: the submission.
        released: the released notebook, whose name the submission's should have.

    Returns:
        What was done, for the instructor; None if nothing was.
    """
    expected = folder / released.name
    if _is_of_the_assignment(expected, released.stem):
        return None
    if expected.exists():
        expected.rename(folder / f"{released.name}.unreadable")
    # The student's own folder may be read-only after the copy.
    own = [path for path in sorted(folder.glob("*.ipynb")) if _is_of_the_assignment(path, released.stem)]
    if own:
        newest = max(own, key=lambda path: path.stat().st_mtime)
        shutil.copyfile(newest, expected)
        return f"expected {released.name}, got {newest.name}, which is graded in its place"
    notebook = nbformat.read(released, as_version=4)
    text = f"{released.name} was missing or could not be read. This is the notebook as it was released."
    notebook.cells.insert(0, new_markdown_cell(text))
    nbformat.write(notebook, expected)
    return f"expected {released.name}, got none that can be read; the released one takes its place, without answers"


def _is_of_the_assignment(path: Path, assignment: str) -> bool:
    """Tell whether a file is a notebook with a cell of one of the assignment's tasks or questions."""
    milestone = milestone_of(assignment)
    known = {task_cell(task.id) for task in milestone.tasks} | {answer.id for answer in milestone.answers}
    try:
        notebook = nbformat.read(path, as_version=4)
        return any(cell.metadata.get("nbgrader", {}).get("grade_id") in known for cell in notebook.cells)
    # A student's file can make the reader raise anything.
    except Exception:
        return False
