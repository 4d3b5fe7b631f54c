"""A model over recordings of any length, sample rate and channel count.

A recording is enhanced block by block, and the blocks join as if it had been enhanced in one pass: the difference is
float rounding, as a test confirms. A system with a stream carries its state from block to block, and works at the
recording's own rate. Any other gets each block with context on both sides: the piece begins at a multiple of the
model's alignment, and the context covers everything on which the result can depend. Such a piece is resampled to the
system's rate, see `systems/blocks/small_ratio.py`.
"""

import contextlib
import functools
import math
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, Recording, writing_like
from speech_enhancement.systems.blocks.full_band import with_common_gains, with_high_band
from speech_enhancement.systems.blocks.in_context import InContext
from speech_enhancement.systems.blocks.rumble_filter import half_length, remove_rumble, rumble
from speech_enhancement.systems.blocks.small_ratio import REACH, resample_by, small_ratio
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import Samples, System, kept_share

CHUNK_SECONDS = 40.0
_LONG_MINUTES = 10.0
_STREAM_SECONDS = 1.0
_HOP_SECONDS = 0.008


def enhance(
    noisy: Samples, sample_rate: int, model: System | None = None, attenuation_limit: float | None = None
) -> Samples:
    """Take the noise out of a recording. All channels get the same gains.

    Args:
        noisy: NumPy array or tensor of floating-point samples, full scale at 1: `(time,)` or `(channels, time)`.
        sample_rate: Hz.
        model: from `load_model`; by default the one that comes with the package.
        attenuation_limit: most that is taken away, dB: what was noisy stays at this level below itself. None for no
            limit.

    Returns:
        The enhanced recording, with the type, shape, dtype and device of `noisy`.

    Raises:
        ValueError: `noisy` has another shape, is empty, or holds integers, NaN or infinity; the limit is below 0.

    Example:
        >>> import numpy as np, speech_enhancement
        >>> noisy = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
        >>> speech_enhancement.enhance(noisy, 44100).shape
        (2, 44100)
    """
    waveform = _checked(noisy)
    enhancer = Enhancer(_packaged_model() if model is None else model, attenuation_limit=attenuation_limit)
    pieces = list(enhancer.enhance_recording(_Waveform(waveform.reshape(-1, waveform.shape[-1]), sample_rate)))
    enhanced = torch.cat(pieces, dim=-1).reshape(waveform.shape)
    if isinstance(noisy, Tensor):
        return enhanced.to(noisy)
    return enhanced.numpy().astype(noisy.dtype, copy=False)


class SampleSource(Protocol):
    """Source of samples that can be read from first to last, such as a `Recording`."""

    sample_rate: int
    frames: int

    def read(self, start: int, length: int) -> Tensor:
        """Read samples `start` to `start + length`, fewer at the end: `(channels, length)`."""


