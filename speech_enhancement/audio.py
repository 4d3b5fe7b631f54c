"""Audio files: read in stretches, read whole at another rate, and written so that a file appears whole or not at all.

soundfile reads and writes them. Plain 16-bit WAV, the format that `prepare` writes, is read directly: opening it
through libsndfile takes longer than reading two seconds of it.
"""

import contextlib
import errno
import io
import math
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import resample_poly
from torch import Tensor
from torchaudio import functional

from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.data_uri import data_uri

SAMPLE_RATE = 16000
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


class AudioError(ValueError):
    """A file that is not the expected audio; the message names it."""


class Recording:
    """An audio file, opened to read stretches of it.

    Attributes:
        path, sample_rate (Hz), channels, frames (samples a channel).

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
            self._is_plain = self._read_plain_header()
            if not self._is_plain:
                self._open_with_soundfile()
            if self.frames == 0:
                raise AudioError(f"{path}: expected audio, got a file without samples")
        except BaseException:
            self.close()
            raise

    def read(self, start: int, length: int) -> Tensor:
        """Read samples `start` to `start + length`, fewer at the end of the file: float32, `(channels, length)`."""
        length = max(0, min(length, self.frames - start))
        if self._is_plain:
            samples = np.empty((length, self.channels), dtype="<i2")
            self._file.seek(44 + start * 2 * self.channels)
            try:
                count = self._file.readinto(samples) // (2 * self.channels)
            except OSError as error:
                # Unlike opening, reading raises an error that does not name the file.
                raise OSError(error.errno, error.strerror, str(self.path)) from None
            stretch = torch.from_numpy(np.multiply(samples, np.float32(2**-15), dtype=np.float32))
        else:
            try:
                self._go_to(start)
                samples = self._sound.read(length, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise AudioError(f"{self.path}: {_reason(error)}") from None
            count = len(samples)
            stretch = torch.from_numpy(samples)
            if not np.isfinite(samples.sum()) and not np.isfinite(samples).all():
                raise AudioError(f"{self.path}: expected finite samples, got NaN or infinity after sample {start}")
        if count < length:
            raise AudioError(f"{self.path}: cut off, expected {self.frames} samples, got {start + count}")
        return stretch.T

    def close(self) -> None:
        self._file.close()
        if hasattr(self, "_sound"):
            self._sound.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _read_plain_header(self) -> bool:
        header = self._file.read(44)
        if (
            len(header) < 44
            or header[:4] != b"RIFF"
            or header[8:20] != b"WAVEfmt \x10\0\0\0"
            or header[36:40] != b"data"
        ):
            return False
        encoding, self.channels, self.sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", header, 20)
        (size,) = struct.unpack_from("<I", header, 40)
        if encoding != 1 or bits != 16 or self.channels == 0:
            return False
        self.frames = size // (2 * self.channels)
        present = (os.fstat(self._file.fileno()).st_size - 44) // (2 * self.channels)
        if present < self.frames:
            raise AudioError(f"{self.path}: cut off, expected {self.frames} samples, got {present}")
        return True

    def _open_with_soundfile(self) -> None:
        self._file.seek(0)
        try:
            self._sound = soundfile.SoundFile(self._file)
        except soundfile.SoundFileError as error:
            raise AudioError(f"{self.path}: expected audio, got {_reason(error)}") from None
        self.sample_rate = self._sound.samplerate
        self.channels = self._sound.channels
        self.frames = self._sound.frames
        # libsndfile reads the rest of a WAV file that was cut off, and reports the cut only in its log.
        if cut := re.search(r"^data : (\d+) \(should be (\d+)\)", self._sound.extra_info, re.MULTILINE):
            raise AudioError(f"{self.path}: cut off, expected {cut[1]} bytes of samples, got {cut[2]}")

    def _go_to(self, start: int) -> None:
        """Seek to a sample, by reading up to it in formats in which libsndfile seeks only roughly."""
        if self._sound.format not in ("OGG", "MP3"):
            self._sound.seek(start)
            return
        if start < self._sound.tell():
            self._sound.close()
            self._open_with_soundfile()
        while self._sound.tell() < start:
            if not len(self._sound.read(min(1 << 16, start - self._sound.tell()))):
                break


def load(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Tensor:
    """Load a whole file at `sample_rate`: float32, `(channels, time)`. Raises the same errors as `Recording`."""
    with Recording(path) as recording:
        return resample(recording.read(0, recording.frames), recording.sample_rate, sample_rate)


def resample(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """Resample a signal: `(..., time)` -> `(..., ceil(time * new_rate / rate))`."""
    divisor = math.gcd(rate, new_rate)
    if (rate // divisor) * (new_rate // divisor) < 1 << 25:
        return functional.resample(waveform, rate, new_rate)
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
    with replacing(path) as temporary:
        try:
            with soundfile.SoundFile(temporary, "w", sample_rate, channels, subtype, format=format) as file:
                yield file
        except soundfile.LibsndfileError as error:
            raise OSError(errno.EIO, error.error_string, str(temporary)) from None


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


def find(root: str | Path) -> list[Path]:
    """List the audio files below a folder, without hidden ones, sorted by path; for a file, list the file itself.

    Raises:
        AudioError: there is no audio file.
    """
    root = Path(root)
    if root.is_file():
        return [root]
    if not root.exists():
        raise AudioError(f"{root}: expected a file or folder, got nothing there")
    paths = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not paths:
        raise AudioError(f"{root}: expected audio files ({', '.join(SUFFIXES)}), got a folder without any")
    return paths


def _reason(error: soundfile.SoundFileError) -> str:
    return getattr(error, "error_string", None) or str(error)
