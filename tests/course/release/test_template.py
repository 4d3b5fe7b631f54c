"""The student's template of a small course, and the courses that are refused."""

import json
import os
import re
import shutil
import subprocess
import sys

from milestones.instructor.configuration import COMMANDS
from milestones.instructor.release.template import release
from tests.course.mini_course import GAIN, HANDOUT, MODULE, ROOT, TESTS, TOML, contents, refusal


def test_template(course, tmp_path):
    """Solutions, hidden tests, their outputs and the instructors' tools are gone; everything else is there."""
    (course / "tests" / "package").mkdir()
    (course / "tests" / "package" / "test_kit.py").write_text("")
    for cache in (f"speech_enhancement/__pycache__/{GAIN[19:]}c", "notebooks/.ipynb_checkpoints/lecture.ipynb"):
        (course / cache).parent.mkdir()
        (course / cache).write_text(MODULE)
    out = tmp_path / "template"
    out.mkdir()
    release(out, root=course)
    stub = "    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    expected = re.sub(r" +### BEGIN SOLUTION\n.*?### END SOLUTION\n", stub, MODULE, flags=re.DOTALL)
    assert (out / GAIN).read_text() == expected
    assert (out / TESTS).read_text().endswith("    assert attenuate([], 2) == []\n\n\n")
    cells = json.loads((out / "notebooks/lecture.ipynb").read_text())["cells"]
    assert [cell["id"] for cell in cells] == ["cell-0", "cell-1"]
    assert "".join(cells[1]["source"]) == "# YOUR CODE HERE\nraise NotImplementedError()\nloudness"
    assert cells[1]["outputs"] == [] and cells[1]["execution_count"] is None and cells[0]["execution_count"] == 7
    assert "submission.zip" in (out / "README.md").read_text()
    setup = (out / "setup.cfg").read_text()
    assert "nbgrader" not in setup and "audiomentations" not in setup and "student =\n    pytest\n" in setup
    names = {name for name in contents(out) if (out / name).is_file()}
    assert {TOML, HANDOUT, "tests/conftest.py", "milestones/pytest_plugin.py", "speech_enhancement/levels.py"} <= names
    unwanted = r"package|instructor|shared_lines|__pycache__|checkpoints"
    assert not [name for name in names if re.search(unwanted, name)]


def test_same_source_gives_the_same_bytes(course, tmp_path):
    """Neither the order in which the file system lists the files nor their modes and times matter."""
    copy = tmp_path / "copy"
    for path in sorted(course.rglob("*"), reverse=True):
        target = copy / path.relative_to(course)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copyfile(path, target)
            target.chmod(0o600)
    release(tmp_path / "one", root=course)
    before = os.umask(0o077)
    try:
        release(tmp_path / "two", root=copy)
    finally:
        os.umask(before)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_only_the_milestones_asked_for(course, tmp_path):
    """Tests, handouts and notebooks of later milestones are not released."""
    for folder in ("milestones", "tests"):
        shutil.copytree(course / folder / "milestone1", course / folder / "milestone2")
    toml = course / "milestones/milestone2/milestone.toml"
    toml.write_text(toml.read_text().replace('"1.', '"2.').replace("number = 1", "number = 2"))
    shutil.copyfile(course / "notebooks/lecture.ipynb", course / "notebooks/milestone2.ipynb")
    release(tmp_path / "template", 1, course)
    assert not list((tmp_path / "template").glob("*/milestone2*"))


def test_nothing_is_overwritten(course, tmp_path):
    (tmp_path / "template").mkdir()
    (tmp_path / "template" / "mine.py").write_text("")
    assert "expected an empty or new folder, got one that holds something" in refusal(course)


def test_links_are_refused(course, tmp_path):
    """A link may point at anything."""
    (course / "notebooks" / "slides.pdf").symlink_to(tmp_path)
    assert refusal(course) == "notebooks/slides.pdf:1: expected a file or a folder, got a link or a device"


def commands(folder):
    """Return the names of the commands that `python -m milestones` offers in a folder."""
    words = [sys.executable, "-m", "milestones", "--help"]
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return re.search(r"\{(.*)\}", result.stdout)[1].split(",")


def test_students_have_one_command(course, tmp_path):
    """A template offers `submit` alone, although an editable installation would add the instructors' tools."""
    release(tmp_path / "template", root=course)
    lent = subprocess.run([sys.executable, "-c", "import milestones.instructor"], cwd=tmp_path / "template")
    assert lent.returncode == 0, "expected an interpreter in which this repository is installed in editable mode"
    assert commands(tmp_path / "template") == ["submit"]


def test_instructors_have_all_commands(tmp_path):
    """This repository offers the instructors' commands too, from any folder."""
    assert {"release", "grade"} < COMMANDS.keys()
    assert commands(ROOT) == commands(tmp_path) == ["submit", *COMMANDS]
