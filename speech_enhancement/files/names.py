"""Names of files as they can be printed and written."""

import os
from pathlib import Path


def printable(path: str | Path) -> str:
    """Return a path in which escapes stand for line breaks, other control characters, and bytes that are not UTF-8.

    Example:
        >>> printable("two\\nlines.wav"), printable("caf\\udce9.wav")
        ('two\\\\nlines.wav', 'caf\\\\xe9.wav')
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
