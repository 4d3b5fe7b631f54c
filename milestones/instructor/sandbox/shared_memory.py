"""The contents of `/dev/shm`, where semaphores and shared tensors live as files.

Where the host permits namespaces, the workers of a fork server have a `/dev/shm` of their own, with limits that the
kernel keeps. Elsewhere all programs of the machine share one.
"""

import contextlib
import os
from pathlib import Path

from milestones.instructor.sandbox import process_group
from milestones.instructor.sandbox.removal import NotEmptied, empty, remove

FOLDER = Path("/dev/shm")
MAX_FILES = 4096
MAX_BYTES = 256 * 2**20


class SharedMemory:
    """Files that workers add to a `/dev/shm` which is shared with others, told from those that were there before."""

    def __init__(self) -> None:
        self._before = self._names()

    def usage(self) -> tuple[int, int]:
        """Count the new files of this user, and their bytes."""
        new = self._new()
        return len(new), sum(status.st_blocks * 512 for _, status in new)

    def clear(self) -> None:
        """Remove new files of this user, except those that a live process has in its memory.

        Raises:
            NotEmptied: something could not be removed.
        """
        new = self._new()
        used = process_group.files_in_memory() if new else set()
        for name, status in new:
            if (status.st_dev, status.st_ino) not in used:
                remove(FOLDER / name)
                if os.path.lexists(FOLDER / name):
                    raise NotEmptied(f"{FOLDER}: expected to be able to remove {name!r}, got it again")

    def _new(self) -> list[tuple[str, os.stat_result]]:
        found = []
        for name in self._names() - self._before:
            with contextlib.suppress(OSError):
                status = (FOLDER / name).lstat()
                if status.st_uid == os.getuid():
                    found.append((name, status))
        return found

    def _names(self) -> set[str]:
        return set(os.listdir(FOLDER)) if FOLDER.is_dir() else set()  # noqa: PTH208, names are wanted


class PrivateSharedMemory:
    """A `/dev/shm` that only the workers of one fork server have."""

    def clear(self) -> None:
        """Remove everything.

        Raises:
            NotEmptied: something could not be removed.
        """
        empty(FOLDER)
