"""Submissions: folders and archives, read safely since they may be hostile.

Only the regular Python files of a submission's package are used. Nothing is unpacked to a path from the archive: files
are read as streams and written under names that have been checked.
"""

import bz2
import gzip
import hashlib
import lzma
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from milestones.course import PACKAGE, load_course

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_BYTES = 20 * 2**20
MAX_UNPACKED_BYTES = 10 * MAX_BYTES
MAX_MEMBERS = 10_000
MAX_DEPTH = 12
MAX_NAME_BYTES = 255
_IGNORED = ("conftest.py", "sitecustomize.py", "usercustomize.py")
_ENCRYPTED = 1
_YEARS = range(1970, 3000)
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


class Refused(ValueError):
    """A submission that is not graded; the message says why in one line."""


@dataclass(frozen=True)
class Member:
    """One file of a submission.

    Attributes:
        name: its path in the submission.
        kind: "file", "folder" or something else, such as "link or device".
        read: function that opens it.
    """

    name: str
    kind: str
    read: Callable[[], BinaryIO]


def find(folder: Path) -> list[Path]:
    """Find the submissions in a folder: its folders, and its zip and tar archives, in the order of their names.

    A folder whose only Python is in one archive stands for that archive; nbgrader lays submissions out in this way,
    with a notebook beside the archive.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of submissions, got none")
    return [path for path in _visible(folder) if _is_submission(path)]


def left_out(folder: Path) -> list[Path]:
    """List the other files in a folder of submissions, which are not graded, without hidden files."""
    return [path for path in _visible(folder) if not _is_submission(path)]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_submission(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or _is_archive(path))


def name(path: Path) -> str:
    """Name of a submission: the name of its folder or archive, without the archive's suffix."""
    endings = sorted((suffix for suffix in ARCHIVES if path.name.lower().endswith(suffix)), key=len)
    return path.name[: -len(endings[-1])] if endings and not path.is_dir() else path.name


def submitted(path: Path) -> datetime:
    """Time of handing in: the time in nbgrader's `timestamp.txt`, or else that of the newest file."""
    inner = _inner(path)
    within = [folder for folder in (inner, *inner.parents) if folder.is_relative_to(path) and folder.is_dir()]
    for folder in reversed(within):
        stamp = folder / "timestamp.txt"
        if stamp.is_file() and not stamp.is_symlink():
            moment = _moment(stamp.read_text(encoding="utf-8", errors="replace").strip())
            if moment is not None:
                return moment
    files = [each for each in inner.rglob("*") if each.is_file()] if inner.is_dir() else [inner]
    newest = max((file.lstat().st_mtime for file in files), default=inner.lstat().st_mtime)
    return datetime.fromtimestamp(newest, tz=timezone.utc)


def unpack(path: Path, destination: Path) -> str:
    """Write the Python files of a submission's package to `destination/speech_enhancement`.

    Returns:
        SHA-256 of the names and bytes of the files.

    Raises:
        Refused: the submission has paths that lead elsewhere, links, too many or too large files, no package or two,
            or is broken.
    """
    inner = _inner(path)
    digest = hashlib.sha256()
    try:
        files = _package_files(inner)
        for file_name in sorted(files):
            content = files[file_name]
            digest.update(f"{file_name}\0{len(content)}\0".encode("utf-8", errors="surrogateescape") + content)
            target = destination / PACKAGE / file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except Refused:
        raise
    # A hostile archive can make the readers raise anything, and none of it may end the grading of others.
    except Exception as error:
        got = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise Refused(f"{inner.name}: expected a submission that can be read, got {got}") from None
    return digest.hexdigest()


def _package_files(path: Path) -> dict[str, bytes]:
    """Read the Python files of the package, by path within it."""
    seen: dict[str, str] = {}
    contents: dict[PurePosixPath, bytes] = {}
    total = 0
    for number, member in enumerate(_members(path)):
        if number >= MAX_MEMBERS:
            raise Refused(f"{path.name}: expected at most {MAX_MEMBERS} files, got more")
        parts = _checked(path, member)
        folded = unicodedata.normalize("NFKC", "/".join(parts)).casefold()
        if member.kind == "file" and folded in seen:
            raise Refused(f"{path.name}: expected each file once, got {seen[folded]!r} and {member.name!r}")
        seen[folded] = member.name
        if member.kind not in ("file", "folder"):
            if _may_be_of_package(parts):
                raise Refused(f"{path.name}: expected regular files, got a {member.kind}, {member.name!r}")
            continue
        if member.kind == "folder" or not parts[-1].endswith(".py") or parts[-1] in _IGNORED:
            continue
        if any(part.endswith(".py") for part in parts[:-1]):
            raise Refused(f"{path.name}: expected folders without the ending .py, got {member.name!r}")
        content = _read(path, member, MAX_BYTES - total)
        total += len(content)
        contents[PurePosixPath(*parts)] = content
    root = _package_root(path, list(contents))
    return {str(file.relative_to(root)): content for file, content in contents.items() if file.is_relative_to(root)}


