"""Audio files: read in stretches, read whole at another rate, and written so that a file appears whole or not at all.

What each format needs to be read is in `formats`.
"""

import contextlib
import errno
import io
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import torch
from torch import Tensor
from torchaudio import functional
from tqdm.auto import tqdm

from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.data_uri import data_uri
from speech_enhancement.files.failures import one_line
from speech_enhancement.files.names import printable
from speech_enhancement.formats import AudioError
from speech_enhancement.formats.finding import find
from speech_enhancement.formats.opening import open_reader
from speech_enhancement.formats.tags import copy_tags

__all__ = ["AudioError", "Recording", "find", "load", "resample", "save", "sound_uri", "writing", "writing_like"]

SAMPLE_RATE = 16000
_LARGEST_WAV = (1 << 32) - (1 << 16)
"""Bytes of samples that a WAV file can hold, with room for other chunks."""
_BYTES = {"PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "DOUBLE": 8}
LOWEST_RATE, HIGHEST_RATE = 1000, 1_000_000


class Recording:
    """An audio file, opened to read stretches of it.

    Attributes:
        path, sample_rate (Hz), channels, frames (samples a channel).
        library, format, subtype: libsndfile or FFmpeg, and its names for the container and the encoding.

    Raises:
        AudioError: the file is not audio, is cut off, or holds no samples.
        OSError: it cannot be opened.

    Example:
        >>> with Recording("speech.flac") as recording:  # doctest: +SKIP
        ...     two_seconds = recording.read(0, 2 * recording.sample_rate)  # (channels, 32000)
    """

    def __init__(self, path: str | Path):
        self.path = path
        self._file = io.FileIO(path)
        try:
            self._reader = open_reader(self._file)
            self.sample_rate, self.channels = self._reader.sample_rate, self._reader.channels
            self.frames = self._reader.frames
            self.library, self.format, self.subtype = (
                self._reader.library,
                self._reader.format,
                self._reader.subtype,
            )
            if self.frames == 0:
                raise AudioError("expected audio, got a file without samples")
            if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE:
                expected = f"a sample rate of {LOWEST_RATE} to {HIGHEST_RATE} Hz"
                raise AudioError(f"expected {expected}, got {self.sample_rate}")
        except (AudioError, OSError) as error:
            self.close()
            raise self._with_name(error) from None
        except BaseException:
            self.close()
            raise

    def read(self, start: int, length: int) -> Tensor:
        """Read samples `start` to `start + length`, fewer at the end of the file: float32, `(channels, length)`."""
        length = max(0, min(length, self.frames - start))
        try:
            samples = self._reader.read(start, length)
            if len(samples) < length:
                raise AudioError(f"cut off, expected {self.frames} samples, got {start + len(samples)}")
        except (AudioError, OSError) as error:
            raise self._with_name(error) from None
        return torch.from_numpy(samples).T

    @property
    def has_tags(self) -> bool:
        """True if there is a title, an artist or the like, as far as libsndfile knows."""
        return self._reader.has_tags

    def close(self) -> None:
        if hasattr(self, "_reader"):
            self._reader.close()
        self._file.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _with_name(self, error: AudioError | OSError) -> AudioError | OSError:
        # Unlike opening, reading raises an error that does not name the file.
        if isinstance(error, OSError):
            return OSError(error.errno, error.strerror, str(self.path))
        return AudioError(f"{self.path}: {error}")


def load(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Tensor:
    """Load a whole file at `sample_rate`: float32, `(channels, time)`. Raises the same errors as `Recording`."""
    with Recording(path) as recording:
        return resample(recording.read(0, recording.frames), recording.sample_rate, sample_rate)


def resample(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """Resample a signal: `(..., time)` -> `(..., ceil(time * new_rate / rate))`."""
    divisor = math.gcd(rate, new_rate)
    if (rate // divisor) * (new_rate // divisor) < 1 << 20:
        return functional.resample(waveform, rate, new_rate)
    # Imported here, since it takes 70 MiB.
    from scipy.signal import resample_poly

    # torchaudio's filter has as many taps as this product, which takes gigabytes between odd rates.
    resampled = resample_poly(waveform.cpu().numpy(), new_rate // divisor, rate // divisor, axis=-1)
    return torch.from_numpy(resampled).to(waveform)


def save(path: str | Path, waveform: Tensor, sample_rate: int = SAMPLE_RATE) -> None:
    """Write `waveform`, shape `(channels, time)`, as 16 bits, clipped to [-1, 1].

    The file appears whole or not at all. Its suffix determines the format.
    """
    with writing(path, sample_rate, len(waveform), "PCM_16", Path(path).suffix[1:]) as file:
        file.write(waveform.T.numpy())


@contextlib.contextmanager
def writing(
    path: str | Path, sample_rate: int, channels: int, subtype: str, format: str
) -> Iterator[soundfile.SoundFile]:
    """Open a new audio file to write it piece by piece; it appears under its name if the block succeeds.

    Args:
        path: file to write.
        sample_rate, channels: of the file; samples are written as arrays `(time, channels)`.
        subtype, format: as soundfile names them, "PCM_16" and "WAV" for instance.

    Raises:
        OSError: the file cannot be opened or written.
    """
    with replacing(path) as temporary, _encoding(temporary, sample_rate, channels, subtype, format) as file:
        yield file


class BlockWriter(Protocol):
    """A file that is written block by block."""

    def write(self, samples: np.ndarray) -> None:
        """Write samples `(time, channels)`."""


@contextlib.contextmanager
def writing_like(path: str | Path, recording: Recording) -> Iterator[BlockWriter]:
    """Open a new audio file with the format, sample rate, channels and tags of a recording, likewise.

    A WAV file that will hold more than 4 GiB is written as RF64, whose sizes have 64 bits. Of a video the pictures,
    the subtitles and the other sound tracks are copied. Tags that cannot be kept are named on stderr.

    Raises:
        AudioError: nothing encodes what the recording is encoded in.
        OSError: the file cannot be opened or written.
    """
    with replacing(path) as temporary:
        with _encoding_like(temporary, recording) as writer:
            yield writer
        try:
            copy_tags(Path(recording.path), temporary)
        except ImportError:
            if recording.has_tags:
                _note(recording, "tags are not kept; pip install 'speech-enhancement[formats]' keeps them")
        except ValueError as error:
            _note(recording, f"tags are not kept: {one_line(error)}")


@contextlib.contextmanager
def _encoding(path: Path, sample_rate: int, channels: int, subtype: str, format: str) -> Iterator[soundfile.SoundFile]:
    try:
        # soundfile cannot encode a name that is not UTF-8.
        name = os.fsencode(path) if os.name == "posix" else path
        with soundfile.SoundFile(name, "w", sample_rate, channels, subtype, format=format) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise OSError(errno.EIO, error.error_string, str(path)) from None


def _encoding_like(path: Path, recording: Recording) -> contextlib.AbstractContextManager[BlockWriter]:
    if recording.library == "FFmpeg":
        from speech_enhancement.formats.ffmpeg_writing import encoding_with_ffmpeg

        return encoding_with_ffmpeg(path, Path(recording.path), recording._reader)
    samples = recording.frames * recording.channels
    is_large = recording.format in ("WAV", "WAVEX") and samples * _BYTES.get(recording.subtype, 4) >= _LARGEST_WAV
    format = "RF64" if is_large else recording.format
    return _encoding(path, recording.sample_rate, recording.channels, recording.subtype, format)


def _note(recording: Recording, text: str) -> None:
    tqdm.write(f"note: {printable(recording.path)}: {text}", file=sys.stderr)


def sound_uri(waveform: Tensor, kind: str = "flac") -> str:
    """Encode a waveform `(time,)` at 16 kHz as a file in a data URI, for the source of a player.

    Args:
        waveform: samples, which are clipped to -1 to 1.
        kind: "flac", which keeps every sample, or "mp3", which is several times smaller.

    Raises:
        ValueError: the waveform holds NaN or infinity, at which the encoder of MP3 ends the whole process.
    """
    if not waveform.isfinite().all():
        raise ValueError("waveform: expected finite samples, got NaN or infinity")
    subtype = {"flac": "PCM_16", "mp3": "MPEG_LAYER_III"}[kind]
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform.clamp(-1, 1).numpy(), SAMPLE_RATE, format=kind.upper(), subtype=subtype)
    return data_uri({"flac": "audio/flac", "mp3": "audio/mpeg"}[kind], buffer.getvalue())
