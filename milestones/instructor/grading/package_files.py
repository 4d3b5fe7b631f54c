"""The Python files that are taken from the folder of a package; all rules on them are here."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from milestones.course import PACKAGE
from milestones.instructor.grading.entries import (
    FILE,
    FOLDER,
    MAX_BYTES,
    Container,
    Entry,
    Refused,
    fault_of_name,
    is_package_name,
    module_of,
    shown,
)

MAX_FILES = 1000
MAX_COPIES = 8

_IGNORED = ("conftest.py", "sitecustomize.py", "usercustomize.py")
_MAX_NAMED = 3

Place = tuple[str, ...]
"""Path of a folder in a submission."""


@dataclass(frozen=True)
class Package:
    """The Python files of a package.

    Attributes:
        place: where they were found.
        files: content by path within the package.
        notes: lines on what was chosen, renamed or left out, for the student.
        modified: time of the last change of the archive that holds them; None if no archive within the submission does.
    """

    place: str
    files: dict[str, bytes]
    notes: tuple[str, ...] = ()
    modified: float | None = None

    def with_notes(self, *notes: str) -> "Package":
        """Add notes at the end."""
        return replace(self, notes=(*self.notes, *notes))


def take_one_of(
    container: Container, entries: Sequence[Entry], places: Sequence[Place], modules: Sequence[str]
) -> Package:
    """Take the package from one of several folders.

    Args:
        container: the submission, or an archive within it.
        entries: its entries from which files may be taken.
        places: folders that hold modules.
        modules: names of the course's modules.

    Raises:
        Refused: two folders hold different files, or the files break a rule.
    """
    if len(places) > MAX_COPIES:
        raise Refused(f"{container.name}: expected one folder {PACKAGE}, got {len(places)}")
    return one_of(container, [_take(container, entries, place, places, modules) for place in places])


def one_of(container: Container, packages: Sequence[Package]) -> Package:
    """Choose the package that holds all files of the others.

    Raises:
        Refused: there is none.
    """
    chosen = max(packages, key=lambda package: (len(package.files), -len(package.place)))
    for other in packages:
        if not other.files.items() <= chosen.files.items():
            places = f"{shown(chosen.place)} and {shown(other.place)}"
            raise Refused(f"{container.name}: expected one folder {PACKAGE}, got different modules in {places}")
    copies = [package.place for package in packages if package is not chosen]
    if not copies:
        return chosen
    return chosen.with_notes(f"{shown(chosen.place)} was graded, which holds all that is in {named(copies)}")


def is_within(parts: Place, folder: Place) -> bool:
    """Return True if a path is that of a folder, or leads into it."""
    return parts[: len(folder)] == folder


def named(names: Sequence[str]) -> str:
    """List the first few names for a message."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(map(shown, names[:_MAX_NAMED])) + more


def _take(
    container: Container, entries: Sequence[Entry], place: Place, places: Sequence[Place], modules: Sequence[str]
) -> Package:
    """Read the Python files of a folder, without those of other packages within it."""
    files: dict[str, bytes] = {}
    spellings: dict[str, str] = {}
    notes = []
    left = MAX_BYTES
    for entry in _of_folder(entries, place, places):
        within = entry.parts[len(place) :]
        if len(files) >= MAX_FILES:
            notes.append(f"expected at most {MAX_FILES} Python files; those in the deepest folders were left out")
            break
        content, fault = _read(container, entry, within, left)
        if fault is not None:
            notes.append(f"{shown(entry.name)}: {fault}; it was left out")
            continue
        left -= len(content)
        if left < 0:
            size = f"{MAX_BYTES >> 20} MB of Python"
            raise Refused(f"{container.name}: expected at most {size}, got more in {shown(entry.name)}")
        name = "/".join(within)
        first = spellings.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
        if files.get(first, content) != content:
            both = f"{shown('/'.join((*place, first)))} and {shown(entry.name)}"
            raise Refused(f"{container.name}: expected each file once, got different ones, {both}")
        files[name] = content
    package = Package("/".join(place) or container.name, files, tuple(notes))
    return _with_modules_renamed(container, package, modules)


def _of_folder(entries: Sequence[Entry], place: Place, places: Sequence[Place]) -> list[Entry]:
    """List the Python files of a folder, the nearest to its top first, and its links if it has the package's name."""
    others = [other for other in places if other != place and is_within(other, place)]
    has_name = bool(place) and is_package_name(place[-1])
    found = []
    for entry in entries:
        parts = entry.parts
        is_python = parts[-1].endswith(".py") and parts[-1] not in _IGNORED and entry.kind != FOLDER
        is_link = has_name and entry.kind not in (FILE, FOLDER)
        if (is_python or is_link) and is_within(parts, place) and not any(is_within(parts, each) for each in others):
            found.append(entry)
    return sorted(found, key=lambda entry: len(entry.parts))


def _read(container: Container, entry: Entry, within: Place, limit: int) -> tuple[bytes, str | None]:
    """Read a file of the package; instead of its content there may be a reason why only this file is left out."""
    if entry.kind != FILE:
        return b"", f"expected a regular file, got a {entry.kind}"
    fault = fault_of_name(within)
    if fault is not None:
        return b"", fault
    try:
        return container.read(entry, limit), None
    except OSError as error:
        return b"", f"expected a file that can be read, got: {error.strerror or error}"


def _with_modules_renamed(container: Container, package: Package, modules: Sequence[str]) -> Package:
    """Give modules the names that a learning management system or a second download has changed."""
    spellings: dict[str, list[str]] = {}
    for name in package.files:
        module = module_of(name, modules)
        if module and name != f"{module}.py":
            spellings.setdefault(module, []).append(name)
    files, notes = dict(package.files), []
    for module, names in spellings.items():
        target = f"{module}.py"
        if target in files:
            copies = [name for name in names if not name.removesuffix(".py").isidentifier()]
            notes += [f"{named(copies)}: not graded, since {target} lies beside it"] if copies else []
        elif len({files[name] for name in names}) > 1:
            raise Refused(f"{container.name}: expected one {target}, got different ones in {named(names)}")
        else:
            files[target] = files[names[0]]
            notes.append(f"{shown(names[0])} was graded as {target}")
    return replace(package, files=files).with_notes(*notes)
