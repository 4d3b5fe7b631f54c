"""Dual-path masking as a step: a hop of samples and the states in, a hop of the result and the states out.

The step knows no complex numbers, since most runtimes have none: transforms are products with matrices of windowed
cosines and sines. Its results are those of one pass over the whole recording, which mirrors the beginning and has no
frame before the first. With windows of 512 samples and hops of 128, of which the window takes two to reach its middle:

    hop 1        waits
    hop 2        mirrors the samples so far, and transforms the first window, whose middle is sample 0
    hop 6        has all four frames after the first, which the network masks; two more overlap the first samples
    hop 8        returns samples 0 to 127
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from speech_enhancement.systems.blocks.channels_last import without_norms
from speech_enhancement.systems.blocks.compressed_spectrum import compressing_gain, expanding_gain
from speech_enhancement.systems.system import StreamingStep

if TYPE_CHECKING:
    from speech_enhancement.systems.dual_path_masking import DualPathMasking


class DualPathStep(StreamingStep):
    """A step of dual-path masking, through a copy of the system as it is now.

    Its states:
        count: hops so far, `(1,)`; it stays at that of the first result.
        samples: the end of the input, `(n_fft - hop,)`.
        frames: the last compressed spectra, real and imaginary parts, `(1, n_past + n_future, n_fft / 2, 2)`.
        hidden, cell: of the recurrences, `(blocks, 1, bands, width)`.
        sums: of the windows that further ones will overlap, and of their squares, `(2, n_fft - hop)`.

    Raises:
        ValueError: half a window is not a whole number of hops.
    """

    def __init__(self, system: "DualPathMasking"):
        super().__init__()
        self.network = network = without_norms(system.network)
        self.sample_rate, self.hop_length = system.sample_rate, system.hop_length
        n_fft = len(system.window)
        if n_fft // 2 % self.hop_length:
            raise ValueError(f"hop_length: expected a divisor of {n_fft // 2} for a step, got {self.hop_length}")
        self.first_window = n_fft // 2 // self.hop_length
        self.first_mask = self.first_window + network.n_future
        self.first_result = self.first_mask + n_fft // 2 // self.hop_length
        self.delay = (self.first_result - 1) * self.hop_length
        bands, width = network.blocks[0].position.shape
        self.states = {
            "count": (1,),
            "samples": (n_fft - self.hop_length,),
            "frames": (1, network.n_past + network.n_future, n_fft // 2, 2),
            "hidden": (len(network.blocks), 1, bands, width),
            "cell": (len(network.blocks), 1, bands, width),
            "sums": (2, n_fft - self.hop_length),
        }
        window, unit = system.window.double(), torch.eye(n_fft).double()
        to_spectrum = torch.view_as_real(torch.fft.rfft(unit * window)[:, :-1]).flatten(1)
        unit_spectra = torch.view_as_complex(unit.view(n_fft, n_fft // 2, 2))
        to_window = torch.fft.irfft(functional.pad(unit_spectra, (0, 1))) * window
        self.register_buffer("to_spectrum", to_spectrum.to(system.window.dtype))
        self.register_buffer("to_window", to_window.to(system.window.dtype))
        self.register_buffer("squares", system.window.square())

    def forward(
        self, hop: Tensor, count: Tensor, samples: Tensor, frames: Tensor, hidden: Tensor, cell: Tensor, sums: Tensor
    ) -> tuple[Tensor, ...]:
        count = (count + 1).clamp_max(self.first_result)
        samples = self._mirrored(torch.cat([samples, hop]), count)
        frames = torch.cat([frames, self._compressed(samples) * (count >= self.first_window)], dim=1)
        has_mask = count >= self.first_mask
        masked, hidden, cell = self._masked(frames, hidden, cell)
        sums = functional.pad(sums, (0, self.hop_length)) + has_mask * torch.stack([self._window(masked), self.squares])
        # Before the first result, what has been mirrored comes out, and at first there is nothing to divide by.
        result = sums[0, : self.hop_length] / sums[1, : self.hop_length].clamp_min(1e-6) * (count >= self.first_result)
        states = samples[self.hop_length :], frames[:, 1:], has_mask * hidden, has_mask * cell
        return result, count, *states, sums[:, self.hop_length :]

    def _mirrored(self, samples: Tensor, count: Tensor) -> Tensor:
        """Fill the first half of the first window with the second, mirrored about its first sample."""
        middle = len(samples) // 2
        # The window is zero at its first sample, whose mirror image is still to come.
        mirrored = torch.cat([samples[:1], samples[middle + 1 :].flip(0), samples[middle:]])
        return torch.where(count == self.first_window, mirrored, samples)

    def _compressed(self, samples: Tensor) -> Tensor:
        """Transform a window to a compressed spectrum without the highest frequency, `(1, 1, n_fft / 2, 2)`."""
        spectrum = (samples @ self.to_spectrum).view(1, 1, -1, 2)
        return spectrum * compressing_gain(spectrum.norm(dim=-1, keepdim=True))

    def _masked(self, frames: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask the frame that has all its neighbours; return it, `(n_fft / 2, 2)`, and the states after it."""
        features = torch.cat([frames, frames.norm(dim=-1, keepdim=True)], dim=-1)
        mask, states = self.network(features, list(zip(hidden, cell, strict=True)))
        mask_real, mask_imaginary = mask[0, 0].unbind(-1)
        real, imaginary = frames[0, self.network.n_past].unbind(-1)
        masked = real * mask_real - imaginary * mask_imaginary, real * mask_imaginary + imaginary * mask_real
        return torch.stack(masked, dim=-1), *map(torch.stack, zip(*states, strict=True))

    def _window(self, masked: Tensor) -> Tensor:
        """Transform a masked frame back to a window of samples, `(n_fft,)`."""
        spectrum = masked * expanding_gain(masked.norm(dim=-1, keepdim=True))
        return spectrum.flatten() @ self.to_window