class Enhancer:
    """Run a system over recordings.

    Args:
        system: in evaluation mode.
        chunk_seconds: length of the pieces in which a system without a stream gets a recording; memory grows with it,
            not with the recording. If it has no `context` either, the whole recording is one piece.
        device: of the system.
        attenuation_limit: most that is taken away, dB; None for no limit.
        apart: True if a recording's channels have nothing to do with each other; otherwise all get the same gains, if
            the system denoises: other tasks have none.
        keep_rumble: True to keep what lies below 50 Hz.

    Attributes:
        streams: True if the system has a stream.
    """

    def __init__(
        self,
        system: System,
        chunk_seconds: float = CHUNK_SECONDS,
        device: torch.device | str = "cpu",
        attenuation_limit: float | None = None,
        apart: bool = False,
        keep_rumble: bool = False,
    ):
        self.system = system
        self.device = device
        self.chunk_seconds = chunk_seconds
        self.attenuation_limit, self.keep_rumble = attenuation_limit, keep_rumble
        self.apart = apart or system.task != System.task
        self._kept = kept_share(attenuation_limit)
        self.streams = system.stream() is not None

    def enhance_file(self, source: Path, destination: Path, residual: Path | None = None) -> None:
        """Write the enhanced file in the format, sample rate, channels and length of the source.

        Args:
            source: file to read.
            destination: file to write.
            residual: file to write what was taken away to, the source less the result, likewise.

        Raises:
            AudioError: the source is not audio, is cut off or empty, or holds non-finite samples.
            OSError: a file cannot be opened or written.
        """
        with contextlib.ExitStack() as stack:
            recording = stack.enter_context(Recording(source))
            minutes = recording.frames / recording.sample_rate / 60
            if self.system.context is None and not self.streams and minutes > _LONG_MINUTES:
                note = f"{self.system.title} looks at the whole recording: {minutes:.0f} minutes may not fit in memory"
                tqdm.write(f"note: {source}: {note}", file=sys.stderr)
            file = stack.enter_context(writing_like(destination, recording))
            rest = stack.enter_context(writing_like(residual, recording)) if residual else None
            options = {"desc": source.name, "unit": "sample", "unit_scale": True, "leave": False}
            bar = stack.enter_context(tqdm(total=recording.frames, **options))
            heard = _Remembered(recording) if residual else recording
            for enhanced in self.enhance_recording(heard):
                _write(file, enhanced)
                if rest:
                    _write(rest, heard.take(enhanced.shape[-1]) - enhanced)
                bar.update(enhanced.shape[-1])

    def enhance_recording(self, recording: SampleSource) -> Iterator[Tensor]:
        """Yield the enhanced recording in pieces `(channels, time)`, at its own sample rate."""
        return self._stream_recording(recording) if self.streams else self._chunk_recording(recording)

    def _stream_recording(self, recording: SampleSource) -> Iterator[Tensor]:
        rate, stream, late = recording.sample_rate, None, 0
        for block in _blocks(recording, max(1, round(_STREAM_SECONDS * rate))):
            if stream is None:
                stream = self.system.stream(rate, len(block), self.attenuation_limit, self.apart, self.keep_rumble)
                late = stream.latency
            enhanced = stream.process(block)[:, late:]
            late -= block.shape[-1] - enhanced.shape[-1]
            if enhanced.shape[-1]:
                yield enhanced
        yield stream.flush()[:, late:]

    def _chunk_recording(self, recording: SampleSource) -> Iterator[Tensor]:
        rate = recording.sample_rate
        whole = self.system.context is None
        chunk, context, step = (recording.frames, 0, 1) if whole else self._chunk(rate)
        pieces = InContext(lambda piece: self._enhance_piece(piece, rate), context, step, step)
        for block in _blocks(recording, chunk):
            enhanced = pieces.take(block)
            if enhanced.shape[-1]:
                yield enhanced
        rest = pieces.end()
        if rest.shape[-1]:
            yield rest

    @torch.inference_mode()
    def enhance(self, waveform: Tensor, sample_rate: int = SAMPLE_RATE) -> Tensor:
        """Enhance one channel, in one pass if the system has no stream: `(time,)` -> `(time,)`, at its own rate."""
        recording = _Waveform(waveform[None], sample_rate)
        if self.streams:
            return torch.cat(list(self._stream_recording(recording)), dim=-1)[0]
        return self._enhance_piece(recording.waveform, sample_rate)[0]

    @torch.inference_mode()
    def _enhance_piece(self, piece: Tensor, rate: int) -> Tensor:
        """Enhance `(channels, time)` in one pass."""
        noisy = piece.to(self.device)
        ratio = small_ratio(rate, self.system.sample_rate)
        at_own_rate = resample_by(noisy, ratio)
        enhanced, heard = (
            _fitted(resample_by(each, 1 / ratio), noisy.shape[-1])
            for each in (torch.stack([self._through_system(channel) for channel in at_own_rate]), at_own_rate)
        )
        in_full_band = with_high_band if self.apart or len(noisy) == 1 else with_common_gains
        enhanced = in_full_band(noisy, heard, enhanced, rate, self._hop(rate))
        if self.keep_rumble:
            enhanced = enhanced + rumble(noisy, rate)
        return (self._kept * noisy + (1 - self._kept) * enhanced).cpu()

    def _through_system(self, noisy: Tensor) -> Tensor:
        """Run the system over one channel at its own rate, `(time,)`."""
        if self.system.needs_rumble_filter:
            noisy = remove_rumble(noisy)
        padded = nn.functional.pad(noisy, (0, max(0, self.system.shortest - noisy.shape[-1])))
        return self.system(padded[None, None])[0, 0, : noisy.shape[-1]]

    def _chunk(self, rate: int) -> tuple[int, int, int]:
        """Compute chunk and context in samples at a recording's rate, each a whole number of steps, and the step.

        A step is a whole number of samples at both rates, and of the model's alignment.
        """
        ratio, hop = small_ratio(rate, self.system.sample_rate), self._hop(rate)
        step_at_own_rate = math.lcm(self.system.alignment, ratio.denominator)
        step = math.lcm(step_at_own_rate * ratio.numerator // ratio.denominator, hop)
        chunk = max(1, round(self.chunk_seconds * rate / step)) * step
        # The last piece must not be filled up with zeros: some systems mirror the end of the recording.
        context = max(self.system.context + half_length() + REACH, self.system.shortest)
        context = math.ceil(context * ratio) + math.ceil(REACH * max(1, ratio)) + 4 * hop
        return chunk, -(-context // step) * step, step

    def _hop(self, rate: int) -> int:
        """Choose a hop for the gains of which the pieces can hold whole numbers."""
        ratio = small_ratio(rate, self.system.sample_rate)
        return max(1, round(_HOP_SECONDS * rate / ratio.numerator)) * ratio.numerator


class _Waveform:
    """A waveform `(channels, time)` in memory as a source of samples."""

    def __init__(self, waveform: Tensor, sample_rate: int):
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.frames = waveform.shape[-1]

    def read(self, start: int, length: int) -> Tensor:
        return self.waveform[:, start : max(start, start + length)]


class _Remembered:
    """A source that keeps what was read until it is taken."""

    def __init__(self, source: SampleSource):
        self._source = source
        self.sample_rate, self.frames = source.sample_rate, source.frames
        self._blocks: deque[Tensor] = deque()

    def read(self, start: int, length: int) -> Tensor:
        self._blocks.append(self._source.read(start, length))
        return self._blocks[-1]

    def take(self, length: int) -> Tensor:
        """Take the first `length` samples that were not taken yet, `(channels, length)`."""
        taken = []
        while length:
            block = self._blocks.popleft()
            taken.append(block[:, :length])
            if block.shape[-1] > length:
                self._blocks.appendleft(block[:, length:])
            length -= taken[-1].shape[-1]
        return torch.cat(taken, dim=-1)


def _blocks(recording: SampleSource, length: int) -> Iterator[Tensor]:
    # Read only forwards, since some formats cannot seek exactly.
    return (recording.read(start, length) for start in range(0, recording.frames, length))


def _write(file: soundfile.SoundFile, samples: Tensor) -> None:
    # In blocks: libsndfile crashes on a million samples of Vorbis at once.
    for block in samples.split(65536, dim=-1):
        file.write(block.T.numpy())


def _fitted(waveform: Tensor, length: int) -> Tensor:
    """Cut a waveform, or fill it up with zeros, to a length."""
    return nn.functional.pad(waveform, (0, max(0, length - waveform.shape[-1])))[..., :length]


@functools.cache
def _packaged_model() -> System:
    return load_model()


def _checked(noisy: np.ndarray | Tensor) -> Tensor:
    """Convert samples to a float32 tensor on the CPU; raise `ValueError` if they cannot be used."""
    waveform = noisy.detach() if isinstance(noisy, Tensor) else torch.as_tensor(np.asarray(noisy))
    if waveform.dim() not in (1, 2) or not waveform.numel():
        raise ValueError(f"noisy: expected samples (time,) or (channels, time), got the shape {tuple(waveform.shape)}")
    if not waveform.is_floating_point():
        raise ValueError(f"noisy: expected floating-point samples with full scale at 1, got {waveform.dtype}")
    if not waveform.isfinite().all():
        raise ValueError("noisy: expected finite samples, got NaN or infinity")
    return waveform.to("cpu", torch.float32)
