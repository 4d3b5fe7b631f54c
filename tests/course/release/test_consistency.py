"""Refusal of a course whose parts do not fit together, with a message that begins with file and line."""

import re

import pytest

from milestones.instructor.release.leaks import RENAMED
from milestones.instructor.release.template import release
from tests.course.mini_course import (
    GAIN,
    HANDOUT,
    MODULE,
    TESTS,
    TOML,
    code_cell,
    notebook,
    refusal,
    replace,
    solution_cell,
)

pytestmark = pytest.mark.usefixtures("suites_collected_once")

TOLD = "*4 points: 2 visible, 2 hidden.*"
QUESTION = '[[answers]]\nid = "answer-1-1"\npoints = 3\nquestion = "Why?"\n\n'
README = RENAMED["README.md"]
BODY = "".join(MODULE.splitlines(keepends=True)[12:16])
BEGIN = "    ### BEGIN SOLUTION\n    reci"
NO_STUB = f"{TOML}:16: expected a stub attenuate with the heading 'Task 1.2.' in {GAIN}, got none"
NO_BODY = "expected a solution that is the body of a function, so that its stub raises NotImplementedError"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Task 1.2. ", "", NO_STUB),
        ("Task 1.2. ", "Task 1.2: ", NO_STUB),
        ("Task 1.2. ", "Task 1.1. ", NO_STUB),
        ("Task 1.2. ", "Task 1.7. ", f"{GAIN}:11: expected a task of a milestone.toml, got 1.7"),
        (BODY, "    return amplify(signal, 1 / gain)\n", f"{GAIN}:11: expected a stub attenuate that raises"),
        (BODY, "    if gain == 1:\n        return signal\n" + BODY, f"{GAIN}:15: {NO_BODY}"),
        (BODY, "    for x in signal:\n" + BODY.replace("    ", " " * 8), f"{GAIN}:14: {NO_BODY}"),
        (BODY, BODY + "    yield signal\n", f"{GAIN}:13: {NO_BODY}"),
        ('"""Louder and softer."""', "### BEGIN SOLUTION\nSCALE = 1\n### END SOLUTION", f"{GAIN}:1: {NO_BODY}"),
        (BODY, "    ((\n" + BODY, f"{GAIN}:13: expected Python, got: "),
        (BEGIN, "    " + BEGIN, f"{GAIN}:14: expected Python when the solutions are taken out, got: unexpected indent"),
    ],
)
def test_stubs(course, old, new, message):
    """A task without a stub, a stub without a task, and a stub that does not raise are refused."""
    replace(course, GAIN, old, new)
    assert refusal(course).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## Task 1.2: Softer", "Softer", f"{TOML}:16: expected a heading '## Task 1.2: ...' in {HANDOUT}, got none"),
        (
            "1.2: Softer",
            "1.2 Softer",
            f"{HANDOUT}:10: expected a heading '## Task 1.1: Title', got '## Task 1.2",
        ),
        (TOLD, "## Task 1.3: More", f"{HANDOUT}:12: expected a heading for each task, got one for 1.3"),
        (TOLD, "## Task 1.1: Again", f"{HANDOUT}:12: expected a heading for each task, got a second one for 1.1"),
    ],
)
def test_headings(course, old, new, message):
    """A task without a heading in the handout and a heading without a task are refused."""
    replace(course, HANDOUT, old, new)
    assert refusal(course).startswith(message)


RULES = [
    ('title = "Gains"', 'title = "Levels"', "the title '# Milestone 1: Levels', got '# Milestone 1: Gains'"),
    ("test = 10", "test = 20", "the words 'A test may take 20 seconds and 0.5 GiB of memory', as in milestone.toml"),
    ("= 512", "= 3072", "the words 'A test may take 10 seconds and 3 GiB of memory', as in milestone.toml, got none"),
    ("submission = 60", "submission = 90", "the words 'all tests together may take 90 seconds'"),
    ("= 0.1,", "= 0.2,", "the words 'Each day, or part of a day, after the deadline costs 20 % of your points', as"),
    ("days = 3", "days = 4", "the words 'after day 4 nothing counts'"),
    ('[[tasks]]\nid = "1.1"', QUESTION + '[[tasks]]\nid = "1.1"', "the words '1 question, each worth 3 points'"),
]


@pytest.mark.parametrize(("old", "new", "expected"), RULES)
def test_handout_tells_the_rules(course, old, new, expected):
    """A title, limit or penalty in the handout that is not that of milestone.toml is refused."""
    replace(course, TOML, old, new)
    assert refusal(course).startswith(f"{HANDOUT}:1: expected {expected}")


@pytest.mark.parametrize("wrong", ["*4 points: 3 visible, 1 hidden.*", "*5 points: 2 visible, 2 hidden.*", ""])
def test_handout_tells_the_points(course, wrong):
    """The line under a task's heading must tell the points of its visible and of its hidden tests."""
    replace(course, HANDOUT, TOLD, wrong)
    assert refusal(course) == f"{HANDOUT}:12: expected '{TOLD}' under the heading, got '{wrong}'"


@pytest.mark.parametrize(
    ("name", "text", "missing"),
    [
        (HANDOUT, "See `docs/corpora.md`.", "docs/corpora.md"),
        (HANDOUT, "Run `python -m bench.loading`.", "bench.loading"),
        (HANDOUT, "See [the tests](../../tests/package).", "../../tests/package"),
        (HANDOUT, "![framing](framing.svg)", "framing.svg"),
        ("speech_enhancement/levels.py", "# Measured in tests/package/test_levels.py.", "tests/package/test_levels.py"),
        ("speech_enhancement/levels.py", "# See speech_enhancement.loudness.", "speech_enhancement.loudness"),
        (README, "Ask `milestones.instructor`.", "milestones.instructor"),
    ],
)
def test_references_to_what_students_do_not_get(course, name, text, missing):
    """A path, link or module that the template lacks is refused, with its place."""
    with (course / name).open("a") as file:
        file.write(f"\n{text}\n")
    line = (course / name).read_text().count("\n")
    assert refusal(course) == f"{name}:{line}: expected a reference to what students get, got {missing}"


