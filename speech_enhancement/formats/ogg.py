"""The links of an Ogg file: streams that were joined end to end, as radio programmes are.

Source: Pfeiffer, "The Ogg encapsulation format version 0", RFC 3533, 2003.
"""

from collections.abc import Iterator
from typing import BinaryIO

_HEADER = 27
_BEGINS_A_STREAM = 2


def find_links(file: BinaryIO) -> list[tuple[int, int]]:
    """List where each link begins and ends, in bytes; a file that is no Ogg file is one link."""
    starts, was_beginning, end = [], False, file.seek(0, 2)
    for at, flags in _pages(file):
        begins = bool(flags & _BEGINS_A_STREAM)
        # The streams of one link, sound and pictures for instance, begin page after page.
        if begins and not was_beginning:
            starts.append(at)
        was_beginning = begins
    return list(zip(starts, [*starts[1:], end], strict=True)) or [(0, end)]


def _pages(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield position and flags of each page, up to the first position at which there is none."""
    at = 0
    while True:
        file.seek(at)
        header = file.read(_HEADER + 255)
        if len(header) < _HEADER or header[:4] != b"OggS":
            return
        yield at, header[5]
        n_segments = header[26]
        at += _HEADER + n_segments + sum(header[_HEADER : _HEADER + n_segments])
