"""Removal of whatever untrusted code may have left: folders that nobody may list, names that are not text, deep trees.

Everything is done relative to open folders and without following links. Folders within folders are moved up before
they are removed, so that neither the depth of a tree nor the length of its paths matters.
"""

import contextlib
import itertools
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class NotEmptied(Exception):
    """A folder that still holds something; the message names it."""


def empty(folder: Path) -> None:
    """Remove everything in a folder, which itself stays.

    Raises:
        NotEmptied: something could not be removed.
    """
    # A pass may stop short, because a file system can skip names when others are removed, or has no room to move one.
    for _ in range(3):
        reason = _try_to_empty(folder)
        if reason is None:
            return
    raise NotEmptied(f"{folder}: expected to be able to empty it, got {reason}")


def remove(*paths: Path) -> None:
    """Remove files and folders, as far as possible; those that others still write to are tried again for a while."""
    for path in paths:
        for pause in (0.0, 0.1, 0.3, 1.0):
            time.sleep(pause)
            with contextlib.suppress(OSError, NotEmptied):
                if path.is_dir() and not path.is_symlink():
                    empty(path)
                    path.rmdir()
                else:
                    path.unlink(missing_ok=True)
                break


def _try_to_empty(folder: Path) -> str | None:
    """Remove what can be removed; return a reason why something is left, None if nothing is."""
    reason = None
    try:
        with _opened(folder, None) as top:
            for name, is_folder in _entries(top):
                try:
                    _remove_tree(name, top) if is_folder else os.unlink(name, dir_fd=top)
                except OSError as error:
                    reason = f"{error.strerror} for {name!r}"
            left = [name for name, _ in _entries(top)]
    except OSError as error:
        return error.strerror
    return reason or f"{left[0]!r} again" if left else None


def _remove_tree(name: str, top: int) -> None:
    """Remove a folder of an open one, by moving the folders within it up, next to it."""
    waiting = [name]
    # Nothing that was there before can have these names.
    names = (f"{prefix}.{number}" for prefix in [secrets.token_hex(16)] for number in itertools.count())
    while waiting:
        name = waiting.pop()
        with _opened(name, top) as folder:
            for inner, is_folder in _entries(folder):
                if not is_folder:
                    os.unlink(inner, dir_fd=folder)
                    continue
                # Its owner must be able to write in a folder that is moved.
                with _opened(inner, folder):
                    waiting.append(next(names))
                    os.rename(inner, waiting[-1], src_dir_fd=folder, dst_dir_fd=top)
        os.rmdir(name, dir_fd=top)


def _entries(folder: int) -> list[tuple[str, bool]]:
    """List the names in an open folder, and for each whether it is a folder."""
    with os.scandir(folder) as entries:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]


@contextlib.contextmanager
def _opened(name: str | Path, parent: int | None) -> Iterator[int]:
    """Open a folder in which its owner has all rights from now on."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        _unlock(name, parent)
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_mode & 0o700 != 0o700:
            os.fchmod(descriptor, 0o700)
        yield descriptor
    finally:
        os.close(descriptor)


def _unlock(name: str | Path, parent: int | None) -> None:
    """Give the owner of a folder all rights, without following a link that has taken its place."""
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    descriptor = os.open(name, os.O_PATH | _FOLDER, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{descriptor}", 0o700)  # noqa: PTH101, a path of the kernel's
    finally:
        os.close(descriptor)
