"""The scratch folder of a grading server: what of it workers may write, and how much.

    scratch/home     working folder of workers, for temporary files
    scratch/tests    files of a test, which the test and the worker both read and write

A worker has all rights below these two folders, and none on the folder that holds them. So it can neither move nor
replace them, which would confuse the tests.
"""

import contextlib
import os
import secrets
from pathlib import Path

from milestones.instructor.sandbox import removal

HOME = "home"
TESTS = "tests"

MAX_BYTES = 512 * 2**20
MAX_FILES = 20_000


def lay_out(scratch: Path) -> None:
    """Make the folders that workers may write; those that are there already are moved out of the workers' reach."""
    for folder in writable(scratch):
        with contextlib.suppress(FileNotFoundError):
            folder.rename(f"{folder}.{secrets.token_hex(8)}")
        folder.mkdir(mode=0o700)


def writable(scratch: Path) -> list[Path]:
    """List the folders that workers may write."""
    return [scratch / HOME, scratch / TESTS]


def empty(scratch: Path) -> None:
    """Remove everything that workers and tests wrote.

    Raises:
        NotEmptied: something could not be removed.
    """
    for folder in writable(scratch):
        removal.empty(folder)


def usage(scratch: Path) -> tuple[int, int]:
    """Count the files and folders that workers and tests wrote, and their bytes; stop if there are too many."""
    n_files = n_bytes = 0
    waiting = list(map(str, writable(scratch)))
    while waiting and n_files <= MAX_FILES:
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
            n_files += MAX_FILES
    return n_files, n_bytes
