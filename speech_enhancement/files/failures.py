"""Work that goes on when one file fails, and says so at the end."""

import contextlib
import sys

from tqdm.auto import tqdm


def one_line(error: Exception) -> str:
    """The message's first line; of an error that a data worker sent, with its traceback, the last one."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].partition(": ")[2] if lines[0].startswith("Caught ") else lines[0]


class Failures:
    """Files that could not be handled, each reported in one line as it fails.

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

    @contextlib.contextmanager
    def noting(self, name: str):
        """Turn a bad file's error, `ValueError` or `OSError`, into a line that names it; other errors are ours."""
        try:
            yield
        except (ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            message = reason if reason.startswith(str(name)) else f"{name}: {reason}"
            self.messages[str(name)] = message
            tqdm.write(f"failed: {message}", file=sys.stderr)

    def __len__(self) -> int:
        return len(self.messages)
