"""The folder that a worker may write, and how much it may write there."""

import os
from pathlib import Path

from milestones.instructor.sandbox.confinement import remove

MAX_SCRATCH_BYTES = 512 * 2**20
MAX_SCRATCH_FILES = 20_000
PYTEST_FOLDER = "pytest"


def empty(scratch: Path) -> None:
    """Take away what earlier workers wrote; pytest wants its own folder to stay."""
    kept = scratch / PYTEST_FOLDER
    remove(*(path for path in scratch.iterdir() if path != kept or not kept.is_dir()), *kept.glob("*"))
    kept.mkdir(exist_ok=True)


def usage(folder: Path) -> tuple[int, int]:
    """Files, folders among them, and bytes below a folder; counting ends where there are too many."""
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
        # A folder that cannot be looked into, because its path is too long for instance, hides what is in it.
        except OSError:
            n_files += MAX_SCRATCH_FILES
    return n_files, n_bytes
