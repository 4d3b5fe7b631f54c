"""The texts that a file holds, however they are written down: escaped, coloured, marked up, in base64, compressed."""

import base64
import binascii
import bz2
import html
import io
import lzma
import re
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

MAX_DEPTH = 4
MAX_UNPACKED = 2**24
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TAG = re.compile(r"<[^<>]*>")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/_-]{4}\s*){8,}(?:[A-Za-z0-9+/_-]{2,3}={0,2})?")
_PRINTABLE = re.compile(rb"[\t\x20-\x7e]{6,}")
_PRINTABLE_UTF_16 = re.compile(rb"(?:[\t\n\r\x20-\x7e]\0){6,}")
_COMPRESSED: list[tuple[re.Pattern, Callable]] = [
    (re.compile(rb"\x78[\x01\x5e\x9c\xda]"), zlib.decompressobj),
    (re.compile(rb"\x1f\x8b\x08"), lambda: zlib.decompressobj(31)),
    (re.compile(rb"BZh[1-9]"), bz2.BZ2Decompressor),
    (re.compile(rb"\xfd7zXZ\0"), lzma.LZMADecompressor),
]


@dataclass(frozen=True)
class Squeezed:
    """A text without its white space, so that neither indentation nor wrapping hides a line.

    Attributes:
        text: the text.
        ends: of each line of the file: where it ends in `text`; empty for what is no text file.
    """

    text: str
    ends: tuple[int, ...] = ()

    def line(self, position: int) -> int | None:
        """The line of the file, from 1, to which a position in `text` belongs; None where there are no lines."""
        return bisect_right(self.ends, position) + 1 if self.ends else None


def squeeze(text: str) -> str:
    """A text without any white space."""
    return "".join(text.split())


def texts(data: bytes, depth: int = 0) -> Iterator[Squeezed]:
    """All texts in the bytes of a file, those in base64 and in compressed parts included, up to `MAX_DEPTH` deep."""
    if b"\0" in data:
        lines = [run.decode("ascii") for run in _PRINTABLE.findall(data)]
        yield Squeezed(squeeze("\n".join(lines)))
        yield Squeezed(squeeze("\n".join(run.decode("utf-16-le") for run in _PRINTABLE_UTF_16.findall(data))))
    else:
        lines = data.decode("utf-8", errors="replace").split("\n")
        yield _squeezed(lines, depth)
    unescaped = [_COLOUR.sub("", _unescape(line)) for line in lines]
    if unescaped != lines:
        yield _squeezed(unescaped, depth)
    without_tags = [html.unescape(_TAG.sub("", line)) for line in unescaped]
    if without_tags != unescaped:
        yield _squeezed(without_tags, depth)
    if depth < MAX_DEPTH:
        for part in (*_decoded("\n".join(unescaped).encode(errors="replace")), *_unpacked(data)):
            yield from texts(part, depth + 1)


def _squeezed(lines: list[str], depth: int) -> Squeezed:
    pieces = [squeeze(line) for line in lines]
    ends = tuple(accumulate(len(piece) for piece in pieces)) if depth == 0 else ()
    return Squeezed("".join(pieces), ends)


def _unescape(line: str) -> str:
    """A line of JSON, or of Python's `repr`, with its escapes replaced; twice, for one within the other."""
    return _ESCAPE.sub(_character, _ESCAPE.sub(_character, line)) if "\\" in line else line


def _character(escape: re.Match) -> str:
    code = escape[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)


def _decoded(data: bytes) -> Iterator[bytes]:
    for run in _BASE64.findall(data):
        letters = run.translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n=")
        try:
            yield base64.b64decode(letters + b"=" * (-len(letters) % 4))
        except binascii.Error:
            continue


def _unpacked(data: bytes) -> Iterator[bytes]:
    for beginning, decompressor in _COMPRESSED:
        for match in beginning.finditer(data):
            try:
                part = decompressor().decompress(memoryview(data)[match.start() :], MAX_UNPACKED)
            except (zlib.error, OSError, lzma.LZMAError):
                continue
            if part:
                yield part
    if b"PK\3\4" in data:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.infolist():
                    with archive.open(member) as opened:
                        yield opened.read(MAX_UNPACKED)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, zlib.error, lzma.LZMAError, EOFError):
            return
