"""A course with one module and two tasks, small enough to be released in a moment."""

import json
import shutil
from pathlib import Path

import pytest

from milestones.course import CourseError
from milestones.instructor.release.leaks import RENAMED
from milestones.instructor.release.template import release

ROOT = Path(__file__).parents[2]
COPIED = ("milestones/[!m]*.py", "milestones/model_terms.py", "tests/*.py", "setup.cfg")
"""Files of this repository without which the small course is none; it has no model to load or to score."""

GAIN = "speech_enhancement/gain.py"
TESTS = "tests/milestone1/test_gain.py"
TOML = "milestones/milestone1/milestone.toml"
HANDOUT = "milestones/milestone1/README.md"

MODULE = '''"""Louder and softer."""


def amplify(signal, gain):
    """Task 1.1. Make a signal louder."""
    ### BEGIN SOLUTION
    return [gain * sample for sample in signal]
    ### END SOLUTION


def attenuate(signal, gain):
    """Task 1.2. Make a signal softer."""
    ### BEGIN SOLUTION
    reciprocal = 1 / gain
    return amplify(signal, reciprocal)
    ### END SOLUTION
'''

BODIES = {
    "amplify": "    return [gain * sample for sample in signal]\n",
    "attenuate": "    return amplify(signal, 1 / gain)\n",
}
"""Solutions as a student may write them."""

TEST_FILE = '''"""Tasks 1.1 and 1.2."""

import pytest

from speech_enhancement.gain import amplify, attenuate


@pytest.mark.task("1.1", points=2)
def test_amplify():
    """Each sample is multiplied by the gain."""
    assert amplify([1, 2], 3) == [3, 6]


@pytest.mark.task("1.2", points=1)
def test_attenuate():
    """Each sample is divided by the gain."""
    assert attenuate([4, 2], 2) == [2, 1]


@pytest.mark.task("1.2", points=1)
def test_silence():
    """Silence stays silence."""
    assert attenuate([], 2) == []


### BEGIN HIDDEN TESTS
@pytest.mark.task("1.1", points=1, category="edge cases", hint="What of a gain of 0?")
def test_zero():
    """A gain of 0 gives silence."""
    assert amplify([12, 34], 0) == [0, 0]


@pytest.mark.task("1.2", points=2, category="sizes", hint="Does it work for one sample?")
def test_one_sample():
    """One sample is divided too."""
    assert attenuate([1234], 2) == [617]
### END HIDDEN TESTS
'''

MILESTONE = """number = 1
title = "Gains"
deadline = 2027-01-22T23:59:00+01:00
seconds_per_test = 10
seconds_per_submission = 60
memory_mebibytes = 512
late = {share_per_day = 0.1, days = 3}

[[tasks]]
id = "1.1"
name = "gain.amplify"
points = 3
depends = []

[[tasks]]
id = "1.2"
name = "gain.attenuate"
points = 4
depends = ["1.1"]
"""

HANDOUT_TEXT = """# Milestone 1: Gains

A test may take 10 seconds and 0.5 GiB of memory; all tests together may take 60 seconds.
Each day, or part of a day, after the deadline costs 10 % of your points; after day 3 nothing counts.

## Task 1.1: Louder

*3 points: 2 visible, 1 hidden.*

## Task 1.2: Softer

*4 points: 2 visible, 2 hidden.*
"""

SOLUTION_LINE = "return [gain * sample for sample in signal]"
HIDDEN_LINE = "assert attenuate([1234], 2) == [617]"


def solution_cell(source, **metadata):
    """Make a code cell that nbgrader takes for a solution, with an output."""
    nbgrader = {
        "grade": False,
        "grade_id": "own",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    output = {"name": "stdout", "output_type": "stream", "text": ["what the solution prints\n"]}
    return code_cell(source, [output], nbgrader=nbgrader | metadata)


def code_cell(source, outputs=(), **metadata):
    """Make a code cell that was executed."""
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": 7, "metadata": metadata, "outputs": list(outputs), "source": lines}


def notebook(*cells):
    """Write the text of a notebook whose cells have no ids."""
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def write_course(root):
    """Write the course into a folder that does not exist yet, and return the folder."""
    contents = {
        "speech_enhancement/__init__.py": "",
        GAIN: MODULE,
        "milestones/model_submission.py": "submit_model = None\n",
        "speech_enhancement/levels.py": "QUIET = 0.1\n",
        TESTS: TEST_FILE,
        TOML: MILESTONE,
        HANDOUT: HANDOUT_TEXT,
        "milestones/instructor/release/shared_lines.toml": "anywhere = []\n[files]\n",
        "notebooks/lecture.ipynb": notebook(
            code_cell("print('hello')"),
            solution_cell("### BEGIN SOLUTION\nloudness = sum(abs(x) for x in range(10))\n### END SOLUTION\nloudness"),
        ),
        "README.md": "For instructors.\n",
        RENAMED["README.md"]: "Hand in submission.zip.\n",
    }
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for source in (path for pattern in COPIED for path in ROOT.glob(pattern)):
        path = root / source.relative_to(ROOT)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    return root


def replace(root, name, old, new):
    """Replace a text in a file of the course, which must hold it exactly once."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def contents(root):
    """Read bytes and mode of every file and folder in a folder."""
    paths = sorted(root.rglob("*"))
    return {str(p.relative_to(root)): (p.stat().st_mode, p.read_bytes() if p.is_file() else None) for p in paths}


def refusal(course):
    """Return the message with which a course is refused; nothing may be left in the place of the template."""
    before = sorted(course.parent.iterdir())
    with pytest.raises(CourseError) as caught:
        release(course.parent / "template", root=course)
    assert sorted(course.parent.iterdir()) == before
    (line,) = str(caught.value).splitlines()
    return line
