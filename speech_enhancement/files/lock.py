"""Locks between processes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def locked(path: Path, seconds: float = -1) -> Iterator[None]:
    """Hold a lock that one process at a time can hold.

    Args:
        path: file that stands for the lock, and stays.
        seconds: longest time to wait; negative for as long as it takes.

    Raises:
        filelock.Timeout: another process holds it for longer.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(FileLock(path).acquire(timeout=seconds))
        except Timeout:
            raise
        # Some shared drives have no locks, and work must go on there.
        except (OSError, NotImplementedError):
            pass
        yield
