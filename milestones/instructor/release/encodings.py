"""The texts in a file, in all forms in which an output of a notebook may hold them.

A traceback is escaped and coloured, a table is marked up, and a picture is a PNG in base64 whose text chunks may be
compressed. So the search decodes one level of base64, and one level of compression in it or in the file itself.
"""

import base64
import binascii
import html
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

MAX_INFLATED = 2**24
"""Largest number of bytes that are read from a compressed part."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TAG = re.compile(r"<[^<>]*>")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")
_BREAK = rb"(?:\s|\\n)"  # JSON escapes the ends of lines.
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4}%b*){8,}(?:[A-Za-z0-9+/]{2,3}={0,2})?" % _BREAK)
_PRINTABLE = re.compile(rb"[\t\x20-\x7e]{6,}")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")


@dataclass(frozen=True)
class Squeezed:
    """A text without its white space, so that neither indentation nor wrapping hides a line.

    Attributes:
        text: the text.
        ends: position in `text` at which each line of the file ends; empty unless the text is that of the file itself.
    """

    text: str
    ends: tuple[int, ...] = ()

    def line(self, position: int) -> int | None:
        """Return the line of the file, from 1, to which a position in `text` belongs; None if there are no lines."""
        return bisect_right(self.ends, position) + 1 if self.ends else None


def squeeze(text: str) -> str:
    """Remove all white space."""
    return "".join(text.split())


def texts(data: bytes) -> Iterator[Squeezed]:
    """Yield all texts in the bytes of a file."""
    is_binary = b"\0" in data
    for lines in _readings(data):
        pieces = [squeeze(line) for line in lines]
        yield Squeezed("".join(pieces), () if is_binary else tuple(accumulate(map(len, pieces))))
    decoded = list(_decoded(data))
    inflated = [part for packed in (data, *decoded) for part in _inflated(packed)]
    for part in (*decoded, *inflated):
        for lines in _readings(part):
            yield Squeezed(squeeze("\n".join(lines)))


def _readings(data: bytes) -> Iterator[list[str]]:
    """Yield the lines of a text as they stand, then without escapes and colours, then without tags either."""
    if b"\0" in data:
        lines = [run.decode("ascii") for run in _PRINTABLE.findall(data)]
    else:
        lines = data.decode("utf-8", errors="replace").split("\n")
    yield lines
    unescaped = [_COLOUR.sub("", _unescape(line)) for line in lines]
    if unescaped != lines:
        yield unescaped
    without_tags = [html.unescape(_TAG.sub("", line)) for line in unescaped]
    if without_tags != unescaped:
        yield without_tags


def _unescape(line: str) -> str:
    """Replace the escapes of JSON and of Python's `repr`, twice, since one may stand within the other."""
    return _ESCAPE.sub(_character, _ESCAPE.sub(_character, line)) if "\\" in line else line


def _character(escape: re.Match) -> str:
    code = escape[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)


def _decoded(data: bytes) -> Iterator[bytes]:
    """Yield the decoded runs of base64 in a text."""
    for run in _BASE64.findall(data):
        letters = re.sub(_BREAK + rb"|=", b"", run)
        try:
            yield base64.b64decode(letters + b"=" * (-len(letters) % 4))
        except binascii.Error:
            continue


def _inflated(data: bytes) -> Iterator[bytes]:
    """Yield the bytes that zlib decompresses from each place at which a compressed part may begin."""
    for beginning in _ZLIB.finditer(data):
        try:
            part = zlib.decompressobj().decompress(memoryview(data)[beginning.start() :], MAX_INFLATED)
        except zlib.error:
            continue
        if part:
            yield part
