"""The archive that is handed in: complete, importable, nothing else, and the same bytes each time."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import pytest

from milestones.course import CourseError
from milestones.instructor.release.template import release
from milestones.submit import submit
from tests.course.mini_course import BODIES, TOML, replace, write_course

GAIN = "speech_enhancement/gain.py"
STUB = "    # YOUR CODE HERE\n    raise NotImplementedError()\n"
BOTH_STUBS = f'louder."""\n{STUB}\n\ndef attenuate(signal, gain):\n    """Task 1.2. Make a signal softer."""\n{STUB}'


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("submit")
    release(folder / "template", root=write_course(folder / "course"))
    return {path.relative_to(folder / "template"): path for path in (folder / "template").rglob("*") if path.is_file()}


@pytest.fixture
def template(untouched, tmp_path):
    """The template of the small course, in a folder of its own."""
    for name, path in untouched.items():
        (tmp_path / "template" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "template" / name).write_bytes(path.read_bytes())
    return tmp_path / "template"


def test_archive_holds_the_package_alone(template, capsys):
    """It has modules that a student added, but no weights, caches, hidden files or tests; the hash is printed."""
    for name in (
        "weights/a.ckpt",
        "__pycache__/gain.cpython-311.pyc",
        ".gain.py",
        ".hidden/x.py",
        "filters/mine.py",
    ):
        (template / "speech_enhancement" / name).parent.mkdir(exist_ok=True)
        (template / "speech_enhancement" / name).write_text("")
    (template / "conftest.py").write_text("")
    submit(1, template / "submission.zip", template)
    with zipfile.ZipFile(template / "submission.zip") as archive:
        names = ["__init__.py", "filters/mine.py", "gain.py", "levels.py"]
        assert archive.namelist() == [f"speech_enhancement/{name}" for name in names]
        assert archive.read(GAIN) == (template / GAIN).read_bytes()
    said = capsys.readouterr().out
    assert hashlib.sha256((template / "submission.zip").read_bytes()).hexdigest() in said
    assert "packed: speech_enhancement/gain.py and 3 other modules" in said


def test_same_sources_give_the_same_bytes(template, tmp_path):
    """An earlier archive is replaced."""
    out = tmp_path / "submission.zip"
    out.write_text("earlier")
    submit(1, out, template)
    first = out.read_bytes()
    os.utime(template / GAIN, (10**9, 10**9))
    (template / GAIN).chmod(0o600)
    submit(1, out, template)
    assert out.read_bytes() == first != b"earlier"


def test_stubs_that_are_left_are_told(template, tmp_path, capsys):
    submit(1, tmp_path / "a.zip", template)
    assert "warning: 2 of 2 tasks of milestone 1 are not implemented: 1.1, 1.2" in capsys.readouterr().out
    solved = BOTH_STUBS.replace(STUB, BODIES["amplify"], 1)
    replace(template, GAIN, BOTH_STUBS, solved)
    submit(1, tmp_path / "a.zip", template)
    assert "warning: 1 of 2 tasks of milestone 1 are not implemented: 1.2\n" in capsys.readouterr().out
    replace(template, GAIN, STUB, BODIES["attenuate"])
    submit(1, tmp_path / "a.zip", template)
    assert "warning" not in capsys.readouterr().out


NOTEBOOK = "notebooks/milestone1.ipynb"
QUESTIONS = "".join(f'[[answers]]\nid = "{name}"\npoints = 3\nquestion = "Why?"\n' for name in ("why", "how"))


def answering(**answers):
    """A notebook with a cell for each answer."""
    mark = {"grade": True, "solution": True}
    cells = [{"metadata": {"nbgrader": mark | {"grade_id": name}}, "source": [text]} for name, text in answers.items()]
    return json.dumps({"cells": [{"metadata": {}, "source": []}, *cells]})


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (answering(why="Because.", how="So."), None),
        (answering(why="YOUR ANSWER HERE\n", how="So."), "warning: 1 of 2 answers are missing: 1\n"),
        (answering(why=" "), "warning: 2 of 2 answers are missing: 1, 2\n"),
        ("{", f"warning: {NOTEBOOK}: expected the notebook with your answers, got none that can be read\n"),
        (None, f"warning: {NOTEBOOK}: expected the notebook with your answers, got none that can be read\n"),
    ],
)
def test_reminds_of_the_notebook(template, tmp_path, capsys, text, warning):
    """The notebook with the answers is handed in too; answers that are missing are told, and the archive is written."""
    with (template / TOML).open("a") as file:
        file.write(QUESTIONS)
    if text is not None:
        (template / NOTEBOOK).write_text(text)
    submit(1, tmp_path / "a.zip", template)
    said = capsys.readouterr().out
    assert f"hand in both: this archive, and {NOTEBOOK} with your answers to its 2 questions\n" in said
    assert said.endswith(warning or "questions\n") and (tmp_path / "a.zip").exists()


