"""Fingerprints: whatever decides a grade changes them, and nothing else does."""

import pytest

from milestones.course import load_course
from milestones.instructor import fingerprints
from tests.course.mini_course import write_course


@pytest.mark.parametrize(
    ("file", "decides"),
    [
        ("milestones/course.py", True),
        ("milestones/instructor/records.py", True),
        ("milestones/instructor/sandbox/judge.py", True),
        ("speech_enhancement/files/path_list.py", True),
        ("speech_enhancement/gain.py", False),
        ("milestones/instructor/reports/reports.py", False),
    ],
)
def test_files_that_decide_a_grade_count(tmp_path, monkeypatch, file, decides):
    """A student's own module comes with the submission."""
    root = write_course(tmp_path / "course")
    monkeypatch.setattr(fingerprints, "ROOT", root)
    monkeypatch.setattr(fingerprints, "load_course", lambda: load_course(root))
    before = fingerprints.of_environment()
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    with (root / file).open("a") as changed:
        changed.write("\nx = 1\n")
    assert (fingerprints.of_environment() != before) == decides


@pytest.mark.parametrize("library", ["torchmetrics", "safetensors"])
def test_libraries_count_whether_they_are_installed_or_not(monkeypatch, library):
    version = fingerprints.importlib.metadata.version
    before = fingerprints.of_environment()

    def changed(name):
        if name == library:
            raise fingerprints.importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(fingerprints.importlib.metadata, "version", changed)
    assert fingerprints.of_environment() != before
