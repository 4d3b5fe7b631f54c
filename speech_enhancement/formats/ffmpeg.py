"""Files that FFmpeg decodes, through PyAV, an optional package: m4a, aac, wma, amr, and the sound of videos."""

import io
from collections.abc import Iterator

import numpy as np
from tqdm.auto import tqdm

from speech_enhancement.formats import AudioError

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,aac,amr,ac3,mp3,wav,avi,mpeg,mpegts,flv,ogg,wv,ape,tta"
"""Those that read one file and nothing else: a playlist could name any file or host."""


class FfmpegReader:
    """The first sound track of a file, which is decoded once to know how long it is.

    Attributes:
        sample_rate (Hz), channels, frames (samples a channel), format and subtype as FFmpeg names them.
        layout: name of the channels' places, "stereo" for instance.
        begins: time of the first sample, in seconds.

    Raises:
        AudioError: FFmpeg does not know the format, or there is no sound track, or it cannot be decoded.
        ImportError: PyAV is not installed.
    """

    library, has_tags = "FFmpeg", True

    def __init__(self, file: io.FileIO):
        self._file = file
        self._open()
        self.format, self.subtype = self._container.format.name, self._stream.codec_context.codec.name
        rest = tqdm(self._blocks, desc="measure the length", unit="block", leave=False, delay=2)
        self.frames = self._left.shape[1] + sum(block.shape[1] for block in rest)
        self._open()

    def read(self, start: int, length: int) -> np.ndarray:
        """Read samples `start` to `start + length`, fewer if the file ends: float32 `(length, channels)`."""
        if start < self._position:
            self._open()
        parts, wanted = [np.empty((self.channels, 0), np.float32)], length
        while wanted:
            if not self._left.shape[1]:
                self._left = next(self._blocks, None)
                if self._left is None:
                    self._left = parts[0]
                    break
            skipped = min(start - self._position, self._left.shape[1]) if self._position < start else 0
            part = self._left[:, skipped : skipped + wanted]
            self._left = self._left[:, skipped + part.shape[1] :]
            self._position += skipped + part.shape[1]
            wanted -= part.shape[1]
            parts.append(part)
        samples = np.concatenate(parts, axis=1).T
        if not np.isfinite(samples).all():
            raise AudioError(f"expected finite samples, got NaN or infinity after sample {start}")
        return np.ascontiguousarray(samples)

    def close(self) -> None:
        self._container.close()

    def _open(self) -> None:
        """Open the file at its beginning."""
        import av

        self._file.seek(0)
        try:
            self._container = av.open(self._file, options={"format_whitelist": DEMUXERS}, metadata_errors="replace")
        except av.FFmpegError as error:
            raise AudioError(f"expected audio, got {error.strerror}") from None
        if not self._container.streams.audio:
            raise AudioError("expected a sound track, got a file without any")
        self._stream = self._container.streams.audio[0]
        self._blocks = self._decode()
        first = next(self._blocks, None)
        if first is None:
            raise AudioError("expected audio, got a file without samples")
        self._position, self._left = 0, first

    def _decode(self) -> Iterator[np.ndarray]:
        """Yield the sound in blocks `(channels, time)`, and note its rate, its channels and its begin before it."""
        import av

        resampler = None
        try:
            for frame in self._container.decode(self._stream):
                if resampler is None:
                    self.sample_rate, self.channels = frame.sample_rate, frame.layout.nb_channels
                    self.layout, self.begins = frame.layout.name, float(frame.time or 0)
                    resampler = av.AudioResampler("fltp", frame.layout, frame.sample_rate)
                yield from (block.to_ndarray() for block in resampler.resample(frame))
            # A resampler that changes nothing returns None here.
            if resampler is not None:
                yield from (block.to_ndarray() for block in resampler.resample(None) if block is not None)
        except av.FFmpegError as error:
            raise AudioError(f"could not be decoded: {error.strerror}") from None
