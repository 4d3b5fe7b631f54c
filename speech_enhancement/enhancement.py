"""A model over recordings of any length, sample rate and channel count.

A recording is enhanced block by block, and the blocks join as if it had been enhanced in one pass: the difference is
float rounding, as a test confirms. A system with a stream carries its state from block to block. Any other gets each
block with context on both sides: the piece begins at a multiple of the model's alignment, and the context covers
everything on which the result can depend.
"""

import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, Recording, resample, writing_like
from speech_enhancement.systems.blocks.rumble_filter import HALF_LENGTH, remove_rumble
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System

CHUNK_SECONDS = 40.0
_LONG_MINUTES = 10.0
_STREAM_SECONDS = 2.0
"""Length of a stream's blocks; a processor's caches hold too little of longer ones."""
_RESAMPLING_REACH = 12
"""Samples, of the lower rate, on either side on which a resampled one depends: 7 by `torchaudio`, 10 by `scipy`."""

Samples = TypeVar("Samples", np.ndarray, Tensor)


def enhance(noisy: Samples, sample_rate: int, model: System | None = None) -> Samples:
    """Take the noise out of a recording.

    Args:
        noisy: NumPy array or tensor of floating-point samples, full scale at 1: `(time,)` or `(channels, time)`.
        sample_rate: Hz.
        model: from `load_model`; by default the one that comes with the package.

    Returns:
        The enhanced recording, with the type, shape, dtype and device of `noisy`.

    Raises:
        ValueError: `noisy` has another shape, is empty, or holds integers, NaN or infinity.

    Example:
        >>> import numpy as np, speech_enhancement
        >>> noisy = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
        >>> speech_enhancement.enhance(noisy, 44100).shape
        (2, 44100)
    """
    waveform = _checked(noisy)
    enhancer = Enhancer(_packaged_model() if model is None else model)
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
    """Run a system over recordings, in chunks; a system that needs it gets them without the rumble below 50 Hz.

    Args:
        system: in evaluation mode.
        chunk_seconds: length of a chunk; memory grows with it, not with the recording. If the system has neither a
            stream nor a `context`, the whole recording is one chunk.
        device: of the system.
    """

    def __init__(self, system: System, chunk_seconds: float = CHUNK_SECONDS, device: torch.device | str = "cpu"):
        self.system = system
        self.device = device
        self.chunk_seconds = chunk_seconds
        self._streams = system.stream() is not None

    def enhance_file(self, source: Path, destination: Path) -> None:
        """Write the enhanced file in the format, sample rate, channels and length of the source.

        Raises:
            AudioError: the source is not audio, is cut off or empty, or holds non-finite samples.
            OSError: a file cannot be opened or written.
        """
        with Recording(source) as recording:
            minutes = recording.frames / recording.sample_rate / 60
            if self.system.context is None and not self._streams and minutes > _LONG_MINUTES:
                note = f"{self.system.title} looks at the whole recording: {minutes:.0f} minutes may not fit in memory"
                tqdm.write(f"note: {source}: {note}", file=sys.stderr)
            with (
                writing_like(destination, recording) as file,
                tqdm(total=recording.frames, desc=source.name, unit="sample", unit_scale=True, leave=False) as bar,
            ):
                for enhanced in self.enhance_recording(recording):
                    # In blocks: libsndfile crashes on a million samples of Vorbis at once.
                    for block in enhanced.split(65536, dim=-1):
                        file.write(block.T.numpy())
                    bar.update(enhanced.shape[-1])

    def enhance_recording(self, recording: SampleSource) -> Iterator[Tensor]:
        """Yield the enhanced recording in pieces `(channels, time)`, at its own sample rate."""
        if self._streams:
            return self._stream_recording(recording)
        rate = recording.sample_rate
        chunk, context, step = (recording.frames, 0, 1) if self.system.context is None else self._chunk(rate)
        return _in_context(
            _blocks(recording, chunk),
            lambda piece: torch.stack([self.enhance(channel, rate) for channel in piece]),
            context,
            step,
            step,
        )

    def _stream_recording(self, recording: SampleSource) -> Iterator[Tensor]:
        """Yield the enhanced recording from one stream a channel."""
        rate, own_rate = recording.sample_rate, self.system.sample_rate
        blocks = _blocks(recording, max(1, round(self.chunk_seconds * rate)))
        noisy = _resampled((block.to(self.device) for block in blocks), rate, own_rate)
        if self.system.needs_rumble_filter:
            noisy = _in_context(noisy, remove_rumble, HALF_LENGTH, 1, 1)
        left = recording.frames
        for enhanced in _resampled(self._through_streams(noisy), own_rate, rate):
            yield enhanced[:, :left].cpu()
            left -= min(left, enhanced.shape[1])

    def _through_streams(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        streams = []
        for block in blocks:
            streams = streams or [self.system.stream() for _ in block]
            for short in block.split(round(_STREAM_SECONDS * self.system.sample_rate), dim=-1):
                yield torch.stack([stream.process(channel) for stream, channel in zip(streams, short, strict=True)])
        yield torch.stack([stream.finish() for stream in streams])

    @torch.inference_mode()
    def enhance(self, waveform: Tensor, sample_rate: int = SAMPLE_RATE) -> Tensor:
        """Enhance one channel, in one pass if the system has no stream: `(time,)` -> `(time,)`, at its own rate."""
        if self._streams:
            return torch.cat(list(self.enhance_recording(_Waveform(waveform[None], sample_rate))), dim=-1)[0]
        length = waveform.shape[-1]
        noisy = resample(waveform.to(self.device), sample_rate, self.system.sample_rate)
        if self.system.needs_rumble_filter:
            noisy = remove_rumble(noisy)
        padded = nn.functional.pad(noisy, (0, max(0, self.system.shortest - noisy.shape[-1])))
        enhanced = self.system(padded[None, None])[0, 0, : noisy.shape[-1]]
        restored = resample(enhanced, self.system.sample_rate, sample_rate).cpu()
        return nn.functional.pad(restored, (0, max(0, length - restored.shape[-1])))[:length]

    def _chunk(self, rate: int) -> tuple[int, int, int]:
        """Compute chunk and context in samples at a recording's rate, each a whole number of steps, and the step.

        A step is a whole number of samples at both rates, and of the model's alignment.
        """
        own_rate = self.system.sample_rate
        step_at_own_rate = math.lcm(self.system.alignment, own_rate // math.gcd(own_rate, rate))
        step = step_at_own_rate * rate // own_rate
        chunk = max(1, round(self.chunk_seconds * rate / step)) * step
        # The last piece must not be filled up with zeros: some systems mirror the end of the recording.
        context = max(self.system.context + HALF_LENGTH, self.system.shortest)
        context = -(-context // step_at_own_rate) * step
        return chunk, context, step


class _Waveform:
    """A waveform `(channels, time)` in memory as a source of samples."""

    def __init__(self, waveform: Tensor, sample_rate: int):
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.frames = waveform.shape[-1]

    def read(self, start: int, length: int) -> Tensor:
        return self.waveform[:, start : max(start, start + length)]


def _blocks(recording: SampleSource, length: int) -> Iterator[Tensor]:
    # Read only forwards, since some formats cannot seek exactly.
    return (recording.read(start, length) for start in range(0, recording.frames, length))


def _resampled(blocks: Iterable[Tensor], rate: int, new_rate: int) -> Iterator[Tensor]:
    """Resample a signal in blocks `(channels, time)`."""
    if rate == new_rate:
        return iter(blocks)
    divisor = math.gcd(rate, new_rate)
    context = math.ceil(_RESAMPLING_REACH * max(1, rate / new_rate))
    return _in_context(
        blocks, lambda piece: resample(piece, rate, new_rate), context, rate // divisor, new_rate // divisor
    )


def _in_context(
    blocks: Iterable[Tensor], function: Callable[[Tensor], Tensor], context: int, step: int, new_step: int
) -> Iterator[Tensor]:
    """Apply a function to a signal in blocks `(channels, time)`, so that the results join to that of the whole.

    Args:
        blocks: of any lengths.
        function: of `(channels, time)`.
        context: samples before and after its own position on which a sample of the function's result can depend.
        step, new_step: if the input is shifted by `step` samples, the result is only shifted, by `new_step`.
    """
    context += -context % step
    piece, before = torch.zeros(0), 0
    for block in blocks:
        piece = torch.cat([piece, block], dim=-1) if len(piece) else block
        end = before + max(0, piece.shape[-1] - before - context) // step * step
        if end > before:
            yield function(piece[:, : end + context])[:, before * new_step // step : end * new_step // step]
            dropped = max(0, end - context)
            piece, before = piece[:, dropped:], end - dropped
    if piece.shape[-1] > before:
        yield function(piece)[:, before * new_step // step :]


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
