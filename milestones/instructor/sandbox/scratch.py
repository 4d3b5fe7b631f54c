"""The places that a worker may write: how much lies there, and how it is removed."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

MAX_SCRATCH_BYTES = 512 * 2**20
MAX_SCRATCH_FILES = 20_000
PYTEST_FOLDER = "pytest"

# A command's words may take 2 MB together, and a path of scratch 4 KiB.
_PATHS_AT_ONCE = 250


def empty(scratch: Path) -> None:
    """Remove what earlier workers wrote; pytest wants its own folder to stay."""
    kept = scratch / PYTEST_FOLDER
    remove(*(path for path in scratch.iterdir() if path != kept or not kept.is_dir()), *kept.glob("*"))
    kept.mkdir(exist_ok=True)


def usage(folder: Path) -> tuple[int, int]:
    """Number of files and folders below a folder, and their bytes; counting ends where there are too many."""
    n_files = n_bytes = 0
    waiting = [folder]
    while waiting and n_files <= MAX_SCRATCH_FILES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    n_files += 1
                    n_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        # A folder that cannot be listed, because its path is too long for instance, hides what is in it.
        except OSError:
            n_files += MAX_SCRATCH_FILES
    return n_files, n_bytes


def remove(*paths: Path) -> None:
    """Remove files and folders, also those that are too deep for Python, whose own way is a recursion."""
    for start in range(0, len(paths), _PATHS_AT_ONCE):
        words = ["rm", "-rf", "--", *map(str, paths[start : start + _PATHS_AT_ONCE])]
        subprocess.run(words, check=False, stderr=subprocess.DEVNULL)


class SharedMemory:
    """The content of `/dev/shm` at one moment, so that what a worker leaves there can be removed."""

    FOLDER = Path("/dev/shm")

    def __init__(self) -> None:
        self.names = self._names()
        self.since = time.time()

    def clear(self) -> None:
        """Remove what is new and belongs to this user."""
        for name in self._names() - self.names:
            path = self.FOLDER / name
            with contextlib.suppress(OSError):
                status = path.lstat()
                if status.st_uid == os.getuid() and status.st_ctime >= self.since - 1:
                    remove(path)

    def _names(self) -> set[str]:
        return set(os.listdir(self.FOLDER)) if self.FOLDER.is_dir() else set()  # noqa: PTH208, names are wanted
