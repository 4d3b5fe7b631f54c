"""A U-Net on the waveform: each level halves the rate of samples, so that a few layers see seconds.

On the way down, the features of a convolution lose every other sample. On the way up, the missing samples are
interpolated, joined with the features of the same rate on the way down, and convolved. Unlike a transposed convolution,
interpolation leaves no buzzing at half the rate. Source: Stoller, Ewert and Dixon, "Wave-U-Net: a multi-scale neural
network for end-to-end audio source separation", ISMIR 2018.

Level i of L = 12 has F i channels, F = 24, with kernels of 15 going down and of 5 going up:

    down        conv 15 to F i, keep every other sample
    bottom      conv 15 to F (L + 1)
    up          interpolate n samples to 2 n - 1, join with the features of level i before decimation, conv 5 to F i
    out         join with the input, conv 1 to the waveform, tanh;  LeakyReLU of slope 0.2 after all other convolutions
    parameters  10,263,002

No convolution pads. The features shrink on the way, and the wider ones are cropped at both ends, so that every sample
is made from true neighbours; there are zeros only beyond the ends of the recording. From n samples at the bottom come

    2^L (n - 5) + 5   samples of output, which need   (7 + 2) (2^L - 1) + 7 * 2^L = 16 * 2^L - 9   more on either side

(15 reaches 7 to either side, and 5 reaches 2): with L = 12 and n = 9, 147,443 samples in and 16,389 out, as published.
An input shifted by a multiple of 2^L gives the shifted output; other shifts do not. A sample between those kept is
interpolated, which reaches one sample further at each level, 2^L - 1 in all. Hence

    context     17 * 2^L - 10 samples on either side: 69,622 at L = 12

Chunks that begin at multiples of 2^L, with the surrounding samples that the convolutions need, give the result of one
pass (`enhance_in_chunks`), in memory that does not grow with the recording.

Simplified: there is one output, the speech; the paper separates sources of music, two channels among them, and also
tries learned interpolation. It minimises the squared error; here it is the absolute error, as for other systems. Adam's
rate is 3e-4, above the paper's 1e-4 since the training is shorter; at 1e-3 the outputs were driven to the limits of the
tanh, where gradients vanish. The small size has 8 levels and F = 16.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from speech_enhancement.systems.system import System, zero_biases


def interpolate_between(x: Tensor) -> Tensor:
    """Insert between neighbours their mean: `(..., n)` -> `(..., 2 n - 1)`.

    torch's `interpolate` computes each position from n, so that its last digits depend on the length.
    """
    between = (x[..., :-1] + x[..., 1:]) / 2
    return torch.cat([torch.stack([x[..., :-1], between], dim=-1).flatten(-2), x[..., -1:]], dim=-1)


def crop(x: Tensor, time: int) -> Tensor:
    """Crop `x (..., longer)` by as many samples at one end as at the other: `(..., time)`."""
    return x.narrow(-1, (x.shape[-1] - time) // 2, time)


class WaveUNet(System):
    """Convolutions without padding at ever lower rates, and back.

    Args:
        levels: L, the number of times that the rate is halved.
        channels: F, the number of channels that each level adds to the one above.
        down_kernel: taps of the convolutions before decimation and at the bottom, odd.
        up_kernel: taps of those after interpolation, odd.
    """

    title = "Wave-U-Net"
    sizes = {"paper": {}, "small": {"levels": 8, "channels": 16}}

    def __init__(self, levels: int = 12, channels: int = 24, down_kernel: int = 15, up_kernel: int = 5):
        super().__init__()
        self.step = 2**levels
        self.up_kernel = up_kernel
        down_reach, up_reach = down_kernel // 2, up_kernel // 2
        self.margin = (down_reach + up_reach) * (self.step - 1) + down_reach * self.step
        self.context = self.margin + self.step - 1
        self.alignment = self.step
        widths = [1, *(channels * level for level in range(1, levels + 2))]
        self.down = nn.ModuleList(nn.Conv1d(widths[i], widths[i + 1], down_kernel) for i in range(levels))
        self.bottom = nn.Conv1d(widths[-2], widths[-1], down_kernel)
        self.up = nn.ModuleList(
            nn.Conv1d(widths[i + 1] + widths[i], widths[i], up_kernel) for i in reversed(range(1, levels + 1))
        )
        self.outlet = nn.Conv1d(channels + 1, 1, 1)
        zero_biases(self)

    def optimizers(self) -> Sequence[Optimizer]:
        return [torch.optim.Adam(self.parameters(), lr=3e-4)]

    def forward(self, noisy: Tensor) -> Tensor:
        padded, _ = self._surround(noisy)
        return self.enhance_middle(padded)[..., : noisy.shape[-1]]

    def enhance_in_chunks(self, noisy: Tensor, blocks_at_once: int = 64) -> Tensor:
        """Enhance `(batch, 1, time)` in chunks of `blocks_at_once * 2^L` samples; the result is that of one pass."""
        padded, blocks = self._surround(noisy)
        chunk = blocks_at_once * self.step
        pieces = []
        for start in range(0, max(1, blocks) * self.step, chunk):
            piece = self.enhance_middle(padded[..., start : start + chunk + self.up_kernel + 2 * self.margin])
            # Each piece but the last ends with the first samples of the next.
            is_last = start + chunk >= blocks * self.step
            pieces.append(piece if is_last else piece[..., :chunk])
        return torch.cat(pieces, dim=-1)[..., : noisy.shape[-1]]

    def enhance_middle(self, waveform: Tensor) -> Tensor:
        """Enhance all but the margins of a waveform of `2 * margin + up_kernel + 2^L * blocks` samples."""
        x = waveform
        skips = []
        for convolution in self.down:
            x = functional.leaky_relu(convolution(x), 0.2)
            skips.append(x)
            x = x[..., ::2]  # (batch, channels * level, half the time)
        x = functional.leaky_relu(self.bottom(x), 0.2)
        for convolution, skip in zip(self.up, reversed(skips), strict=True):
            x = interpolate_between(x)
            x = functional.leaky_relu(convolution(torch.cat([x, crop(skip, x.shape[-1])], dim=1)), 0.2)
        return torch.tanh(self.outlet(torch.cat([x, crop(waveform, x.shape[-1])], dim=1)))

    def _surround(self, noisy: Tensor) -> tuple[Tensor, int]:
        """Pad the recording with zeros to a length for `enhance_middle`, and return it with its number of blocks."""
        time = noisy.shape[-1]
        blocks = max(0, math.ceil((time - self.up_kernel) / self.step))
        enhanced = blocks * self.step + self.up_kernel
        return functional.pad(noisy, (self.margin, self.margin + enhanced - time)), blocks
