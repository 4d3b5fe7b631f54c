"""The command `course`: a course folder for nbgrader, made from this repository."""

import contextlib
import io
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearOutput

from milestones.course import ROOT, CourseError, Milestone, load_course
from milestones.instructor.configuration import NbgraderCourse
from milestones.instructor.gradebook.assignments import KERNEL, name_of
from milestones.instructor.release.template import release

CONFIGURATION_NAME = "nbgrader_config.py"
_CONFIGURATION = Path(__file__).with_name("nbgrader_config.txt")
_NOTEBOOKS = "notebooks"


def run(configuration: NbgraderCourse) -> int:
    """Write or renew the course folder that the command line asks for."""
    write_course(configuration.out)
    return 0


def write_course(out: Path) -> None:
    """Write a course folder, or renew the assignments of one; gradebook, submissions and grades stay as they are.

    Raises:
        CourseError: the folder holds something else, or the course does not fit together.
    """
    if out.exists() and not (out.is_dir() and ((out / CONFIGURATION_NAME).is_file() or not any(out.iterdir()))):
        raise CourseError(f"{out}: expected an empty folder, a new one or one with {CONFIGURATION_NAME}, got another")
    out.mkdir(parents=True, exist_ok=True)
    write_configuration(out)
    for milestone in load_course().milestones:
        write_assignment(out, milestone)
        name = name_of(milestone)
        earned, by_hand = (sum(each.points for each in group) for group in (milestone.tasks, milestone.answers))
        points = f"{earned:g} points of tasks, {by_hand:g} by hand"
        print(f"{out / 'source' / name}: {points}; nbgrader generate_assignment {name}")


def write_configuration(out: Path) -> None:
    """Write `nbgrader_config.py`, unless there is one, which the instructor may have changed."""
    if not (out / CONFIGURATION_NAME).exists():
        text = _CONFIGURATION.read_text(encoding="utf-8")
        modules = [f"speech_enhancement/{module}.py" for module in load_course().modules]
        kept = {name_of(milestone): modules for milestone in load_course().milestones}
        text = text.replace("COURSE_ID", repr(out.resolve().name)).replace("STUDENTS_MODULES", repr(kept))
        (out / CONFIGURATION_NAME).write_text(text, encoding="utf-8")


def write_assignment(out: Path, milestone: Milestone) -> None:
    """Write `source/milestoneN`: the students' template with the milestone's notebook alone, at its top.

    Modules and tests are those of the release, which has taken out solutions and hidden tests and has looked for
    leaks. The notebook keeps the solutions of its exercises, which nbgrader takes out itself; it holds no hidden
    tests, which nbgrader would show in its feedback.
    """
    name = name_of(milestone)
    with tempfile.TemporaryDirectory(prefix=".source.", dir=out) as folder:
        made = Path(folder) / name
        with contextlib.redirect_stdout(io.StringIO()):
            release(made, milestone.number)
        shutil.rmtree(made / _NOTEBOOKS)
        notebook = source_notebook(ROOT / _NOTEBOOKS / f"{name}.ipynb")
        (made / f"{name}.ipynb").write_text(notebook, encoding="utf-8")
        source = out / "source" / name
        source.parent.mkdir(exist_ok=True)
        if source.exists():
            source.rename(Path(folder) / "before")
        made.rename(source)


def source_notebook(path: Path) -> str:
    """Read a milestone's notebook in the form in which nbgrader's `source` holds it."""
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    for preprocessor in (ClearHiddenTests(), ClearOutput()):
        preprocessor.preprocess(notebook, {})
    notebook.metadata.kernelspec = dict(KERNEL)
    for cell in notebook.cells:
        # It is one folder nearer to the handout than in the repository.
        cell.source = cell.source.replace("](../", "](")
    return nbformat.writes(notebook) + "\n"
