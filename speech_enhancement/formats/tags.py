"""Title, artist, cover, cue marks and the like, copied from a recording to its result.

Chunks of WAV and AIFF are copied here. Everything else needs mutagen, an optional package: FLAC, Ogg, MP3, MP4 and ASF.
Formats that are not named here lose their tags, but for Matroska and WebM, whose tags FFmpeg copies.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_OF_THE_SOUND = (b"fmt ", b"data", b"fact", b"ds64", b"JUNK", b"PAD ", b"FLLR", b"COMM", b"SSND", b"FVER", b"PEAK")
"""Chunks that describe the encoding or hold it; the new file has its own."""
_ORDERS = {b"RIFF": "<", b"RF64": "<", b"FORM": ">"}
_SIZE_IN_64_BITS = 20
_BLOCK = 1 << 20


def copy_tags(source: Path, destination: Path) -> None:
    """Copy all tags that the format of both files can hold.

    Raises:
        ImportError: the source is no WAV or AIFF file, and mutagen is not installed.
        ValueError: the tags cannot be read or written.
    """
    with source.open("rb") as old, destination.open("r+b") as new:
        kinds = old.read(4), new.read(4)
        if kinds[0] in _ORDERS and _ORDERS.get(kinds[1]) == _ORDERS[kinds[0]]:
            _copy_chunks(old, new, *kinds)
            return
    _copy_with_mutagen(source, destination)


def _copy_chunks(old: BinaryIO, new: BinaryIO, old_kind: bytes, new_kind: bytes) -> None:
    """Append the chunks of one file to another, and correct the size in its header."""
    order = _ORDERS[new_kind]
    for at, size in _chunks(old, order):
        new.seek(0, 2)
        new.write(b"\0" * (new.tell() % 2))
        old.seek(at)
        left = 8 + size
        while block := old.read(min(_BLOCK, left)):
            new.write(block)
            left -= len(block)
    new.write(b"\0" * (new.seek(0, 2) % 2))
    total = new.tell() - 8
    if new_kind == b"RF64":
        new.seek(_SIZE_IN_64_BITS)
        new.write(struct.pack("<Q", total))
    elif total < 1 << 32:
        new.seek(4)
        new.write(struct.pack(f"{order}I", total))


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[int, int]]:
    """Yield place and size of the complete chunks that do not belong to the sound."""
    end, at = file.seek(0, 2), 12
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        if at + 8 + size > end:
            return
        if name not in _OF_THE_SOUND:
            yield at, size
        at += 8 + size + size % 2


def _copy_with_mutagen(source: Path, destination: Path) -> None:
    import mutagen
    from mutagen import asf, flac, mp3, mp4, oggflac, oggopus, oggvorbis

    formats = [flac.FLAC, mp3.MP3, mp4.MP4, asf.ASF, oggvorbis.OggVorbis, oggopus.OggOpus, oggflac.OggFLAC]
    try:
        old = mutagen.File(source, formats)
        if old is None or not (old.tags or getattr(old, "pictures", None)):
            return
        new = type(old)(destination)
        if new.tags is None:
            new.add_tags()
        if isinstance(new.tags, list):
            new.tags[:] = old.tags[:]
        else:
            new.tags.clear()
            new.tags.update(old.tags)
        for picture in getattr(old, "pictures", ()):
            new.add_picture(picture)
        new.save()
    except mutagen.MutagenError as error:
        raise ValueError(str(error)) from None
