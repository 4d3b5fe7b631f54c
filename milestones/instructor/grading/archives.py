"""Zip and tar archives as submissions; nothing is unpacked to a path that an archive names."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from datetime import datetime
from typing import BinaryIO

from milestones.instructor.grading.entries import (
    FILE,
    FOLDER,
    LINK_OR_DEVICE,
    MAX_BYTES,
    MAX_ENTRIES,
    SPARSE_FILE,
    Entry,
    Refused,
    shown,
)

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
OTHER_ENDINGS = (".rar", ".7z", ".zipx", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".cab", ".iso", ".dmg")
MAX_UNPACKED_BYTES = 200 * 2**20

_BLOCK, _CHUNK = 512, 2**20
_ENCRYPTED = 1
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


class Archive:
    """A zip or tar archive.

    Args:
        name: its name, for messages.
        file: the archive.

    Attributes:
        name, entries, faults: see `Container`.
    """

    def __init__(self, name: str, file: BinaryIO):
        self.name = name
        self.entries: list[Entry] = []
        self.faults: list[str] = []
        self._file = file

    def close(self) -> None:
        self._archive.close()
        self._file.close()

    def read(self, entry: Entry, limit: int) -> bytes:
        """Read the content of a file, or its first `limit` + 1 bytes."""
        raise NotImplementedError

    def open(self, entry: Entry) -> BinaryIO:
        """Read a file, and return it open."""
        content = self.read(entry, MAX_BYTES)
        if len(content) > MAX_BYTES:
            limit = f"at most {MAX_BYTES >> 20} MB for an archive within another"
            raise Refused(f"{entry.name}: expected {limit}, got more")
        return io.BytesIO(content)


class ZipArchive(Archive):
    """A zip archive."""

    def __init__(self, name: str, file: BinaryIO):
        super().__init__(name, file)
        self._archive = zipfile.ZipFile(file)
        members = self._archive.infolist()
        if len(members) > MAX_ENTRIES:
            raise Refused(f"{name}: expected at most {MAX_ENTRIES} files, got {len(members)}")
        self.entries = [Entry(each.orig_filename, _zip_kind(each), _zip_time(each), each) for each in members]

    def read(self, entry: Entry, limit: int) -> bytes:
        if entry.source.flag_bits & _ENCRYPTED:
            raise Refused(f"{self.name}: expected files without a password, got {shown(entry.name)}")
        with self._archive.open(entry.source) as stream:
            return stream.read(limit + 1)


class TarArchive(Archive):
    """A tar archive, compressed or not."""

    def __init__(self, name: str, file: BinaryIO):
        super().__init__(name, file)
        opener = _OPENERS.get(file.read(2))
        file.seek(0)
        stream = _unpacked(name, opener(file)) if opener else file
        self._archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115, closed by close()
        for member in self._archive:
            if len(self.entries) >= MAX_ENTRIES:
                raise Refused(f"{name}: expected at most {MAX_ENTRIES} files, got more")
            self.entries.append(Entry(member.name, _tar_kind(member), member.mtime, member))

    def read(self, entry: Entry, limit: int) -> bytes:
        with self._archive.extractfile(entry.source) as stream:
            return stream.read(limit + 1)


def open_archive(name: str, file: BinaryIO) -> Archive:
    """Open an archive by its content, since its name may have the ending of another format.

    Args:
        name: its name, for messages.
        file: the archive; it is closed with the result, or if there is none.

    Raises:
        Refused: the name has the ending of a format that is not read, or the archive holds too much.
    """
    try:
        start = file.read(_BLOCK)
        file.seek(0)
        ending = name.lower()
        is_tar = start[:2] in _OPENERS or start[257:262] == b"ustar"
        if start.startswith(b"PK") or (ending.endswith(".zip") and not is_tar):
            return ZipArchive(name, file)
        if ending.endswith(ENDINGS):
            return TarArchive(name, file)
        raise Refused(f"{name}: expected an archive with the ending {', '.join(ENDINGS)}, got another kind")
    except BaseException:
        file.close()
        raise


def _unpacked(name: str, stream: BinaryIO) -> BinaryIO:
    """Unpack a compressed stream as far as it may be unpacked."""
    content = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        if content.tell() + len(chunk) > MAX_UNPACKED_BYTES:
            raise Refused(f"{name}: expected at most {MAX_UNPACKED_BYTES >> 20} MB unpacked, got more")
        content.write(chunk)
    content.seek(0)
    return content


def _zip_kind(member: zipfile.ZipInfo) -> str:
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        return LINK_OR_DEVICE
    return FOLDER if member.orig_filename.endswith(("/", "\\")) else FILE


def _zip_time(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time).timestamp()
    except ValueError:
        return 0.0


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.issparse():
        return SPARSE_FILE
    return FOLDER if member.isdir() else FILE if member.isreg() else LINK_OR_DEVICE
