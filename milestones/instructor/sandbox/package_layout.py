"""The folder of a submission's package, from which workers import: the submission's files over the provided ones."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from milestones.course import PACKAGE, ROOT
from milestones.instructor.sandbox.removal import remove


def lay_out(folder: Path, files: Mapping[str, str], students_modules: Sequence[str]) -> None:
    """Write a submission's files, and the provided files that it lacks, in the place of everything in a folder.

    Args:
        folder: the folder that holds the package.
        files: the submission's sources, by path within the package; bytes that are not UTF-8 are lone surrogates.
        students_modules: names of the modules that students write, of which none is provided.
    """
    remove(*folder.iterdir())
    ours, provided = folder / PACKAGE, ROOT / PACKAGE
    for source in provided.rglob("*.py"):
        target = ours / source.relative_to(provided)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for name in students_modules:
        (ours / f"{name}.py").unlink()
    for name, text in files.items():
        target = ours / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", errors="surrogateescape")
