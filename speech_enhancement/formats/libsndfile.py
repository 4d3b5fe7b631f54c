"""Files that libsndfile decodes, one piece after another."""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

import numpy as np
import soundfile

from speech_enhancement.formats import AudioError

_BLOCK = 1 << 16
_UNKNOWN = 1 << 62
"""Number of samples from which it is a way of saying that the header does not tell it."""


class UnknownFormatError(AudioError):
    """A file that libsndfile cannot open."""


@dataclass(frozen=True)
class Piece:
    """A file-like part of a recording, and the number of samples to drop from its beginning."""

    file: BinaryIO
    skip: int = 0


class _Sound(soundfile.SoundFile):
    """A file that is only read forwards, unless it is told to seek.

    soundfile would seek to the current position after each block, which restarts the decoder of MP3: the next frames
    then lack the bits that they share with earlier ones, and click.
    """

    def seekable(self) -> bool:
        return False


class LibsndfileReader:
    """A recording in one or more pieces of the same sample rate and channels.

    Attributes:
        sample_rate (Hz), channels, frames (samples a channel), format and subtype as soundfile names them.

    Raises:
        UnknownFormatError: libsndfile does not know the format.
        AudioError: a piece is cut off, pieces differ, or a sample is not finite.
    """

    library = "libsndfile"

    def __init__(self, pieces: Sequence[Piece]):
        self._pieces = pieces
        self._number, self._position, self._sound = -1, 0, None
        lengths = []
        for number in range(len(pieces)):
            self._open(number)
            lengths.append(self._length())
            kind = self._sound.samplerate, self._sound.channels
            if number and kind != (self.sample_rate, self.channels):
                expected = f"{self.sample_rate} Hz and {self.channels} channels"
                raise AudioError(f"expected parts of {expected} throughout, got one of {kind[0]} Hz and {kind[1]}")
            self.sample_rate, self.channels = kind
        self.format, self.subtype = self._sound.format, self._sound.subtype
        self.has_tags = bool(self._sound.copy_metadata())
        self._starts = [0, *accumulate(lengths)]
        self.frames = self._starts[-1]

    def read(self, start: int, length: int) -> np.ndarray:
        """Read samples `start` to `start + length`, fewer if the file ends: float32 `(length, channels)`."""
        samples, count = np.empty((length, self.channels), np.float32), 0
        while count < min(length, self.frames - start):
            number = bisect.bisect(self._starts, start + count) - 1
            if self._number != number:
                self._open(number)
            wanted = min(length, self._starts[number + 1] - start) - count
            try:
                self._go_to(start + count - self._starts[number] + self._pieces[number].skip)
                got = self._read(samples[count : count + wanted])
            except soundfile.SoundFileError as error:
                raise AudioError(_reason(error)) from None
            count += got
            if got < wanted:
                break
        if not np.isfinite(samples[:count].sum()) and not np.isfinite(samples[:count]).all():
            raise AudioError(f"expected finite samples, got NaN or infinity after sample {start}")
        return samples[:count]

    def close(self) -> None:
        if self._sound is not None:
            self._sound.close()

    def _open(self, number: int) -> None:
        self.close()
        file = self._pieces[number].file
        file.seek(0)
        try:
            self._sound = _Sound(file)
        except soundfile.SoundFileError as error:
            raise UnknownFormatError(f"expected audio, got {_reason(error)}") from None
        self._number, self._position = number, 0
        # libsndfile reads the rest of a WAV file that was cut off, and reports the cut only in its log.
        cut = re.search(r"^data : (\d+) \(should be (\d+)\)", self._sound.extra_info, re.MULTILINE)
        if cut and int(cut[1]) < 0xFFFFFFFF:
            raise AudioError(f"cut off, expected {cut[1]} bytes of samples, got {cut[2]}")

    def _length(self) -> int:
        """Return the number of samples of the open piece; decode it where the header does not tell."""
        if self._sound.frames < _UNKNOWN:
            return max(0, self._sound.frames - self._pieces[self._number].skip)
        block = np.empty((_BLOCK, self._sound.channels), np.float32)
        while self._read(block):
            pass
        return self._position

    def _go_to(self, position: int) -> None:
        """Move to a sample, by reading up to it in formats in which libsndfile seeks only roughly or not at all."""
        if position == self._position:
            return
        seeks_roughly = self._sound.format in ("OGG", "MP3") or self._sound.frames >= _UNKNOWN
        if soundfile.SoundFile.seekable(self._sound) and not seeks_roughly:
            self._position = self._sound.seek(position)
            return
        if position < self._position:
            self._open(self._number)
        block = np.empty((_BLOCK, self.channels), np.float32)
        while self._position < position and self._read(block[: position - self._position]):
            pass

    def _read(self, samples: np.ndarray) -> int:
        """Fill an array `(time, channels)` from the open piece, and return how many samples there were."""
        count = len(self._sound.read(out=samples))
        self._position += count
        return count


def _reason(error: soundfile.SoundFileError) -> str:
    return getattr(error, "error_string", None) or str(error)
