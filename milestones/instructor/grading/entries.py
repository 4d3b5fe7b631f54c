"""The files of a submission, as its folder or archive lists them, and what their names say."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from milestones.course import PACKAGE

MAX_ENTRIES = 200_000
MAX_BYTES = 20 * 2**20
FILE, FOLDER, LINK_OR_DEVICE, SPARSE_FILE = "file", "folder", "link or device", "sparse file"

_MAX_PATH_LENGTH = 1000
_MAX_DEPTH = 12
_MAX_NAME_BYTES = 255
_DEBRIS = ("__MACOSX", "__pycache__", "site-packages", "dist-packages", "node_modules")
# What systems and browsers append to the name of a second copy.
_COPY = r"(?: ?\(\d+\)| \d+|-\d+|(?: -)? (?:copy|kopie)(?: ?\(?\d+\)?)?)"
_PACKAGE_OR_COPY = re.compile(f"{PACKAGE}{_COPY}?", re.IGNORECASE)


class Refused(ValueError):
    """A submission that is not graded; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link of a submission.

    Attributes:
        name: its path in the submission, as the folder or archive spells it.
        kind: FILE, FOLDER, LINK_OR_DEVICE or SPARSE_FILE.
        modified: time of its last change, in seconds since 1970; 0 if that is not known.
        source: what its container needs to read it.
    """

    name: str
    kind: str
    modified: float
    source: Any

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of its folders and its own name; archives from Windows may have back slashes between them."""
        return split(self.name)

    @property
    def leads_outside(self) -> bool:
        """Return True if the path is absolute or goes up."""
        path = self.name.replace("\\", "/")
        return path.startswith("/") or ".." in path.split("/") or path[1:2] == ":"


class Container(Protocol):
    """A folder or archive that holds a submission.

    Attributes:
        name: its name, for messages.
        entries: everything in it, without what a folder's debris holds.
        faults: a line about each folder that could not be listed.
    """

    name: str
    entries: list[Entry]
    faults: list[str]

    def read(self, entry: Entry, limit: int) -> bytes:
        """Read the content of a file, or its first `limit` + 1 bytes, whatever size it declares."""

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file for reading at any position."""


def split(name: str) -> tuple[str, ...]:
    """Split a path into its parts."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def is_debris(parts: Sequence[str]) -> bool:
    """Return True for what tools leave behind: hidden files, caches, environments, and copies that pip builds."""
    if any((part.startswith(".") and part != "..") or part in _DEBRIS for part in parts):
        return True
    return any(first == "build" and second.startswith(("lib", "bdist")) for first, second in itertools.pairwise(parts))


def is_package_name(folder: str) -> bool:
    """Return True for the package's name, and for those that a second download or copy of its folder gets."""
    return _PACKAGE_OR_COPY.fullmatch(folder) is not None


def fault_of_name(parts: Sequence[str]) -> str | None:
    """Say what is wrong with the path of a file within the package; None if it can be a module."""
    path = "/".join(parts)
    if not path.isprintable() or ":" in path:
        return "expected a name of printable characters without colons"
    if len(parts) > _MAX_DEPTH or len(path) > _MAX_PATH_LENGTH:
        return f"expected at most {_MAX_DEPTH} folders and {_MAX_PATH_LENGTH} characters"
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        return f"expected names of at most {_MAX_NAME_BYTES} bytes"
    if any(part.endswith(".py") for part in parts[:-1]):
        return "expected folders without the ending .py"
    return None


def module_of(file: str, modules: Sequence[str]) -> str | None:
    """Name of the module that a renamed file holds, such as "stft" for `student_123_456_stft.py` or `stft (1).py`."""
    return _module(file, modules, r"(?!test)[^/]*\d[^/]*_")


def lone_module_of(file: str, modules: Sequence[str]) -> str | None:
    """Name of the module that a file holds which is a whole submission, such as "stft" for `ada_stft.py`."""
    return _module(file, modules, r"(?!test).*[ _.-]")


def _module(file: str, modules: Sequence[str], prefix: str) -> str | None:
    renamed = rf"(?:{prefix})?({'|'.join(modules)}){_COPY}?\.py"
    match = re.fullmatch(renamed, file, re.IGNORECASE | re.DOTALL)
    return match[1].lower() if match else None


def shown(name: str) -> str:
    """Quote the name of a file for a message."""
    return repr(name if len(name) <= 200 else f"{name[:200]}...")
