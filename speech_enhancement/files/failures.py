"""Work that continues when one file fails, and reports it at the end."""

import contextlib
import sys

from tqdm.auto import tqdm


def one_line(error: Exception) -> str:
    """Return the first line of the message, or the last line if a data worker sent the error with a traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].partition(": ")[2] if lines[0].startswith("Caught ") else lines[0]


class Failures:
    """The files that could not be handled; each is reported in one line as it fails.

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
        """Turn the error of a bad file, `ValueError` or `OSError`, into a line that names it; other errors are bugs."""
        try:
            yield
        except (ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            message = reason if reason.startswith(str(name)) else f"{name}: {reason}"
            self.messages[str(name)] = message
            tqdm.write(f"failed: {message}", file=sys.stderr)

    def __len__(self) -> int:
        return len(self.messages)
