"""The streams of an MP3 file, of which it holds several if files were joined, and the number of their frames.

The first frame of a stream holds no sound but a count of the others, which encoders write and which cutters and joiners
of MP3 leave behind. Without it, libsndfile estimates the length from the size of the first frames. So a stream without
such a frame gets one here, by which libsndfile knows the length to the sample.

Source: ISO/IEC 11172-3:1993 and 13818-3:1998 for the header of a frame. The frame that counts is an extension that
begins with "Xing", or with "Info" if the rate is constant.
"""

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from speech_enhancement.formats import AudioError

_BITRATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_DECODER_DELAY = 529
"""Samples that a decoder drops from the beginning of a stream whose frames are counted."""
_SLACK = 1
"""Frames by which a count may be too high, since some encoders count its own frame."""


@dataclass(frozen=True)
class Frame:
    """A frame: where it begins, its size in bytes, and its header of four bytes."""

    at: int
    size: int
    header: bytes

    @property
    def samples(self) -> int:
        return 1152 if self.header[1] >> 3 & 3 == 3 else 576

    @property
    def is_mono(self) -> bool:
        return self.header[3] >> 6 == 3

    @property
    def tag_at(self) -> int:
        """Position at which a count stands in a frame, behind the side information of its layer."""
        return 4 + {(1152, False): 32, (1152, True): 17, (576, False): 17, (576, True): 9}[self.samples, self.is_mono]


@dataclass
class Stream:
    """A stream of frames: bytes to put before it, its place in the file, and samples to drop from its beginning."""

    prefix: bytes
    start: int
    end: int
    skip: int
    n_frames: int = 0


def find_streams(file: BinaryIO) -> list[Stream]:
    """List the streams of an MP3 file; none if it is no file of MPEG layer III.

    Raises:
        AudioError: a stream is cut off: its first frame counts more frames than follow.
    """
    if not file.seek(0, 2):
        return []
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return [_complete(stream, first, count) for stream, first, count in _streams(data)]


def _streams(data: mmap.mmap) -> Iterator[tuple[Stream, Frame, int | None]]:
    """Yield each stream with its first frame and the number of frames that it counts, None if it does not say."""
    current = None
    for frame in _frames(data):
        count = _count(data, frame)
        is_full = current and current[2] is not None and current[0].n_frames == current[2]
        if current is None or count is not None or is_full or frame.is_mono != current[1].is_mono:
            if current:
                yield current
            counts = count is not None
            prefix = data[frame.at : frame.at + frame.size] if counts else b""
            current = Stream(prefix, frame.at + frame.size * counts, frame.at, 0), frame, count
            if counts:
                continue
        current[0].n_frames += 1
        current[0].end = frame.at + frame.size
    if current:
        yield current


def _complete(stream: Stream, first: Frame, count: int | None) -> Stream:
    """Put a frame before the stream that counts its frames rightly."""
    if count is None:
        silent = _frame_without_sound(first, bitrate=1)
        stream.prefix = _with_count(_frame_without_sound(first, bitrate=9), first, stream.n_frames + 1) + silent
        stream.skip = first.samples - _DECODER_DELAY
    elif stream.n_frames < count - _SLACK:
        raise AudioError(f"cut off, expected {count} frames, got {stream.n_frames}")
    else:
        place = first.tag_at + 8
        stream.prefix = stream.prefix[:place] + struct.pack(">I", stream.n_frames) + stream.prefix[place + 4 :]
    return stream


def _frames(data: mmap.mmap) -> Iterator[Frame]:
    """Yield the complete frames of the file; tags and anything else between them are passed over."""
    at, kind = _after_tag(data, 0), None
    while at + 4 <= len(data):
        frame = _frame(data, at)
        follows = at + frame.size if frame else 0
        # Two headers in a row are no accident, as one may be.
        trusted = frame and (kind == _kind(frame) or (follows + 4 <= len(data) and _frame(data, follows)))
        if trusted and follows <= len(data):
            kind = _kind(frame)
            yield frame
            at = follows
        else:
            found = data.find(b"\xff", at + 1)
            tag = data.find(b"ID3", at, found if found >= 0 else len(data))
            at = _after_tag(data, tag) if tag >= 0 else found if found >= 0 else len(data)


def _frame(data: mmap.mmap, at: int) -> Frame | None:
    header = data[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate, padding = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    return Frame(at, _size(version, bitrate, rate) + padding, header)


def _size(version: int, bitrate: int, rate: int) -> int:
    return (144000 if version == 3 else 72000) * _BITRATES[1 if version == 3 else 2][bitrate] // _RATES[version][rate]


def _kind(frame: Frame) -> tuple[int, int]:
    """Return version and sample rate, which all frames of a stream share."""
    return frame.header[1] & 0x18, frame.header[2] & 0x0C


def _count(data: mmap.mmap, frame: Frame) -> int | None:
    """Return the number of frames that this one counts, or None if it holds sound or does not say."""
    tag = data[frame.at + frame.tag_at : frame.at + min(frame.size, frame.tag_at + 12)]
    if not re.match(rb"(Xing|Info)...[\1\3\5\7\11\13\15\17]", tag, re.DOTALL) or len(tag) < 12:
        return None
    return struct.unpack(">I", tag[8:])[0]


def _frame_without_sound(like: Frame, bitrate: int) -> bytes:
    version, rate = like.header[1] >> 3 & 3, like.header[2] >> 2 & 3
    # The last bit of the second byte says that no checksum follows.
    header = bytes([0xFF, like.header[1] | 1, bitrate << 4 | rate << 2, like.header[3]])
    return header.ljust(_size(version, bitrate, rate), b"\0")


def _with_count(frame: bytes, like: Frame, count: int) -> bytes:
    tag = b"Xing" + struct.pack(">II", 1, count)
    return frame[: like.tag_at] + tag + frame[like.tag_at + len(tag) :]


def _after_tag(data: mmap.mmap, at: int) -> int:
    """Return the end of an ID3v2 tag that begins at `at`, or `at` if there is none."""
    if data[at : at + 3] != b"ID3" or len(data) < at + 10:
        return at
    size = 0
    for seven_bits in data[at + 6 : at + 10]:
        size = size << 7 | seven_bits & 0x7F
    return at + 10 + size
