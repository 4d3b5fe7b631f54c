"""Hashes of everything besides the submission on which a grade depends; machines that grade alike have the same."""

import contextlib
import hashlib
import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

from milestones.course import PACKAGE, ROOT, Milestone, load_course

_LIBRARIES = (
    *("torch", "torchaudio", "torchmetrics", "numpy", "scipy", "soundfile", "safetensors", "tqdm", "scikit-learn"),
    *("pytest", "pesq", "pystoi"),
)
"""Libraries that the grader and submissions import, as far as they are installed."""

_GRADER = (
    *("course.py", "graded_tests.py", "instructor/records.py", "instructor/fingerprints.py"),
    *("instructor/grading/*.py", "instructor/sandbox/*.py"),
)
"""Files below `milestones` that decide a grade."""


def digest(*parts: bytes) -> str:
    """Compute the SHA-256 of byte strings and their lengths."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()


def of_tests(milestone: Milestone) -> str:
    """Hash the tests: the suite, its `milestone.toml`, and the reference's modules of earlier milestones."""
    files = [*sorted(milestone.tests.glob("*.py")), milestone.folder / "milestone.toml"]
    files += [ROOT / PACKAGE / f"{name}.py" for name in load_course().before(milestone.number).modules]
    return digest(*(path.read_bytes() for path in files))


def of_environment(*also: str) -> str:
    """Hash the versions of Python and the libraries, the grader, and the files that submissions are put beside.

    Args:
        also: further files of the grader, as patterns below `milestones`.
    """
    versions = [platform.python_version(), *map(_version, _LIBRARIES)]
    files = list(_sources(*_GRADER, *also))
    sources = (part for path in files for part in (path.relative_to(ROOT).as_posix().encode(), path.read_bytes()))
    return digest(*map(str.encode, versions), *sources)


def _version(library: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(library)
    return ""


def _sources(*grader: str) -> Iterator[Path]:
    for pattern in grader:
        yield from sorted((ROOT / "milestones").glob(pattern))
    students = {ROOT / PACKAGE / f"{name}.py" for name in load_course().modules}
    yield from sorted(path for path in (ROOT / PACKAGE).rglob("*.py") if path not in students)
