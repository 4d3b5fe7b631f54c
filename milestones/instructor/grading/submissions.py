"""The submissions in the folder of a class: which there are, and which stand in each other's way."""

import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from milestones.course import load_course
from milestones.instructor.grading.archives import ENDINGS, OTHER_ENDINGS
from milestones.instructor.grading.entries import is_debris, lone_module_of
from milestones.instructor.grading.package_files import named
from milestones.instructor.reports.escaping import same


@dataclass(frozen=True)
class Submission:
    """A submission of a class.

    Attributes:
        name: its name in all reports.
        path: its folder or file.
        refused: reason why it is not read at all; None if it is.
    """

    name: str
    path: Path
    refused: str | None = None


def find(folder: Path) -> tuple[list[Submission], list[Path]]:
    """Find the submissions in a folder: its folders, its archives, and its files that are single modules.

    Submissions whose names differ at most by case or by the encoding of accents are refused, since one could get the
    other's grade. An archive of a kind that is not read is a submission, so that its student is told, unless another
    one has its name.

    Returns:
        The submissions in the order of their names, and the other files, which are not graded, without hidden ones.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of submissions, got none")
    modules = load_course().modules
    groups: dict[str, list[Path]] = {}
    others = []
    for path in sorted(folder.iterdir()):
        if is_debris([path.name]):
            continue
        if _is_submission(path, modules):
            groups.setdefault(_key(_name(path)), []).append(path)
        else:
            others.append(path)
    found: dict[str, Submission] = {}
    for paths in groups.values():
        readable = [path for path in paths if not _is_of_other_kind(path)] or paths
        others += [path for path in paths if path not in readable]
        reason = None
        if len(readable) > 1:
            reason = f"expected one submission of each name, got {named([path.name for path in readable])}"
        for path in readable:
            found.setdefault(_name(path), Submission(_name(path), path, reason))
    return sorted(found.values(), key=lambda submission: submission.name), sorted(others)


def _name(path: Path) -> str:
    """Name of a submission: the name of its folder or file, without the ending of an archive or module."""
    if _is_folder(path):
        return path.name
    endings = [each for each in (*ENDINGS, *OTHER_ENDINGS, ".py") if path.name.lower().endswith(each)]
    return path.name[: -len(max(endings, key=len))]


def _key(name: str) -> str:
    """Bring names to one spelling that other file systems, spreadsheets and readers take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", same(name)).casefold())


def _is_submission(path: Path, modules: Sequence[str]) -> bool:
    if _is_folder(path):
        return True
    is_named_so = path.name.lower().endswith((*ENDINGS, *OTHER_ENDINGS)) or lone_module_of(path.name, modules)
    return bool(is_named_so) and stat.S_ISREG(_mode(path))


def _is_of_other_kind(path: Path) -> bool:
    name = path.name.lower()
    return not _is_folder(path) and name.endswith(OTHER_ENDINGS) and not name.endswith(ENDINGS)


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """Kind of a file, of a link itself and not of its target; 0 if that cannot be known."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0
