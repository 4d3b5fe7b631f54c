"""One submission read: its files, the time of handing in, and notes on what was chosen or left out.

Submissions may be hostile, so `reader` calls this in a process of its own, which has limits on time and memory.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from milestones.instructor.grading import handing_in
from milestones.instructor.grading.archives import open_archive
from milestones.instructor.grading.entries import Refused, lone_module_of, shown
from milestones.instructor.grading.folders import Folder, LoneModule, open_regular
from milestones.instructor.grading.packages import find_package, unreadable

MAX_NOTES = 20
_MAX_LENGTH = 500


@dataclass(frozen=True)
class Reading:
    """What was read of a submission.

    Attributes:
        files: sources of its package, by path within the package; bytes that are not UTF-8 are lone surrogates.
        submitted: time of handing in, in seconds since 1970.
        refused: reason why it is not graded, None if it is.
        notes: lines on what was chosen or left out, for the student.
    """

    files: dict[str, str]
    submitted: float
    refused: str | None
    notes: tuple[str, ...] = ()

    @classmethod
    def refusal(cls, path: Path, reason: str) -> "Reading":
        """Make the reading of a submission that is not graded."""
        return cls.refusal_at(handing_in.of_path(path), reason)

    @classmethod
    def refusal_at(cls, submitted: float, reason: str) -> "Reading":
        """Make the reading of a submission that is not graded, with its time of handing in."""
        return cls({}, submitted, reason[:_MAX_LENGTH])

    @property
    def submission_hash(self) -> str:
        """SHA-256 of the names and bytes of the files."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            content = self.files[name].encode("utf-8", errors="surrogateescape")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def read(path: Path, modules: Sequence[str]) -> Reading:
    """Read a submission; whatever is wrong with it is the reason of a refusal.

    Args:
        path: a folder, an archive, or a single module.
        modules: names of the course's modules.

    Raises:
        MemoryError: it needs more memory than there is.
    """
    try:
        if path.is_dir():
            return _read_folder(path, modules)
        return _read_file(path, modules)
    except Refused as reason:
        return Reading.refusal(path, str(reason))
    except MemoryError:
        raise
    # A hostile archive can make the readers raise anything, and none of it may end the grading of others.
    except Exception as error:
        return Reading.refusal(path, unreadable(path.name, error))


def reading_of(files: dict[str, bytes], submitted: float, notes: Sequence[str]) -> Reading:
    """Make the reading of a package, with as many notes as a page can hold."""
    texts = {name: content.decode("utf-8", errors="surrogateescape") for name, content in files.items()}
    shortened = [note[:_MAX_LENGTH] for note in notes[:MAX_NOTES]]
    if len(notes) > MAX_NOTES:
        shortened.append(f"{len(notes) - MAX_NOTES} more remarks of this kind")
    return Reading(texts, submitted, None, tuple(shortened))


def _read_folder(path: Path, modules: Sequence[str]) -> Reading:
    folder = Folder(path)
    try:
        stamp = handing_in.stamped(folder)
        newest = handing_in.of_folder(folder)
        submitted = next((time for time in (stamp, newest) if time is not None), handing_in.of_path(path))
        try:
            package = find_package(folder, modules)
        except Refused as reason:
            return Reading.refusal_at(submitted, str(reason))
        if stamp is None and package.modified is not None:
            submitted = package.modified
        return reading_of(package.files, submitted, package.notes)
    finally:
        folder.close()


def _read_file(path: Path, modules: Sequence[str]) -> Reading:
    module = lone_module_of(path.name, modules)
    file = open_regular(path)
    archive = LoneModule(path.name, file, module) if module else open_archive(path.name, file)
    try:
        package = find_package(archive, modules)
    finally:
        archive.close()
    notes = package.notes
    if module and path.name != f"{module}.py":
        notes = (*notes, f"{shown(path.name)} was graded as {module}.py")
    return reading_of(package.files, handing_in.of_path(path), notes)
