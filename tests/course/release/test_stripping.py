"""Refusal of wrong markers, in modules, test files and notebooks alike."""

import pytest

from tests.course.mini_course import GAIN, TESTS, code_cell, notebook, refusal, replace, solution_cell

BEGIN = "### BEGIN SOLUTION\n    reci"


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
    """A marker without a partner, one within another region and a misspelled one are refused."""
    replace(course, name, old, new)
    assert refusal(course).startswith(f"{name}:{message}")


PLAIN = notebook(code_cell("1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (notebook(code_cell("1"), solution_cell("### BEGIN SOLUTION\nx")), "35: expected ### END SOLUTION after it"),
        (
            notebook(code_cell("### BEGIN SOLUTION\nx\n### END SOLUTION")),
            "9: expected nbgrader's metadata solution: true",
        ),
        ("{\n]", "2: expected a notebook, got"),
        (PLAIN.replace('"nbformat": 4', '"nbformat": 3'), "1: expected a notebook, got: format 3, not 4"),
        (
            PLAIN.replace('"metadata": {},\n "nb', '"metadata": {"kernelspec": {"language": "go"}},\n "nb'),
            "1: expected what",
        ),
    ],
)
def test_notebooks(course, text, message):
    """A file that is no notebook, or none that nbgrader can strip, is refused."""
    (course / "notebooks" / "a.ipynb").write_text(text)
    assert refusal(course).startswith(f"notebooks/a.ipynb:{message}")


def test_other_encodings(course):
    (course / "speech_enhancement" / "levels.py").write_bytes(b"QUIET = 0.1\n# \xe9\n")
    assert refusal(course) == "speech_enhancement/levels.py:2: expected UTF-8, got b'\\xe9'"
