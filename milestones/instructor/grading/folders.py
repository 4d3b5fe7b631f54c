"""Folders as submissions, read without following a link even if the folder changes meanwhile."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from milestones.instructor.grading.entries import (
    FILE,
    FOLDER,
    LINK_OR_DEVICE,
    MAX_ENTRIES,
    Entry,
    Refused,
    is_debris,
    shown,
)

_MAX_DEPTH = 40
# Without O_NONBLOCK, opening a pipe waits for somebody who writes to it.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder:
    """A folder that holds a submission; what lies deeper than 40 folders is not listed.

    Args:
        path: the folder.

    Attributes:
        name, entries, faults: see `Container`.
        top: names directly in the folder, without debris.
    """

    def __init__(self, path: Path):
        self.name = path.name
        self.entries: list[Entry] = []
        self.faults: list[str] = []
        self.top: list[str] = []
        self._descriptor = os.open(path, _FLAGS | os.O_DIRECTORY)
        try:
            self._list()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._descriptor)

    def read(self, entry: Entry, limit: int) -> bytes:
        """Read the content of a file, or its first `limit` + 1 bytes.

        Raises:
            OSError: it is not a regular file any more, or cannot be read.
        """
        with self.open(entry) as file:
            return file.read(limit + 1)

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file.

        Raises:
            OSError: it is not a regular file any more, or cannot be read.
        """
        return self._open(entry.source)

    def read_text(self, *parts: str) -> str:
        """Read the start of a text file; "" if it cannot be read."""
        try:
            with self._open(parts) as file:
                return file.read(1000).decode(errors="replace")
        except OSError:
            return ""

    def _list(self) -> None:
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            folder = waiting.pop()
            try:
                found = sorted(self._children(folder))
            except OSError as error:
                self.faults.append(f"{shown('/'.join(folder) or self.name)} cannot be read: {error.strerror}")
                continue
            for name, status in found:
                parts = (*folder, name)
                if is_debris(parts[-2:]):
                    continue
                if not folder:
                    self.top.append(name)
                kind = _kind(status.st_mode)
                self.entries.append(Entry("/".join(parts), kind, status.st_mtime, parts))
                if kind == FOLDER and len(parts) < _MAX_DEPTH:
                    waiting.append(parts)

    def _children(self, folder: tuple[str, ...]) -> Iterator[tuple[str, os.stat_result]]:
        """Yield name and status of everything in a folder, as long as there is not too much."""
        descriptor = self._descend(folder)
        try:
            with os.scandir(descriptor) as children:
                for number, child in enumerate(children, start=len(self.entries)):
                    if number >= MAX_ENTRIES:
                        raise Refused(f"{self.name}: expected at most {MAX_ENTRIES} files, got more")
                    try:
                        yield child.name, child.stat(follow_symlinks=False)
                    except OSError as error:
                        self.faults.append(f"{shown('/'.join((*folder, child.name)))} cannot be read: {error.strerror}")
        finally:
            os.close(descriptor)

    def _open(self, parts: tuple[str, ...]) -> BinaryIO:
        folder = self._descend(parts[:-1])
        try:
            descriptor = os.open(parts[-1], _FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
        file = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise OSError(0, "not a regular file")
        return file

    def _descend(self, parts: tuple[str, ...]) -> int:
        """Open a folder below this one, step by step, since a step may have become a link."""
        descriptor = os.dup(self._descriptor)
        for part in parts:
            try:
                inner = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = inner
        return descriptor


class LoneModule:
    """A single Python file that was handed in as it is.

    Args:
        name: its name, for messages.
        file: the file.
        module: name of the module that it holds.

    Attributes:
        name, entries, faults: see `Container`.
    """

    def __init__(self, name: str, file: BinaryIO, module: str):
        self.name = name
        self.entries = [Entry(f"{module}.py", FILE, 0.0, None)]
        self.faults: list[str] = []
        self._file = file

    def close(self) -> None:
        self._file.close()

    def read(self, entry: Entry, limit: int) -> bytes:
        """Read the file, or its first `limit` + 1 bytes."""
        return self._file.read(limit + 1)

    def open(self, entry: Entry) -> BinaryIO:
        """Return the open file."""
        return self._file


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        OSError: it is a link or no regular file, or cannot be read.
    """
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "not a regular file")
    return file


def _kind(mode: int) -> str:
    return FOLDER if stat.S_ISDIR(mode) else FILE if stat.S_ISREG(mode) else LINK_OR_DEVICE
