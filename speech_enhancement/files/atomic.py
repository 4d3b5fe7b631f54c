"""Files and folders that appear whole or not at all, even if their writing is interrupted."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_ERRORS_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Raised without the file's name when the disk is full, a limit is reached, or the disk is broken."""

_LONGEST_NAME = 255
"""Bytes of a file's name, on all common file systems."""


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to it if the block succeeds and removed if not.

    A temporary file that a killed process left behind is overwritten by the next one.

    Raises:
        OSError: the file could not be opened, written or renamed; the message names `path`. Errors from anything else
            in the block pass unchanged.

    Example:
        >>> with replacing("notes.txt") as temporary:  # doctest: +SKIP
        ...     temporary.write_text("complete")
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if not _is_of_writing(error, temporary):
            raise
        raise OSError(f"{path}: could not be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`, renamed to it if the block succeeds and removed if not.

    `path` must not exist, or be an empty folder.
    """
    temporary = _temporary(path)
    if temporary.exists():
        shutil.rmtree(temporary)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    except BaseException:
        shutil.rmtree(temporary)
        raise
    if path.exists():
        path.rmdir()
    temporary.rename(path)


def _temporary(path: Path) -> Path:
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}.part"
    return path.with_name(name)


def _is_of_writing(error: OSError, temporary: Path) -> bool:
    if error.filename is None:
        return error.errno in _ERRORS_OF_WRITING
    return not isinstance(error.filename, int) and Path(os.fsdecode(error.filename)) == temporary