def _package_root(path: Path, files: list[PurePosixPath]) -> PurePosixPath:
    """Folder of the package: one that has its name, or one that holds its modules."""
    roots = {
        PurePosixPath(*file.parts[: file.parts.index(PACKAGE) + 1]) for file in files if PACKAGE in file.parts[:-1]
    }
    if not roots:
        modules = {f"{name}.py" for name in load_course().modules}
        roots = {file.parent for file in files if file.name in modules}
    if len(roots) != 1:
        got = "none" if not roots else " and ".join(sorted(map(str, roots))[:2])
        raise Refused(f"{path.name}: expected one folder {PACKAGE} with Python files, got {got}")
    return roots.pop()


def _checked(path: Path, member: Member) -> tuple[str, ...]:
    """Split a member's name into parts, and refuse it if it leads out of the submission."""
    text = member.name
    parts = PurePosixPath(text).parts
    is_bad = (
        not parts
        or text.startswith("/")
        or ".." in parts
        or "\\" in text
        or "\0" in text
        or ":" in text
        or any(ord(letter) < 32 for letter in text)
        or len(parts) > MAX_DEPTH
        or len(text) > 1000
    )
    if is_bad:
        raise Refused(f"{path.name}: expected paths inside the submission, got {text[:200]!r}")
    if any(len(part.encode("utf-8", errors="surrogatepass")) > MAX_NAME_BYTES for part in parts):
        raise Refused(f"{path.name}: expected names of at most {MAX_NAME_BYTES} bytes, got {text[:200]!r}")
    return parts


def _may_be_of_package(parts: tuple[str, ...]) -> bool:
    return PACKAGE in parts or parts[-1].endswith(".py")


def _read(path: Path, member: Member, limit: int) -> bytes:
    """Read the content of a member, whose length may differ from the one that the archive declares."""
    with member.read() as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise Refused(f"{path.name}: expected at most {MAX_BYTES >> 20} MB of Python, got more in {member.name!r}")
    return content


def _members(path: Path) -> Iterator[Member]:
    if path.is_dir():
        yield from _folder_members(path)
    elif path.name.lower().endswith(".zip"):
        yield from _zip_members(path)
    else:
        yield from _tar_members(path)


def _folder_members(folder: Path) -> Iterator[Member]:
    waiting = [folder]
    while waiting:
        for child in sorted(waiting.pop().iterdir()):
            mode = child.lstat().st_mode
            kind = "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "link or device"
            if kind == "folder" and child.name not in ("__pycache__", ".git", ".venv", ".ipynb_checkpoints"):
                waiting.append(child)
            yield Member(child.relative_to(folder).as_posix(), kind, lambda child=child: child.open("rb"))


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            kind = "folder" if entry.is_dir() else "file"
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "link or device"
            if entry.flag_bits & _ENCRYPTED:
                raise Refused(f"{path.name}: expected files without a password, got {entry.filename!r}")
            yield Member(entry.orig_filename, kind, lambda entry=entry: archive.open(entry))


def _tar_members(path: Path) -> Iterator[Member]:
    with path.open("rb") as file:
        open_stream = _OPENERS.get(file.read(2), open)
    with open_stream(path, "rb") as stream, tarfile.open(fileobj=_Bounded(path, stream), mode="r|") as archive:
        for entry in archive:
            kind = "folder" if entry.isdir() else "file" if entry.isreg() else "link or device"
            yield Member(entry.name, kind, lambda entry=entry: archive.extractfile(entry))


class _Bounded:
    """A stream with a limit, since tarfile reads headers of any declared size, and skips by reading."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path, self.stream, self.left = path, stream, MAX_UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise Refused(f"{self.path.name}: expected at most {MAX_UNPACKED_BYTES >> 20} MB unpacked, got more")
        return content


def _inner(path: Path) -> Path:
    """Return the archive in a folder that holds nothing else that could be a submission, or else the folder."""
    for _ in range(3):
        if not path.is_dir():
            return path
        children = [child for child in path.iterdir() if not child.name.startswith(".") and _may_hold_python(child)]
        if len(children) != 1 or children[0].is_symlink() or children[0].name == PACKAGE:
            return path
        if not children[0].is_dir() and not _is_archive(children[0]):
            return path
        path = children[0]
    return path


def _may_hold_python(path: Path) -> bool:
    if path.is_symlink() or path.suffix == ".py" or _is_archive(path):
        return True
    return path.is_dir() and any(child.suffix == ".py" or _is_archive(child) for child in path.rglob("*"))


def _is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(ARCHIVES)


def _moment(text: str) -> datetime | None:
    """Parse a time in the format of nbgrader's exchange, in UTC unless it has an offset; None for other texts."""
    for suffix in (" UTC", ""):
        try:
            moment = datetime.fromisoformat(text.removesuffix(suffix))
        except ValueError:
            continue
        # The first and last moments of the calendar do not exist in other time zones.
        if moment.year in _YEARS:
            return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return None
