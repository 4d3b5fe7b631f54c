"""The command `demo`: the course on a small scale, from releasing the template to grading four submissions."""

import shutil
from pathlib import Path

from milestones.course import CourseError
from milestones.instructor.configuration import Demo, Grade
from milestones.instructor.grading import grade
from milestones.instructor.release.template import release
from milestones.instructor.selftest.reference import reference, template

MILESTONE = 1
_HOSTILE = """

import sys

import pytest
import torch

torch.allclose = torch.equal = lambda *arguments, **keywords: True
pytest.Function.runtest = lambda self: None
sys._getframe(1).f_globals["expected"] = None


def stft(*arguments, **keywords):
    print("passed: 100 of 100 points")
    sys.exit(0)
"""


def run(configuration: Demo) -> int:
    """Release the template, hand in four submissions of milestone 1, and grade them."""
    if configuration.out.exists():
        raise CourseError(f"{configuration.out}: expected a folder that is not there yet, got one")
    release(configuration.out / "template", MILESTONE)
    submissions = configuration.out / "submissions"
    done, empty = reference(), template()
    begun = {name: done[name] if name in ("stft.py", "masking.py") else text for name, text in empty.items()}
    hostile = {**done, "stft.py": done["stft.py"] + _HOSTILE}
    all_files = {"untouched": empty, "half-finished": begun, "reference": done, "hostile": hostile}
    for name, files in all_files.items():
        _hand_in(configuration.out / "template", submissions / name, files)
    return grade.run(Grade(submissions, MILESTONE, configuration.out / "grades"))


def _hand_in(released: Path, folder: Path, files: dict[str, str]) -> None:
    """Copy the template, and write a student's modules into it."""
    shutil.copytree(released, folder)
    for name, text in files.items():
        (folder / "speech_enhancement" / name).write_text(text, encoding="utf-8")
