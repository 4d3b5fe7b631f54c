"""Dual-path masking block by block, with the result of one pass over the whole recording.

Carried from block to block: samples that do not fill a window yet, frames that the first layer still needs, the state
of the recurrence, and the end of the result to which further windows will be added. A sample of the result is final
once the next 64 ms of the input are there.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from speech_enhancement.systems.blocks.channels_last import for_inference
from speech_enhancement.systems.blocks.compressed_spectrum import compress, expand
from speech_enhancement.systems.system import Stream

if TYPE_CHECKING:
    from speech_enhancement.systems.dual_path_masking import DualPathMasking


class DualPathStream(Stream):
    """A stream of dual-path masking, through a copy of the system as it is now."""

    def __init__(self, system: "DualPathMasking"):
        self.system = for_inference(system)
        self._windows = MirroredWindows(system.window, system.hop_length)
        frames = system.window.new_zeros(1, system.network.n_past, len(system.window) // 2)
        self._frames = torch.complex(frames, frames)
        self._states = ()
        self._result = OverlapAdd(system.window, system.hop_length)
        self._n_received = self._n_returned = 0

    @torch.inference_mode()
    def process(self, samples: Tensor) -> Tensor:
        self._n_received += len(samples)
        windows = self._windows.take(samples)
        enhanced = self._enhance(self._compressed(windows)) if len(windows) else samples[:0]
        self._n_returned += len(enhanced)
        return enhanced

    @torch.inference_mode()
    def finish(self) -> Tensor:
        filled = max(self._n_received, self.system.shortest)
        missing = filled + -filled % self.system.hop_length - self._n_received
        windows = [self._windows.take(self.system.window.new_zeros(missing)), self._windows.end()]
        frames = functional.pad(self._compressed(torch.cat(windows)), (0, 0, 0, self.system.network.n_future))
        return torch.cat([self._enhance(frames), self._result.end()])[: self._n_received - self._n_returned]

    def _compressed(self, windows: Tensor) -> Tensor:
        """Transform windows `(frames, n_fft)` to a compressed spectrum without the highest frequency."""
        return compress(torch.fft.rfft(windows * self.system.window))[None, :, :-1]

    def _enhance(self, compressed: Tensor) -> Tensor:
        """Mask the frames whose look-ahead is there; return the samples that are final by then."""
        network = self.system.network
        self._frames = torch.cat([self._frames, compressed], dim=1)
        n_frames = self._frames.shape[1] - network.n_past - network.n_future
        if n_frames <= 0:
            return self.system.window.new_zeros(0)
        masked, self._states = self.system.mask(self._frames, self._states)
        self._frames = self._frames[:, n_frames:]
        return self._result.add(torch.fft.irfft(functional.pad(expand(masked[0]), (0, 1))))


class MirroredWindows:
    """Windows of a recording that comes in blocks, mirrored about its first and last sample as in `torch.stft`."""

    def __init__(self, window: Tensor, hop_length: int):
        self.n_fft, self.hop_length = len(window), hop_length
        self._waiting = self._last = window.new_zeros(0)
        self._has_begun = False

    def take(self, samples: Tensor) -> Tensor:
        """Take samples; return the windows that they complete, `(frames, n_fft)`."""
        n_mirrored = self.n_fft // 2
        self._waiting = torch.cat([self._waiting, samples])
        self._last = torch.cat([self._last, samples])[-n_mirrored - 1 :]
        if not self._has_begun and len(self._waiting) > n_mirrored:
            self._waiting = torch.cat([self._waiting[1 : n_mirrored + 1].flip(0), self._waiting])
            self._has_begun = True
        return self._cut()

    def end(self) -> Tensor:
        """Return the windows that hold the mirrored end."""
        self._waiting = torch.cat([self._waiting, self._last[:-1].flip(0)])
        return self._cut()

    def _cut(self) -> Tensor:
        if not self._has_begun or len(self._waiting) < self.n_fft:
            return self._waiting.new_zeros(0, self.n_fft)
        windows = self._waiting.unfold(0, self.n_fft, self.hop_length)
        self._waiting = self._waiting[len(windows) * self.hop_length :]
        return windows


class OverlapAdd:
    """The inverse transform of frames that come in blocks, as `torch.istft`: a sum divided by that of squared windows.

    The result begins in the middle of the first frame.
    """

    def __init__(self, window: Tensor, hop_length: int):
        self.window, self.hop_length = window, hop_length
        # Sum and divisor of the samples to which further frames will be added.
        self._begun = window.new_zeros(2, len(window) - hop_length)
        self._n_before = len(window) // 2

    def add(self, frames: Tensor) -> Tensor:
        """Add frames `(frames, n_fft)`; return the samples that no further frame can change."""
        weighted = torch.stack([frames * self.window, self.window.square().expand_as(frames)])
        length = (len(frames) - 1) * self.hop_length + len(self.window)
        sums = functional.fold(
            weighted.transpose(1, 2), (1, length), (1, len(self.window)), stride=(1, self.hop_length)
        ).view(2, length)
        sums[:, : self._begun.shape[1]] += self._begun
        n_final = len(frames) * self.hop_length
        self._begun = sums[:, n_final:]
        return self._divided(sums[:, :n_final])

    def end(self) -> Tensor:
        """Return the samples to which no frame was added any more."""
        return self._divided(self._begun)

    def _divided(self, sums: Tensor) -> Tensor:
        total, divisor = sums[:, self._n_before :]
        self._n_before = max(0, self._n_before - sums.shape[1])
        return total / divisor
