"""Files that FFmpeg encodes: the first sound track is new, and all else is copied as it is."""

import contextlib
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from tqdm.auto import tqdm

from speech_enhancement.files.names import printable
from speech_enhancement.formats import AudioError
from speech_enhancement.formats.ffmpeg import DEMUXERS, FfmpegReader

_MUXERS = {
    **{".m4a": "ipod", ".m4b": "ipod", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".3gp": "3gp", ".aac": "adts"},
    **{".wma": "asf", ".wmv": "asf", ".webm": "webm", ".mkv": "matroska", ".mka": "matroska", ".amr": "amr"},
}
_WITHOUT_DELAY = "adts"
"""A format that cannot say how many samples of an encoder's delay to drop; here the packet with it is dropped."""
_ENCODERS = {
    **{"opus": "libopus", "mp3float": "libmp3lame", "mp3": "libmp3lame", "amrnb": "libopencore_amrnb"},
    # FFmpeg only decodes these, or encodes two channels of them badly.
    **{"vorbis": "libopus", "wmapro": "wmav2", "wmavoice": "wmav2", "wmalossless": "wmav2"},
}
_COPIED = ("video", "audio", "subtitle", "attachment")
_BITS_PER_SECOND = 96_000
"""For each channel, where the source does not tell its own rate."""


@contextlib.contextmanager
def encoding_with_ffmpeg(path: Path, source: Path, reader: FfmpegReader) -> Iterator["FfmpegWriter"]:
    """Open `path` to write the first sound track of `source` anew; raise `AudioError` if FFmpeg does not encode it."""
    try:
        with path.open("wb") as file, contextlib.closing(FfmpegWriter(file, source, reader)) as writer:
            yield writer
            writer.finish()
    except av.FFmpegError as error:
        raise AudioError(f"{source}: could not be encoded: {error.strerror}") from None


class FfmpegWriter:
    """A file like another one but for its first sound track, which is written block by block.

    Args:
        file: to write.
        source: file to copy video, subtitles, other sound tracks, tags and chapters from.
        reader: of the source's first sound track.

    Raises:
        AudioError: FFmpeg has no encoder for the source's codec.
    """

    def __init__(self, file: BinaryIO, source: Path, reader: FfmpegReader):
        self._source, self._rate, self._layout = source, reader.sample_rate, reader.layout
        self._opened = source.open("rb")
        self._input = av.open(self._opened, options={"format_whitelist": DEMUXERS}, metadata_errors="replace")
        muxer = _MUXERS.get(source.suffix.lower(), reader.format.split(",")[0])
        self._keeps_delay = muxer != _WITHOUT_DELAY
        self._output = av.open(file, "w", format=muxer)
        self._output.metadata.update(self._input.metadata)
        sound = self._input.streams.audio[0]
        self._copies = {}
        for stream in self._input.streams:
            if stream is sound:
                self._sound = self._encoded(stream, reader.subtype)
            else:
                self._copy(stream)
        # The sound of a file without pictures begins at once, even if its encoder's delay came before it.
        self._begin = self._position = round(reader.begins * reader.sample_rate) if self._copies else 0
        self._packets = self._packets_to_copy()
        self._waiting = next(self._packets, None)
        if self._sound.codec_context.name.startswith("wma"):
            # FFmpeg's decoder drops the first frame, whose windows nothing overlaps.
            self._sound.codec_context.open()
            self.write(np.zeros((self._sound.codec_context.frame_size, reader.channels), np.float32))

    def write(self, samples: np.ndarray) -> None:
        """Write samples `(time, channels)`."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._position
        self._position += len(samples)
        self._mux(self._sound.encode(frame))

    def finish(self) -> None:
        """Write what the encoder holds back, and the rest of the other streams."""
        self._mux(self._sound.encode(None))
        self._copy_packets_until(float("inf"))
        self._output.close()

    def close(self) -> None:
        self._input.close()
        self._opened.close()

    def _encoded(self, source: av.AudioStream, codec: str) -> av.AudioStream:
        try:
            encoder = av.Codec(_ENCODERS.get(codec, codec), "w")
        except av.codec.codec.UnknownCodecError:
            raise AudioError(f"{self._source}: expected a codec that FFmpeg encodes, got {codec}") from None
        rates = encoder.audio_rates or [self._rate]
        rate = min((rate for rate in rates if rate >= self._rate), default=max(rates))
        stream = self._output.add_stream(encoder.name, rate=rate, layout=self._layout)
        stream.bit_rate = source.bit_rate or _BITS_PER_SECOND * source.codec_context.layout.nb_channels
        stream.metadata.update(source.metadata)
        return stream

    def _copy(self, stream: av.stream.Stream) -> None:
        # A cover is one of the tags in these formats.
        if stream.disposition & av.stream.Disposition.attached_pic:
            return
        try:
            if stream.type not in _COPIED:
                raise ValueError
            self._copies[stream.index] = self._output.add_stream_from_template(stream)
            self._copies[stream.index].metadata.update(stream.metadata)
        except (ValueError, av.FFmpegError):
            note = f"a {stream.type} stream cannot be copied and is left out"
            tqdm.write(f"note: {printable(self._source)}: {note}", file=sys.stderr)

    def _packets_to_copy(self) -> Iterator[av.Packet]:
        streams = [self._input.streams[index] for index in self._copies]
        for packet in self._input.demux(streams) if streams else ():
            if packet.dts is not None:
                yield packet

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            begin, end = (time * packet.time_base for time in (packet.pts, packet.pts + (packet.duration or 0)))
            if self._keeps_delay or end > Fraction(self._begin, self._rate):
                self._copy_packets_until(begin)
                self._output.mux(packet)

    def _copy_packets_until(self, seconds: float) -> None:
        while self._waiting is not None and self._waiting.dts * self._waiting.time_base <= seconds:
            self._waiting.stream = self._copies[self._waiting.stream.index]
            self._output.mux(self._waiting)
            self._waiting = next(self._packets, None)
