"""Markers that are wrong are refused, in modules, test files and notebooks alike."""

import pytest

from tests.course.mini_course import code_cell, notebook, refusal, replace, solution_cell, write_course

GAIN = "speech_enhancement/gain.py"
TESTS = "tests/milestone1/test_gain.py"
BEGIN = "### BEGIN SOLUTION\n    reci"


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path / "course")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (GAIN, "### END SOLUTION\n\n\n", "\n\n\n", "13: expected ### END SOLUTION first, got ### BEGIN SOLUTION"),
        (GAIN, "    reci", f"    {BEGIN}", "14: expected ### END SOLUTION first, got ### BEGIN SOLUTION"),
        (GAIN, "ocal)\n    ### END SOLUTION", "ocal)", "13: expected ### END SOLUTION after it, got the end"),
        (GAIN, BEGIN, "reci", "15: expected ### BEGIN SOLUTION before it, got ### END SOLUTION"),
        (GAIN, BEGIN, BEGIN.replace("###", "##"), "13: expected ### BEGIN SOLUTION, got ## BEGIN"),
        (GAIN, BEGIN, BEGIN.replace("TION", "TON"), "13: expected ### BEGIN SOLUTION, got ### BEGIN SOLUTON"),
        (GAIN, BEGIN, BEGIN.lower(), "13: expected ### BEGIN SOLUTION, got ### begin"),
        (GAIN, "1 / gain", "1 / gain ### END SOLUTION", "14: expected ### END SOLUTION, got reciprocal"),
        (TESTS, "### BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TEST", "26: expected ### BEGIN HIDDEN TESTS, got ### B"),
        (TESTS, "### BEGIN HIDDEN TESTS\n", "", "36: expected ### BEGIN HIDDEN TESTS before it, got ### END"),
        (TESTS, "### END HIDDEN TESTS", "### END SOLUTION", "37: expected ### END HIDDEN TESTS, got ### END SOLUTION"),
    ],
)
def test_markers(course, name, old, new, message):
    """One without a partner, one within another region, and one that is misspelled."""
    replace(course, name, old, new)
    assert refusal(course).startswith(f"{name}:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            notebook(code_cell("1"), solution_cell("### BEGIN SOLUTION\nx")),
            "notebooks/a.ipynb:35: expected ### END SOLUTION",
        ),
        (
            notebook(code_cell("### BEGIN SOLUTION\nx\n### END SOLUTION")),
            "notebooks/a.ipynb:9: expected nbgrader's metadata",
        ),
        ("{\n]", "notebooks/a.ipynb:2: expected a notebook, got"),
    ],
)
def test_notebooks_that_cannot_be_stripped_are_refused(course, text, message):
    (course / "notebooks" / "a.ipynb").write_text(text)
    assert refusal(course).startswith(message)
