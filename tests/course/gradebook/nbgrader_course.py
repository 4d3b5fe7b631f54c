"""A course folder with the real notebook of milestone 1, and nbgrader driven within this process."""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader

from milestones.course import ROOT, load_milestone
from milestones.instructor.gradebook.course_folder import source_notebook, write_configuration

MILESTONE = load_milestone(1)
NAME = "milestone1"
STUB = "def stft():\n    raise NotImplementedError()\n"


def write_small_course(course, name=NAME):
    """Write a course folder with a milestone's notebook and one module, configured as the command `course` does."""
    source = course / "source" / name
    (source / "speech_enhancement").mkdir(parents=True)
    (source / "speech_enhancement" / "stft.py").write_text(STUB)
    (source / f"{name}.ipynb").write_text(source_notebook(ROOT / "notebooks" / f"{name}.ipynb"), encoding="utf-8")
    write_configuration(course)
    return course


def nbgrader(course):
    """Make nbgrader's interface in the form in which the form grader uses it."""
    application = NbGrader(load_cwd_config=False, config_dir=str(course / "nowhere"))
    # nbgrader calls alembic, a script that is installed beside Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    application.initialize([], root=str(course))
    return NbGraderAPI(application.coursedir, parent=application)


def released_notebook(course, name=NAME):
    return json.loads((course / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8"))


def hand_in(course, student, notebook, stamp="2027-01-10 10:00:00.000000 UTC"):
    """Put a submission where `nbgrader collect` would."""
    folder = course / "submitted" / student / NAME
    write_submission(folder, f"{NAME}.ipynb", notebook, {"stft.py": f"# {student}\n{STUB}"}, stamp)
    return folder


def write_submission(folder, name, notebook, modules, stamp):
    """Write a submission: a notebook with its name, the modules of the package if there are any, and the time."""
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps(notebook), encoding="utf-8")
    (folder / "timestamp.txt").write_text(stamp)
    for module, text in modules.items():
        path = folder / "speech_enhancement" / module
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def graded_cells(notebook):
    """The cells of a notebook by nbgrader's id."""
    marks = ((cell["metadata"].get("nbgrader", {}).get("grade_id"), cell) for cell in notebook["cells"])
    return {grade_id: cell for grade_id, cell in marks if grade_id}


@contextmanager
def submission(course, student, name=NAME):
    """The submission in the gradebook."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        yield gradebook.find_submission_notebook(name, name, student)


def grade_by_hand(course, student, cell, score, name=NAME):
    """Enter points as the form grader does."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade(cell, name, name, student).manual_score = score
        gradebook.db.commit()


def points(course, student, name=NAME):
    """The automatic points of each graded cell."""
    with submission(course, student, name) as notebook:
        return {grade.name: grade.auto_score for grade in notebook.grades}
