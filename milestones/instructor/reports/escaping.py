"""Escaping of texts that students choose, such as the names of their submissions, before they are shown."""

import hashlib
import re
import unicodedata

_FORMULA = tuple("=+-@＝＋－＠")
_MAX_PAGE_NAME = 100


def same(name: str) -> str:
    """Bring a name to one spelling, since an accent may be a separate character in others.

    A name that was copied from `grades.csv` may also be spelt as `cell` does.
    """
    if name.startswith("'") and name[1:].startswith(_FORMULA):
        name = name[1:]
    return printable(unicodedata.normalize("NFC", name)).strip()


def cell(text: str) -> str:
    """Return the text in one line that a spreadsheet does not take for a formula."""
    line = printable(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def printable(text: str) -> str:
    """Return the text in one line that sends no commands to a terminal."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def page_name(submission: str) -> str:
    """File name of a submission's page: the submission's name, or its harmless characters and a hash."""
    kept = re.sub(r"[^\w .+=@,()-]", "_", submission)[:_MAX_PAGE_NAME]
    is_kept = kept == submission and not kept.startswith(".") and len(kept.encode()) <= 2 * _MAX_PAGE_NAME
    if not is_kept:
        digest = hashlib.sha256(submission.encode("utf-8", errors="surrogatepass")).hexdigest()[:8]
        kept = f"{kept[: _MAX_PAGE_NAME // 3].lstrip('.')}-{digest}"
    return f"{kept}.html"
