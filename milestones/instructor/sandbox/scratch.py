"""The places where a worker may write: measuring their contents, and removing them."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

MAX_SCRATCH_BYTES = 512 * 2**20
MAX_SCRATCH_FILES = 20_000
PYTEST_FOLDER = "pytest"

# The arguments of a command may take 2 MB together, and a path in scratch 4 KiB.
_PATHS_AT_ONCE = 250


def empty(scratch: Path) -> None:
    """Remove everything that earlier workers wrote; pytest's own folder stays, emptied."""
    kept = scratch / PYTEST_FOLDER
    remove(*(path for path in scratch.iterdir() if path != kept or not kept.is_dir()), *kept.glob("*"))
    kept.mkdir(exist_ok=True)


def usage(folder: Path) -> tuple[int, int]:
    """Count the files and folders below a folder, and their bytes; stop counting if there are too many."""
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
        # A folder that cannot be listed, for example because its path is too long, hides its contents.
        except OSError:
            n_files += MAX_SCRATCH_FILES
    return n_files, n_bytes


def remove(*paths: Path) -> None:
    """Remove files and folders, including those nested too deeply for Python's recursive removal."""
    for start in range(0, len(paths), _PATHS_AT_ONCE):
        words = ["rm", "-rf", "--", *map(str, paths[start : start + _PATHS_AT_ONCE])]
        subprocess.run(words, check=False, stderr=subprocess.DEVNULL)


class SharedMemory:
    """The contents of `/dev/shm` at one moment, so that files that a worker adds can be removed."""

    FOLDER = Path("/dev/shm")

    def __init__(self) -> None:
        self.names = self._names()
        self.since = time.time()

    def clear(self) -> None:
        """Remove files that are new and belong to this user."""
        for name in self._names() - self.names:
            path = self.FOLDER / name
            with contextlib.suppress(OSError):
                status = path.lstat()
                if status.st_uid == os.getuid() and status.st_ctime >= self.since - 1:
                    remove(path)

    def _names(self) -> set[str]:
        return set(os.listdir(self.FOLDER)) if self.FOLDER.is_dir() else set()  # noqa: PTH208, names are wanted