def test_no_notebook_without_questions(template, tmp_path, capsys):
    submit(1, tmp_path / "a.zip", template)
    assert "hand in" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (None, None, "expected the module of milestone 1, got none"),
        ("def attenuate(", "def attenuate", ":10: expected Python, got: unmatched ')'"),
        ("def attenuate(", "def soften(", ": expected attenuate in it, got none of that name"),
        (
            '"""Louder and softer."""',
            "import nowhere",
            ": expected a module that can be imported, got Mod",
        ),
        (
            '"""Louder and softer."""',
            "import setup_of_mine",
            ": expected a module that can be imported, got Mod",
        ),
        ('"""Louder and softer."""', "raise SystemExit", ": expected a module that can be imported, got Sys"),
    ],
)
def test_what_is_incomplete_is_refused(template, tmp_path, old, new, message):
    """Files beside the package cannot be imported, since they are not handed in; an earlier archive is kept."""
    (template / "setup_of_mine.py").write_text("")
    out = tmp_path / "submission.zip"
    out.write_text("earlier")
    if old is None:
        (template / GAIN).unlink()
    else:
        replace(template, GAIN, old, new)
    with pytest.raises(CourseError) as caught:
        submit(1, out, template)
    assert str(caught.value).startswith(GAIN) and message in str(caught.value)
    assert out.read_text() == "earlier" and sorted(tmp_path.iterdir()) == [out, template]


@pytest.mark.parametrize("name", ["", "nowhere/a.zip"])
def test_a_place_that_holds_no_archive_is_refused(template, tmp_path, name):
    with pytest.raises(CourseError, match=f"^--out: expected a file in a folder that is there, got {tmp_path / name}$"):
        submit(1, tmp_path / name, template)


def test_module_that_ends_the_process_is_refused(template, tmp_path):
    replace(template, GAIN, '"""Louder and softer."""', "import os\nos._exit(0)")
    with pytest.raises(CourseError, match="expected modules that can be imported, got a process that ended with 0"):
        submit(1, tmp_path / "a.zip", template)


def test_import_that_hangs_is_refused(template, tmp_path, monkeypatch):
    monkeypatch.setattr("milestones.packing.SECONDS_TO_IMPORT", 1)
    replace(template, GAIN, '"""Louder and softer."""', "import time\ntime.sleep(30)")
    with pytest.raises(CourseError, match="imported within 1 seconds"):
        submit(1, tmp_path / "a.zip", template)


def test_import_that_asks_for_input_is_refused(template, tmp_path, monkeypatch):
    """It does not wait for an answer, even with an open terminal."""
    monkeypatch.setattr("milestones.packing.SECONDS_TO_IMPORT", 5)
    replace(template, GAIN, '"""Louder and softer."""', "input('Gain? ')")
    before, (reading, writing) = os.dup(0), os.pipe()
    os.dup2(reading, 0)
    try:
        with pytest.raises(CourseError, match="expected a module that can be imported, got EOFError"):
            submit(1, tmp_path / "a.zip", template)
    finally:
        os.dup2(before, 0)
        for descriptor in (before, reading, writing):
            os.close(descriptor)


def test_links_are_refused(template, tmp_path):
    (template / "speech_enhancement" / "mine.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(CourseError, match=r"speech_enhancement/mine.py: expected a file, got a link"):
        submit(1, tmp_path / "a.zip", template)


def test_command_of_the_template(template):
    """A student's template offers `submit` alone; an error is one line and exit status 1."""
    words = [sys.executable, "-m", "milestones"]
    done = subprocess.run([*words, "submit", "1"], cwd=template, capture_output=True, text=True)
    assert done.returncode == 0 and (template / "submission.zip").is_file(), done.stderr
    failed = subprocess.run([*words, "submit", "4"], cwd=template, capture_output=True, text=True)
    assert failed.returncode == 1 and failed.stderr == "error: milestone: expected one of 1, got 4\n"
    offered = subprocess.run([*words, "--help"], cwd=template, capture_output=True, text=True).stdout
    assert "submit" in offered and "release" not in offered and "grade" not in offered
