"""The samples of a WAV file, wherever its header says that they end.

A program that writes to a pipe cannot go back to fill in the size, and a size of more than 4 GiB wraps around. Source:
Microsoft and IBM, "Multimedia programming interface and data specifications 1.0", 1991, for RIFF and its chunks.
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from speech_enhancement.formats import AudioError
from speech_enhancement.formats.stretch import Stretch

_UNKNOWN = (range(0x7FFF0000, 0x80000001), range(0xFFFF0000, 0x100000000))
"""Sizes that programs write if they do not know it: the largest, and numbers just below it in whole blocks."""
_KNOWN = (b"LIST", b"bext", b"cue ", b"id3 ", b"ID3 ", b"iXML", b"smpl", b"fact", b"PEAK", b"axml", b"umid", b"JUNK")


@dataclass(frozen=True)
class Samples:
    """Place and encoding of the samples in a WAV file.

    Attributes:
        start, size: in bytes.
        declared: size according to the header, in bytes.
        encoding, channels, sample_rate, bits: of the chunk "fmt ".
    """

    start: int
    size: int
    declared: int
    encoding: int
    channels: int
    sample_rate: int
    bits: int

    @property
    def is_plain(self) -> bool:
        return self.encoding == 1 and self.bits == 16 and self.channels > 0


class PlainWavReader:
    """Samples of 16 bits, read directly: libsndfile takes longer to open a file than to read two seconds of it.

    Attributes:
        sample_rate (Hz), channels, frames (samples a channel), format and subtype as soundfile names them.
    """

    library, format, subtype, has_tags = "libsndfile", "WAV", "PCM_16", False

    def __init__(self, file: io.FileIO, samples: Samples):
        self._file, self._start = file, samples.start
        self.sample_rate, self.channels = samples.sample_rate, samples.channels
        self.frames = samples.size // (2 * samples.channels)

    def read(self, start: int, length: int) -> np.ndarray:
        """Read samples `start` to `start + length`, fewer if the file ends: float32 `(length, channels)`."""
        samples = np.empty((length, self.channels), dtype="<i2")
        self._file.seek(self._start + start * 2 * self.channels)
        count = self._file.readinto(samples) // (2 * self.channels)
        return np.multiply(samples[:count], np.float32(2**-15), dtype=np.float32)

    def close(self) -> None:
        pass


def with_true_size(file: BinaryIO, samples: Samples) -> Stretch:
    """Present a file whose header gives the right size, as RF64 where this takes more than 32 bits."""
    file.seek(0)
    chunks = file.read(samples.start)[12:-4]
    if samples.size < 0xFFFFFFFF - len(chunks):
        head = struct.pack("<4sI4s", b"RIFF", 8 + len(chunks) + samples.size, b"WAVE")
        size = samples.size
    else:
        sizes = struct.pack("<QQQI", 44 + len(chunks) + samples.size, samples.size, 0, 0)
        head = struct.pack("<4sI4s4sI", b"RF64", 0xFFFFFFFF, b"WAVE", b"ds64", len(sizes)) + sizes
        size = 0xFFFFFFFF
    return Stretch(file, samples.start, samples.start + samples.size, head + chunks + struct.pack("<I", size))


def find_samples(file: BinaryIO) -> Samples | None:
    """Find the samples of a WAV file, or return None for other files.

    Raises:
        AudioError: the samples are cut off.
    """
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(44)
    if len(head) < 44 or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    encoding, channels, sample_rate, _, _, bits, name, size = struct.unpack("<HHIIHH4sI", head[20:])
    # Most files: nothing but the format and the samples, which a loader of crops opens thousands of times.
    if head[12:20] == b"fmt \x10\0\0\0" and name == b"data" and 44 + size == end:
        return Samples(44, size, size, encoding, channels, sample_rate, bits)
    layout, at = None, 12
    while at + 8 <= end:
        name, size = _chunk(file, at)
        if name == b"fmt " and size >= 16:
            encoding, channels, sample_rate, _, _, bits = struct.unpack("<HHIIHH", file.read(16).ljust(16, b"\0"))
            layout = encoding, channels, sample_rate, bits
        if name == b"data":
            return layout and Samples(at + 8, _true_size(file, at + 8, size, end), size, *layout)
        at += 8 + size + size % 2
    return None


def _true_size(file: BinaryIO, start: int, declared: int, end: int) -> int:
    present = end - start
    if declared > present:
        if not any(declared in sizes for sizes in _UNKNOWN):
            raise AudioError(f"cut off, expected {declared} bytes of samples, got {present}")
        return present
    # Some programs leave out the byte that fills up an odd size.
    after = {start + declared, start + declared + declared % 2}
    return declared if any(_are_chunks(file, at, end) for at in after) else present


def _are_chunks(file: BinaryIO, at: int, end: int) -> bool:
    """Return True if nothing but chunks follows, and not samples."""
    while end - at >= 8:
        name, size = _chunk(file, at)
        if name[:3] == b"TAG" and end - at == 128:
            return True
        at += 8 + size + size % 2
        if at > end + 1:
            return name in _KNOWN
        if not all(0x20 <= letter < 0x7F for letter in name):
            return False
    return True


def _chunk(file: BinaryIO, at: int) -> tuple[bytes, int]:
    file.seek(at)
    return struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
