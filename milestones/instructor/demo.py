"""The command `demo`: the course on a small scale, from releasing the template to the board of its models."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from milestones.course import PACKAGE, CourseError
from milestones.instructor import grade
from milestones.instructor.board import board
from milestones.instructor.configuration import Board, Demo, Grade
from milestones.instructor.release.template import release
from milestones.instructor.selftest import model_attacks
from milestones.instructor.selftest.reference import reference, template
from milestones.model_submission import contents_of, submit_model
from milestones.packing import packed
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.registry import build
from speech_enhancement.systems.system import System

MILESTONE, MILESTONE_OF_MODELS = 1, 3
N_HIDDEN = 6
ATTACK = "clean-files"
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
    """Release the template, hand in and grade four submissions of milestone 1 and four models, and write the board."""
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
    status = grade.run(Grade(submissions, MILESTONE, configuration.out / "grades"))
    return _grade_models(configuration) or status


def _hand_in(released: Path, folder: Path, files: dict[str, str]) -> None:
    """Copy the template, and write a student's modules into it."""
    shutil.copytree(released, folder)
    for name, text in files.items():
        (folder / "speech_enhancement" / name).write_text(text, encoding="utf-8")


def _grade_models(configuration: Demo) -> int:
    """Hand in an untrained model, a trained one, the shipped one and an attack, grade them, and write the board."""
    out = configuration.out / "milestone3"
    submissions, hidden = out / "submissions", out / "hidden"
    submissions.mkdir(parents=True)
    names = sorted(path.name for path in (configuration.pairs / "clean").iterdir())[:N_HIDDEN]
    for kind in ("noisy", "clean"):
        _copy(configuration.pairs / kind, hidden / kind, names)
    torch.manual_seed(0)
    runs = {
        "untrained": _run_of(build("unet"), out / "runs" / "untrained"),
        "trained": configuration.run,
        "shipped": _run_of(load_model(), out / "runs" / "shipped"),
    }
    for name, run_folder in runs.items():
        submit_model(MILESTONE_OF_MODELS, run_folder, submissions / f"{name}.zip", check=False)
    _hand_in_attack(runs["untrained"], submissions / "attack.zip", hidden)
    grades = out / "grades"
    status = grade.run(Grade(submissions, MILESTONE_OF_MODELS, grades, recordings=hidden))
    return board.run(Board(out / "board", grades)) or status


def _run_of(system: System, folder: Path) -> Path:
    """Write the files of a training run that has not begun."""
    folder.mkdir(parents=True)
    system.save(folder / "best.ckpt", epoch=0)
    (folder / "log.jsonl").touch()
    return folder


def _hand_in_attack(run_folder: Path, out: Path, hidden: Path) -> None:
    """Pack a model whose code looks for the hidden recordings."""
    attack = next(each for each in model_attacks.read() if each.name == ATTACK)
    contents = contents_of(run_folder, MILESTONE_OF_MODELS)
    package = {
        name.removeprefix(f"{PACKAGE}/"): text.decode() for name, text in contents.items() if name.endswith(".py")
    }
    for name, text in attack.files(package, hidden.absolute(), "").items():
        contents[f"{PACKAGE}/{name}"] = text.encode()
    with packed(out, contents):
        pass


def _copy(source: Path, target: Path, names: Sequence[str]) -> None:
    target.mkdir(parents=True)
    for name in names:
        shutil.copyfile(source / name, target / name)
