"""The course folder, the released assignment, and collected submissions without their notebook."""

import ast
import json
import shutil

import pytest

from milestones.course import ROOT, CourseError
from milestones.instructor.gradebook.collecting import mend
from milestones.instructor.gradebook.course_folder import CONFIGURATION_NAME, write_assignment, write_course
from milestones.instructor.release.leaks import SharedLines, check_no_leak
from milestones.instructor.release.stripping import strip_notebook, strip_source
from milestones.instructor.release.template import SHARED_LINES
from milestones.stubs import find_stubs
from tests.course.gradebook.nbgrader_course import (
    MILESTONE,
    NAME,
    graded_cells,
    nbgrader,
    released_notebook,
    write_small_course,
)

pytestmark = pytest.mark.usefixtures("suites_collected_once")


@pytest.mark.slow
def test_released_assignment_of_the_real_course(tmp_path):
    """It has stubs, visible tests, handout and notebook, no line of a solution or of a hidden test, and a deadline."""
    course = write_small_course(tmp_path / "course")
    write_assignment(course, MILESTONE)
    assert not (course / "source" / NAME / "notebooks").exists()
    # A solution that somebody has copied into the folder is stripped, too.
    module = course / "source" / NAME / "speech_enhancement" / "stft.py"
    shutil.copy(ROOT / "speech_enhancement" / "stft.py", module)
    assert nbgrader(course).generate_assignment(NAME)["success"]

    released = course / "release" / NAME
    for name in ("tests/milestone1/test_stft.py", "milestones/milestone1/README.md", "speech_enhancement/unet.py"):
        assert (released / name).is_file()
    assert not (released / "tests" / "milestone2").exists() and not (released / "milestones" / "instructor").exists()
    sources = [*ROOT.glob("speech_enhancement/*.py"), *ROOT.glob("tests/milestone*/*.py")]
    secrets = [secret for path in sources for secret in strip_source(path.read_text("utf-8"), str(path)).secrets]
    notebook = ROOT / "notebooks" / f"{NAME}.ipynb"
    secrets += strip_notebook(notebook.read_text("utf-8"), str(notebook)).secrets
    check_no_leak(released, ROOT, secrets, SharedLines(ROOT / SHARED_LINES))
    text = (released / "speech_enhancement" / "stft.py").read_text("utf-8")
    assert find_stubs(ast.parse(text)) and "raise NotImplementedError()" in text
    with_kernel = released_notebook(course)
    assert with_kernel["metadata"]["kernelspec"]["name"] == "python3"
    assert "](milestones/milestone1/README.md)" in "".join(with_kernel["cells"][0]["source"])
    assert nbgrader(course).get_assignment(NAME)["duedate"].startswith("2027-01-22T22:59:00")


def test_course_refuses_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(CourseError, match=f"one with {CONFIGURATION_NAME}, got another"):
        write_course(tmp_path)


def test_settings_that_were_changed_are_kept(tmp_path):
    course = write_small_course(tmp_path / "course")
    (course / CONFIGURATION_NAME).write_text("c = get_config()  # mine\n")
    shutil.rmtree(course / "source")
    assert write_small_course(course) == course
    assert (course / CONFIGURATION_NAME).read_text().endswith("# mine\n")


def test_source_with_a_kernel_is_not_released(tmp_path):
    """nbgrader could run submissions with it."""
    course = write_small_course(tmp_path / "course")
    path = course / "source" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text("utf-8").replace('"confined-grading"', '"python3"'), encoding="utf-8")
    result = nbgrader(course).generate_assignment(NAME)
    assert not result["success"] and "expected the kernel confined-grading" in result["log"]
    assert not (course / "release" / NAME).exists()


@pytest.fixture
def handed_in(tmp_path):
    """The released notebook, and a submission with it."""
    source = write_small_course(tmp_path / "course") / "source" / NAME / f"{NAME}.ipynb"
    folder = tmp_path / "ada"
    folder.mkdir()
    notebook = json.loads(source.read_text("utf-8"))
    graded_cells(notebook)["answer-1-1"]["source"] = "My answer."
    (folder / source.name).write_text(json.dumps(notebook))
    return source, folder


def test_renamed_notebook_is_taken(handed_in):
    released, folder = handed_in
    (folder / released.name).rename(folder / "mine.ipynb")
    (folder / "other.ipynb").write_text("{}")
    assert mend(folder, released) == "expected milestone1.ipynb, got mine.ipynb, which is graded in its place"
    assert "My answer." in (folder / released.name).read_text() and mend(folder, released) is None


@pytest.mark.parametrize("content", [None, "{}", "no notebook"])
def test_released_notebook_takes_the_place_of_a_lost_one(handed_in, content):
    released, folder = handed_in
    (folder / released.name).unlink()
    if content is not None:
        (folder / released.name).write_text(content)
    assert "without answers" in mend(folder, released)
    text = (folder / released.name).read_text()
    assert "was missing or could not be read" in text and "My answer." not in text
    assert content is None or (folder / f"{released.name}.unreadable").read_text() == content
