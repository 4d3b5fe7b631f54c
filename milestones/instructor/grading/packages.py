"""The package in a submission: which folder or archive is meant.

What will be judged is checked strictly. What lies beside it is ignored, since it must not cost anybody a grade.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from milestones.course import PACKAGE
from milestones.instructor.grading.archives import ENDINGS, OTHER_ENDINGS, open_archive
from milestones.instructor.grading.entries import (
    FILE,
    FOLDER,
    Container,
    Entry,
    Refused,
    is_debris,
    is_package_name,
    module_of,
    shown,
)
from milestones.instructor.grading.package_files import Package, Place, is_within, named, one_of, take_one_of

MAX_ARCHIVES = 20

_MAX_ARCHIVES_WITHIN = 2


def find_package(container: Container, modules: Sequence[str], depth: int = 0) -> Package:
    """Find the package in a submission.

    A folder with the package's name that holds modules is meant first, then an archive that holds modules, then modules
    without such a folder.

    Args:
        container: the submission, or an archive within it.
        modules: names of the course's modules.
        depth: number of archives around it.

    Raises:
        Refused: there is no package, there are two that differ, or its files break a rule.
    """
    entries = _usable(container)
    exact = _files(entries, [f"{module}.py" for module in modules])
    archives = [entry for entry in entries if entry.kind == FILE and entry.name.lower().endswith(ENDINGS)]
    packages = [place for place in _places(exact) if place and is_package_name(place[-1])]
    if packages:
        package = take_one_of(container, entries, packages, modules)
        return package.with_notes(*_left(package, exact, archives, packages))
    reasons: list[str] = []
    if depth < _MAX_ARCHIVES_WITHIN:
        package, reasons = _in_archives(container, archives, modules, depth)
        if package is not None:
            return package.with_notes(*_left(package, exact, (), ()))
    renamed = _files(entries, [name for entry in entries if module_of(name := entry.parts[-1], modules)])
    loose = _outermost(_places(exact) or _places(renamed))
    if loose:
        return take_one_of(container, entries, loose, modules).with_notes(*reasons)
    raise Refused(reasons[0] if reasons else _why_none(container, entries, modules))


def unreadable(name: str, error: Exception) -> str:
    """Say in one line why a folder or archive could not be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    got = " ".join(f"{type(error).__name__}: {reason}".split())[:300]
    return f"{name}: expected a submission that can be read, got {got}"


def _usable(container: Container) -> list[Entry]:
    """List the entries without debris, and without those beside the package whose paths lead outside.

    Raises:
        Refused: the path of a Python file of the package leads outside.
    """
    entries = [entry for entry in container.entries if entry.parts and not is_debris(entry.parts)]
    for entry in entries:
        if entry.leads_outside and entry.name.endswith(".py") and any(map(is_package_name, entry.parts)):
            raise Refused(f"{container.name}: expected paths inside the submission, got {shown(entry.name)}")
    return [entry for entry in entries if not entry.leads_outside]


def _files(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """List the files that have one of the names, in any folder."""
    wanted = set(names)
    return [entry for entry in entries if entry.kind == FILE and entry.parts[-1] in wanted]


def _places(files: Sequence[Entry]) -> list[Place]:
    """List the folders in which files lie, each once."""
    return sorted({entry.parts[:-1] for entry in files})


def _outermost(places: Sequence[Place]) -> list[Place]:
    """Keep the folders that lie in no other one of a sorted list."""
    kept: list[Place] = []
    for place in places:
        if not kept or not is_within(place, kept[-1]):
            kept.append(place)
    return kept


def _in_archives(
    container: Container, archives: Sequence[Entry], modules: Sequence[str], depth: int
) -> tuple[Package | None, list[str]]:
    """Find the package in archives: in those nearest to the top, and in each folder in the newest that holds one.

    Returns:
        The package, or None, and a line for each archive that holds none.
    """
    found: dict[Place, Package] = {}
    older: list[str] = []
    reasons: list[str] = []
    for entry in sorted(archives, key=_order)[:MAX_ARCHIVES]:
        folder = entry.parts[:-1]
        if found and len(folder) > len(next(iter(found))):
            break
        if folder in found:
            older.append(entry.name)
            continue
        try:
            package = _in_archive(container, entry, modules, depth)
        except Refused as reason:
            reasons.append(str(reason))
        else:
            found[folder] = replace(package, place=entry.name, modified=entry.modified)
    if not found:
        return None, reasons
    package = one_of(container, list(found.values()))
    if older:
        package = package.with_notes(f"{shown(package.place)} was graded, since it is newer than {named(older)}")
    return package.with_notes(*(f"not graded: {reason}" for reason in reasons)), reasons


def _order(entry: Entry) -> tuple[int, float, int]:
    """Key that sorts archives by depth, then the newest first; `submission (1).zip` is newer than `submission.zip`."""
    number = re.search(r"\((\d{1,9})\)\.", entry.parts[-1])
    modified = entry.modified if 0 < entry.modified < 1e12 else 0.0
    return len(entry.parts), -modified, -int(number[1]) if number else 0


def _in_archive(container: Container, entry: Entry, modules: Sequence[str], depth: int) -> Package:
    try:
        archive = open_archive(entry.name, container.open(entry))
        try:
            return find_package(archive, modules, depth + 1)
        finally:
            archive.close()
    except (Refused, MemoryError):
        raise
    # A hostile archive can make the readers raise anything, and it must not hide a good one beside it.
    except Exception as error:
        raise Refused(unreadable(entry.name, error)) from None


def _left(package: Package, modules: Sequence[Entry], archives: Sequence[Entry], places: Sequence[Place]) -> list[str]:
    """Say which modules and archives were not graded, since they lie outside of the package."""
    beside = [entry for entry in (*modules, *archives) if not any(is_within(entry.parts, place) for place in places)]
    names = [entry.name for entry in beside]
    return [f"{shown(package.place)} was graded, and not {named(names)}"] if names else []


def _why_none(container: Container, entries: Sequence[Entry], modules: Sequence[str]) -> str:
    """Say in one line why no package was found."""
    expected = f"{container.name}: expected one folder {PACKAGE} with modules such as {modules[0]}.py"
    for entry in entries:
        name = entry.parts[-1]
        if entry.kind not in (FILE, FOLDER) and (is_package_name(name) or name.removesuffix(".py") in modules):
            return f"{expected}, got a {entry.kind}, {shown(entry.name)}"
        if entry.kind == FILE and name.lower().endswith(OTHER_ENDINGS):
            return f"{container.name}: expected an archive with the ending {', '.join(ENDINGS)}, got {shown(name)}"
    return f"{expected}, got none" + "".join(f" ({fault})" for fault in container.faults[:1])
