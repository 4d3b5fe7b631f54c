"""Work that continues when one file fails, and reports it at the end."""

import contextlib
import re
import sys
from pathlib import Path

from tqdm.auto import tqdm

from speech_enhancement.files.names import printable


def one_line(error: Exception | str) -> str:
    """Return the first line of a message, or the last line if a data worker sent the error with a traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].partition(": ")[2] if lines[0].startswith("Caught ") else lines[0]


def missing_task(error: NotImplementedError) -> str | None:
    """Describe the task whose stub raised an error, or return None if no stub of a student did."""
    if hasattr(error, "missing_task"):
        return error.missing_task
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    name = frame.f_code.co_name
    # The heading is in the docstring of the function or, for a method, of its class.
    for owner in (frame.f_globals.get(name), type(frame.f_locals.get("self"))):
        heading = re.match(r"Task ((\d+)\.\d+)\. ", getattr(owner, "__doc__", None) or "")
        if heading:
            place = f"{owner.__module__.rpartition('.')[2]}.{owner.__name__}"
            return f"expected task {heading[1]} of milestone {heading[2]}, {place}, to be complete, got its stub"
    return None


class Failures:
    """The files that could not be handled, each reported in one line as it fails, and those that were left out.

    Example:
        >>> failures = Failures()
        >>> for name in ("a.wav", "b.wav"):  # doctest: +SKIP
        ...     with failures.noting(name):
        ...         enhance(name)
        >>> bool(failures)
        False
    """

    def __init__(self):
        self.messages: dict[str, str] = {}
        self._left_out: dict[str, list[Path]] = {}

    @contextlib.contextmanager
    def noting(self, name: str | Path):
        """Turn the error of a bad file, `ValueError` or `OSError`, into a line that names it; other errors are bugs."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.add(name, error)

    def add(self, name: str | Path, error: Exception) -> None:
        """Report an error in a line that names the file."""
        shown = printable(name)
        reason = getattr(error, "strerror", None) or one_line(
            str(error).replace(str(name), shown) or type(error).__name__
        )
        message = reason if reason.startswith(shown) else f"{shown}: {reason}"
        self.messages[str(name)] = message
        tqdm.write(f"failed: {message}", file=sys.stderr)

    def leave_out(self, path: Path, reason: str) -> None:
        """Keep a file or folder that was not asked for in so many words, for `tell_left_out`."""
        self._left_out.setdefault(reason, []).append(path)

    def tell_left_out(self) -> None:
        """Report what was left out, in a line for each reason."""
        for reason, paths in self._left_out.items():
            others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            tqdm.write(f"left out: {printable(min(paths))}{others}: {reason}", file=sys.stderr)
        self._left_out.clear()

    def __len__(self) -> int:
        return len(self.messages)
