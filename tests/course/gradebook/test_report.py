"""Milestone 3 in nbgrader: its report is graded by hand, and its model by another command."""

import pytest

from milestones.course import load_milestone
from milestones.instructor.gradebook import service_client
from tests.course.gradebook.nbgrader_course import (
    grade_by_hand,
    graded_cells,
    nbgrader,
    points,
    released_notebook,
    submission,
    write_small_course,
    write_submission,
)

MILESTONE = load_milestone(3)
NAME = "milestone3"
SECTIONS = [answer.id for answer in MILESTONE.answers]
IN_TIME = "2027-03-01 10:00:00.000000 UTC"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose third assignment is released, and whose service fails if it is asked for anything."""
    course = write_small_course(tmp_path_factory.mktemp("nbgrader") / "course", NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_client, "grade", lambda *_: pytest.fail("expected no grading of tests, got a request"))
        result = nbgrader(course).generate_assignment(NAME)
        assert result["success"], result["log"]
        yield course


def autograde(course, student):
    result = nbgrader(course).autograde(NAME, student)
    assert result["success"], result["log"]
    return points(course, student, NAME)


def test_sections_of_the_report_wait_for_a_person(course):
    """One that is left as it was handed out has no points; points by hand count, and the archive stays beside them."""
    notebook = released_notebook(course, NAME)
    graded_cells(notebook)[SECTIONS[0]]["source"] = "Does a larger network help?"
    folder = course / "submitted" / "ada" / NAME
    write_submission(folder, f"{NAME}.ipynb", notebook, {}, IN_TIME)
    (folder / "submission.zip").write_bytes(b"an archive")
    assert autograde(course, "ada") == {SECTIONS[0]: None} | dict.fromkeys(SECTIONS[1:], 0)
    grade_by_hand(course, "ada", SECTIONS[0], 6.5, NAME)
    with submission(course, "ada", NAME) as graded:
        assert graded.score == 6.5
        assert graded.max_score == sum(answer.points for answer in MILESTONE.answers)
    assert (course / "autograded" / "ada" / NAME / "submission.zip").read_bytes() == b"an archive"


def test_a_renamed_report_is_found(course):
    """Nbgrader would pass over a submission without a notebook of the assignment's name."""
    notebook = released_notebook(course, NAME)
    graded_cells(notebook)[SECTIONS[1]]["source"] = "Three networks."
    write_submission(course / "submitted" / "ben" / NAME, "report.ipynb", notebook, {}, IN_TIME)
    assert autograde(course, "ben")[SECTIONS[1]] is None
