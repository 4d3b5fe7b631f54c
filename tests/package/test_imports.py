"""Imports run one way, by the contracts in `.importlinter`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("speech_enhancement", "milestones", "tests", "bench")


def lint(folder):
    words = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)


def test_imports_run_one_way():
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=lambda _, names: [n for n in names if "." in n[:-3]])
    shutil.copyfile(ROOT / ".importlinter", folder / ".importlinter")
    return folder


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        (
            "speech_enhancement/systems/wiener.py",
            "from speech_enhancement.commands import enhance",
            "The rooms of speech",
        ),
        ("speech_enhancement/audio.py", "import speech_enhancement.stft", "The rooms of speech"),
        ("speech_enhancement/enhancement.py", "from milestones import course", "The package knows nothing"),
        ("milestones/instructor/demo.py", "import tests.course.mini_course", "The package knows nothing"),
        ("milestones/course.py", "import milestones.instructor.records", "The rooms of milestones"),
        (
            "milestones/instructor/sandbox/worker.py",
            "import milestones.instructor.grading.grade",
            "rooms of instructors",
        ),
        ("speech_enhancement/unet.py", "import speech_enhancement.systems.registry", "Modules of students"),
        ("speech_enhancement/loose.py", "import json", "The rooms of speech"),
    ],
)
def test_an_import_the_other_way_is_found(copy, file, line, broken):
    path = copy / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        result = lint(copy)
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert result.returncode == 1
    assert any(broken in row and row.endswith("BROKEN") for row in result.stdout.splitlines()), result.stdout