def test_references_in_a_notebook(course):
    """Its code and its Markdown are searched, its outputs are not."""
    printed = [{"name": "stdout", "output_type": "stream", "text": ["docs/corpora.md\n"]}]
    text = {"cell_type": "markdown", "metadata": {}, "source": ["See docs/model.md."]}
    (course / "notebooks/a.ipynb").write_text(notebook(code_cell("1", printed), text))
    assert re.match(r"notebooks/a.ipynb:\d+: .* got docs/model.md$", refusal(course))


def test_references_to_what_students_get(course, tmp_path):
    """Files and folders of the template, modules, links and examples of other folders are allowed."""
    with (course / HANDOUT).open("a") as file:
        file.write("See [levels](../../speech_enhancement/levels.py), `speech_enhancement/`, tests/milestone1.\n")
        file.write("`speech_enhancement.levels.QUIET`, `python -m milestones`, `runs/mine`, [a](https://a.b/c)\n")
    with (course / "speech_enhancement/levels.py").open("a") as file:
        file.write("def suite(number):\n    return f'tests/milestone{number}'\n")
    release(tmp_path / "template", root=course)


AMPLIFY = '"1.1", points=2'
HINT = 'category="sizes", hint="Does it work for one sample?"'
DOCSTRING = '    """Silence stays silence."""\n'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            AMPLIFY,
            '"1.7", points=2',
            f"{TESTS}:8: expected a task of milestone 1, got 1.7 (test_gain.py::test_",
        ),
        (AMPLIFY, '"1.2", points=2', f"{TOML}:10: expected a visible test of task 1.1 in tests/milestone1, got none"),
        (AMPLIFY, '"1.1", points=1', f"{TOML}:10: expected points = 2, the sum of its tests, for task 1.1, got 3"),
        (AMPLIFY, '"1.1", points=2, hint="?"', f"{TESTS}:8: expected the hidden test test_gain.py::test_amplify after"),
        (HINT, "", f"{TESTS}:33: expected a marker with hint= on the hidden test test_gain.py::test_one_sample, got"),
        ('category="sizes", ', "", f"{TESTS}:33: expected a category among sizes, dtypes and devices, edge cases, "),
        (DOCSTRING, "", f"{TESTS}:20: expected a docstring that students read, got none (test_gain.py::test_silence)"),
    ],
)
def test_tests(course, old, new, message):
    """Tests without a task, tasks without a test, wrong points and hidden tests outside their markers are refused."""
    replace(course, TESTS, old, new)
    assert refusal(course).startswith(message)


def test_points_of_parameter_sets_count_each(course):
    """Two sets of a test with one point are two points."""
    two = '@pytest.mark.parametrize("gain", [1, 2])\ndef test_silence(gain):'
    replace(course, TESTS, "def test_silence():", two)
    assert refusal(course).startswith(f"{TOML}:16: expected points = 5, the sum of its tests, for task 1.2, got 4")


def test_module_of_a_task_is_missing(course):
    (course / GAIN).unlink()
    assert refusal(course) == f"{GAIN}:1: expected the module of a task, got none"


def test_tests_that_need_a_hidden_line(course):
    """A test file must still be valid Python without its hidden tests."""
    replace(course, TESTS, "### BEGIN HIDDEN TESTS\n", "LEVELS = [\n    ### BEGIN HIDDEN TESTS\n    1,\n]\n")
    assert refusal(course).startswith(f"{TESTS}:26: expected Python when the hidden tests are taken out, got: ")


def graded_cells(*marks):
    cells = [
        solution_cell("True", grade=True, solution=False, grade_id=grade_id, points=points)
        for grade_id, points in marks
    ]
    return notebook(*cells)


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([("task-1-1", 3), ("task-1-2", 5)], "expected 4 points of task-1-2, got 5"),
        ([("task-1-1", 3)], "expected a graded cell task-1-2, got none"),
        (
            [("task-1-1", 3), ("task-1-2", 4), ("task-1-3", 1)],
            "expected one graded cell for each task and question, got task-1-3",
        ),
        (
            [("task-1-1", 3), ("task-1-1", 3), ("task-1-2", 4)],
            "expected one graded cell for each task and question, got task-1-1",
        ),
        ([("task-1-1", 3), ("task-1-2", 4)], None),
    ],
)
def test_graded_notebook(course, tmp_path, marks, message):
    """Its ids and points are those of milestone.toml."""
    (course / "notebooks" / "milestone1.ipynb").write_text(graded_cells(*marks))
    if message is None:
        release(tmp_path / "template", root=course)
    else:
        assert refusal(course) == f"notebooks/milestone1.ipynb:1: {message}"


def test_questions_count_too(course):
    (course / "notebooks" / "milestone1.ipynb").write_text(graded_cells(("task-1-1", 3), ("task-1-2", 4)))
    with (course / TOML).open("a") as file:
        file.write("\n" + QUESTION)
    with (course / HANDOUT).open("a") as file:
        file.write("There is 1 question, each worth 3 points.\n")
    assert refusal(course) == "notebooks/milestone1.ipynb:1: expected a graded cell answer-1-1, got none"
