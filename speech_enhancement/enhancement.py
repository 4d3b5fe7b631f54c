"""A model over recordings of any length, sample rate and channel count.

A recording is enhanced in chunks with context on both sides. A chunk begins at a multiple of the model's alignment, and
the context covers everything on which the result can depend, so the chunks join as if the recording had been enhanced
in one pass: the difference is float rounding (measured in tests/package/test_enhancement.py).
"""

import functools
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, Recording, resample, writing
from speech_enhancement.systems.blocks.rumble_filter import HALF_LENGTH, remove_rumble
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System

CHUNK_SECONDS = 40.0
_LONG_SECONDS = 600.0

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
    """Run a system over recordings, in chunks; a system that denoises gets them without the rumble below 50 Hz.

    Args:
        system: in evaluation mode.
        chunk_seconds: length of a chunk; memory grows with it, not with the recording. If the system's `context` is
            None, the whole recording is one chunk.
        device: of the system.
    """

    def __init__(self, system: System, chunk_seconds: float = CHUNK_SECONDS, device: torch.device | str = "cpu"):
        self.system = system
        self.device = device
        self.chunk_seconds = chunk_seconds
        # Other tasks need their input as it is: the zeros of lost packets, for instance.
        self.removes_rumble = system.task == System.task

    def enhance_file(self, source: Path, destination: Path) -> None:
        """Write the enhanced file in the format, sample rate, channels and length of the source.

        Raises:
            AudioError: the source is not audio, is cut off or empty, or holds non-finite samples.
            OSError: a file cannot be opened or written.
        """
        with Recording(source) as recording:
            if self.system.context is None and recording.frames > _LONG_SECONDS * recording.sample_rate:
                minutes = recording.frames / recording.sample_rate / 60
                note = f"{self.system.title} looks at the whole recording: {minutes:.0f} minutes may not fit in memory"
                tqdm.write(f"note: {source}: {note}", file=sys.stderr)
            info = soundfile.info(str(source))
            with (
                writing(destination, recording.sample_rate, recording.channels, info.subtype, info.format) as file,
                tqdm(total=recording.frames, desc=source.name, unit="sample", unit_scale=True, leave=False) as bar,
            ):
                for enhanced in self.enhance_recording(recording):
                    # In blocks: libsndfile crashes on a million samples of Vorbis at once.
                    for block in enhanced.split(65536, dim=-1):
                        file.write(block.T.numpy())
                    bar.update(enhanced.shape[-1])

    def enhance_recording(self, recording: SampleSource) -> Iterator[Tensor]:
        """Yield the enhanced recording in pieces `(channels, time)`, at its own sample rate."""
        rate = recording.sample_rate
        chunk, context = (recording.frames, 0) if self.system.context is None else self._chunk(rate)
        # Read only forwards, since some formats cannot seek exactly; neighbouring pieces share their samples.
        first, piece = 0, recording.read(0, 0)
        for start in range(0, recording.frames, chunk):
            end = min(recording.frames, start + chunk)
            dropped = max(0, start - context) - first
            have = first + piece.shape[-1]
            piece = torch.cat([piece[:, dropped:], recording.read(have, end + context - have)], dim=-1)
            first += dropped
            enhanced = torch.stack([self.enhance(channel, rate) for channel in piece])
            yield enhanced[:, start - first : end - first]

    @torch.inference_mode()
    def enhance(self, waveform: Tensor, sample_rate: int = SAMPLE_RATE) -> Tensor:
        """Enhance one channel in one pass: `(time,)` -> `(time,)`, at its own sample rate."""
        length = waveform.shape[-1]
        noisy = resample(waveform.to(self.device), sample_rate, self.system.sample_rate)
        if self.removes_rumble:
            noisy = remove_rumble(noisy)
        padded = nn.functional.pad(noisy, (0, max(0, self.system.shortest - noisy.shape[-1])))
        enhanced = self.system(padded[None, None])[0, 0, : noisy.shape[-1]]
        restored = resample(enhanced, self.system.sample_rate, sample_rate).cpu()
        return nn.functional.pad(restored, (0, max(0, length - restored.shape[-1])))[:length]

    def _chunk(self, rate: int) -> tuple[int, int]:
        """Compute chunk and context in samples at a recording's rate, each a whole number of the model's steps."""
        own_rate = self.system.sample_rate
        step_at_own_rate = math.lcm(self.system.alignment, own_rate // math.gcd(own_rate, rate))
        step = step_at_own_rate * rate // own_rate
        chunk = max(1, round(self.chunk_seconds * rate / step)) * step
        context = -(-(self.system.context + HALF_LENGTH) // step_at_own_rate) * step
        return chunk, context


class _Waveform:
    """A waveform `(channels, time)` in memory as a source of samples."""

    def __init__(self, waveform: Tensor, sample_rate: int):
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.frames = waveform.shape[-1]

    def read(self, start: int, length: int) -> Tensor:
        return self.waveform[:, start : max(start, start + length)]


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
