"""The command `enhance`: a trained model over files of any length, sample rate and channel count.

A file is worked on in chunks with context on both sides. A chunk begins where a frame of the encoder's coarsest
level begins, and the context is longer than what a sample of the result depends on, so the chunks join as if the file
had been enhanced in one pass: the difference is float rounding (measured in tests/package/test_enhancement.py).
"""

import math
from collections.abc import Iterator
from pathlib import Path

import soundfile
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, Recording, replacing, resample
from speech_enhancement.systems.blocks.rumble_filter import HALF_LENGTH, remove_rumble
from speech_enhancement.systems.sizes import Sizes
from speech_enhancement.systems.system import System

CHUNK_SECONDS = 40.0


class FileEnhancer:
    """Runs a model over files, in chunks; what denoises is given them without rumble below 50 Hz.

    Args:
        model: `(1, 1, time)` -> `(1, 1, time)` at 16 kHz, in evaluation mode.
        chunking: the model's sizes, or the system itself; says where a chunk may begin and how much must surround it.
        chunk_seconds: length of a chunk; memory grows with it, and not with the file. Where a system's `context` is
            None, the whole file is one chunk.
        device: of the model.
    """

    def __init__(
        self,
        model: nn.Module,
        chunking: Sizes | System,
        chunk_seconds: float = CHUNK_SECONDS,
        device: torch.device | str = "cpu",
    ):
        self.model = model
        self.device = device
        self.chunking = chunking
        # Other tasks need what they are given as it is: the zeros of lost packets for one.
        self.removes_rumble = getattr(model, "task", System.task) == System.task
        self.chunk_seconds = chunk_seconds

    def enhance_file(self, source: Path, destination: Path) -> None:
        """Write the enhanced file in the format, sample rate, channels and length of the source.

        Raises:
            AudioError: the source is no audio, is cut off, or holds no or non-finite samples.
            OSError: a file cannot be opened or written.
        """
        with Recording(source) as recording, replacing(destination) as temporary:
            info = soundfile.info(str(source))
            with (
                soundfile.SoundFile(
                    temporary, "w", recording.sample_rate, recording.channels, info.subtype, format=info.format
                ) as file,
                tqdm(total=recording.frames, desc=source.name, unit="sample", unit_scale=True, leave=False) as bar,
            ):
                for enhanced in self.enhance_recording(recording):
                    # In blocks: libsndfile crashes on a million samples of Vorbis at once.
                    for block in enhanced.split(65536, dim=-1):
                        file.write(block.T.numpy())
                    bar.update(enhanced.shape[-1])

    def enhance_recording(self, recording: Recording) -> Iterator[Tensor]:
        """The enhanced recording in pieces `(channels, time)`, at the sample rate of the recording."""
        rate = recording.sample_rate
        chunk, context = (recording.frames, 0) if self.chunking.context is None else self._chunk(rate)
        # Read strictly onwards: what two pieces share is kept, since not every format can be sought in exactly.
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
        """One channel in one pass: `(time,)` -> `(time,)`, at its own sample rate."""
        length = waveform.shape[-1]
        noisy = resample(waveform.to(self.device), sample_rate, SAMPLE_RATE)
        if self.removes_rumble:
            noisy = remove_rumble(noisy)
        padded = nn.functional.pad(noisy, (0, max(0, self.chunking.shortest - noisy.shape[-1])))[None, None]
        # After the last whole hop a single window fades out: dividing by it would magnify what the model does there.
        hop_length = self.chunking.hop_length if isinstance(self.chunking, Sizes) else 1
        padded = nn.functional.pad(padded, (0, -padded.shape[-1] % hop_length), mode="reflect")
        enhanced = self.model(padded)[0, 0, : noisy.shape[-1]]
        restored = resample(enhanced, SAMPLE_RATE, sample_rate).cpu()
        return nn.functional.pad(restored, (0, max(0, length - restored.shape[-1])))[:length]

    def _chunk(self, rate: int) -> tuple[int, int]:
        """Chunk and context in samples of the file, each a whole number of the model's steps at 16 kHz."""
        step_at_16k = math.lcm(self.chunking.alignment, SAMPLE_RATE // math.gcd(SAMPLE_RATE, rate))
        step = step_at_16k * rate // SAMPLE_RATE
        chunk = max(1, round(self.chunk_seconds * rate / step)) * step
        context = -(-(self.chunking.context + HALF_LENGTH) // step_at_16k) * step
        return chunk, context
