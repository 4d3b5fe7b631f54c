"""The reader for a file, chosen by what the file holds; its name may say anything."""

import io
import os
from pathlib import Path
from typing import Protocol

import numpy as np

from speech_enhancement.formats import AudioError
from speech_enhancement.formats.ffmpeg import FfmpegReader
from speech_enhancement.formats.finding import FFMPEG_SUFFIXES
from speech_enhancement.formats.libsndfile import LibsndfileReader, Piece, UnknownFormatError
from speech_enhancement.formats.mp3 import find_streams
from speech_enhancement.formats.ogg import find_links
from speech_enhancement.formats.stretch import Stretch
from speech_enhancement.formats.wav import PlainWavReader, find_samples, with_true_size


class Reader(Protocol):
    """Samples of a file, with its sample rate in Hz, its channels, and the exact number of samples a channel.

    `format` and `subtype` are the names by which its `library`, libsndfile or FFmpeg, writes such a file.
    """

    library: str
    has_tags: bool
    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str

    def read(self, start: int, length: int) -> np.ndarray:
        """Read samples `start` to `start + length`, fewer if the file ends: float32 `(length, channels)`."""

    def close(self) -> None: ...


def open_reader(file: io.FileIO) -> Reader:
    """Open a reader for a file; raise `AudioError`, without the file's name, if it is not audio or is cut off."""
    if samples := find_samples(file):
        if samples.is_plain:
            return PlainWavReader(file, samples)
        if samples.size != samples.declared:
            return LibsndfileReader([Piece(with_true_size(file, samples))])
    file.seek(0)
    beginning = file.read(4)
    if beginning == b"OggS":
        return LibsndfileReader([Piece(Stretch(file, start, end)) for start, end in find_links(file)])
    if beginning[:3] == b"ID3" or beginning[:1] == b"\xff":
        streams = find_streams(file)
        if streams:
            parts = [(Stretch(file, stream.start, stream.end, stream.prefix), stream.skip) for stream in streams]
            return LibsndfileReader([Piece(part, skip) for part, skip in parts])
    try:
        return LibsndfileReader([Piece(file)])
    except UnknownFormatError as error:
        return _open_with_ffmpeg(file, error)


def _open_with_ffmpeg(file: io.FileIO, error: UnknownFormatError) -> Reader:
    try:
        return FfmpegReader(file)
    except ImportError:
        if Path(os.fsdecode(file.name)).suffix.lower() in FFMPEG_SUFFIXES:
            raise AudioError(f"{error}; pip install 'speech-enhancement[formats]' adds more formats") from None
        raise error from None
    except AudioError:
        # Of a file that neither library knows, the usual one tells more.
        if Path(os.fsdecode(file.name)).suffix.lower() in FFMPEG_SUFFIXES:
            raise
        raise error from None
