"""The reader for a file, chosen by what the file holds; its name may say anything."""

import io
from typing import Protocol

import numpy as np

from speech_enhancement.formats.libsndfile import LibsndfileReader, Piece
from speech_enhancement.formats.mp3 import find_streams
from speech_enhancement.formats.ogg import find_links
from speech_enhancement.formats.stretch import Stretch
from speech_enhancement.formats.wav import PlainWavReader, find_samples, with_true_size


class Reader(Protocol):
    """Samples of a file, with its sample rate in Hz, its channels, and the exact number of samples a channel.

    `format` and `subtype` are the names by which soundfile, or else FFmpeg, writes such a file.
    """

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
    return LibsndfileReader([Piece(file)])
