"""Work that goes on when one file fails, and says so at the end."""

import contextlib
import sys

from tqdm.auto import tqdm


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
            reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
            message = reason if reason.startswith(str(name)) else f"{name}: {reason}"
            self.messages[str(name)] = message
            tqdm.write(f"failed: {message}", file=sys.stderr)

    def __len__(self) -> int:
        return len(self.messages)
