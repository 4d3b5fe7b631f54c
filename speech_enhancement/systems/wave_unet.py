"""A U-Net on the waveform: each level halves the rate of samples, so that a few layers see seconds.

Down, a convolution's features lose every other sample; up, the missing samples are interpolated, joined with the
features of the same rate on the way down, and convolved. Interpolating instead of a transposed convolution leaves no
buzzing at half the rate. Source: Stoller, Ewert and Dixon, "Wave-U-Net: a multi-scale neural network for end-to-end
audio source separation", ISMIR 2018.

Level i of L = 12 has F i channels, F = 24, with kernels of 15 going down and of 5 going up:

    down        conv 15 to F i, keep every other sample
    bottom      conv 15 to F (L + 1)
    up          interpolate n samples to 2 n - 1, join with what level i had before decimation, conv 5 to F i
    out         join with the input, conv 1 to the waveform, tanh;  LeakyReLU of slope 0.2 after all other convolutions
    parameters  10,263,002

No convolution pads. The features shrink on the way and the wider ones are cropped at both ends, so every sample is made
from true neighbours, and only beyond the ends of the recording are there zeros. From n samples at the bottom come

    2^L (n - 5) + 5   samples of output, which need   (7 + 2) (2^L - 1) + 7 * 2^L = 16 * 2^L - 9   more on either side

(15 reaches 7 to either side, and 5 reaches 2): with L = 12 and n = 9, 147,443 samples in and 16,389 out, as published.
Shifted by a multiple of 2^L the input gives the shifted output, by less it does not: where a sample lies between those
kept on all levels, interpolation reaches 1 further at each, 2^L - 1 in all. Hence

    context     17 * 2^L - 10 samples on either side: 69,622 at L = 12

and chunks that begin at multiples of 2^L, with the samples around them that the convolutions need, give what one pass
gives (`enhance_in_chunks`), in memory that does not grow with the recording's.

Simplified: one output, the speech; the paper separates sources of music, two channels among them, and also tries
learned interpolation. It minimises the squared error, here the absolute one, as other systems do. The small size has 8
levels and F = 16.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.systems.system import System, zero_biases


def interpolate_between(x: Tensor) -> Tensor:
    """`(..., n)` -> `(..., 2 n - 1)`: the mean of neighbours between them.

    torch's `interpolate` computes each position from n, and so differs with the length in the last digits.
    """
    between = (x[..., :-1] + x[..., 1:]) / 2
    return torch.cat([torch.stack([x[..., :-1], between], dim=-1).flatten(-2), x[..., -1:]], dim=-1)


def crop(x: Tensor, time: int) -> Tensor:
    """The middle of `x (..., longer)`, as many samples at one end left out as at the other: `(..., time)`."""
    return x.narrow(-1, (x.shape[-1] - time) // 2, time)


class WaveUNet(System):
    """Convolutions without padding at ever lower rates, and back.

    Args:
        levels: how often the rate is halved, L.
        channels: channels that each level has more than the one above, F.
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

    def forward(self, noisy: Tensor) -> Tensor:
        padded, _ = self._surround(noisy)
        return self.enhance_middle(padded)[..., : noisy.shape[-1]]

    def enhance_in_chunks(self, noisy: Tensor, blocks_at_once: int = 64) -> Tensor:
        """The same as one pass, `(batch, 1, time)`, made from chunks of `blocks_at_once * 2^L` samples."""
        padded, blocks = self._surround(noisy)
        chunk = blocks_at_once * self.step
        pieces = []
        for start in range(0, max(1, blocks) * self.step, chunk):
            piece = self.enhance_middle(padded[..., start : start + chunk + self.up_kernel + 2 * self.margin])
            # The last samples of all but the last are the first of the next.
            is_last = start + chunk >= blocks * self.step
            pieces.append(piece if is_last else piece[..., :chunk])
        return torch.cat(pieces, dim=-1)[..., : noisy.shape[-1]]

    def enhance_middle(self, waveform: Tensor) -> Tensor:
        """Waveform of `2 * margin + up_kernel + 2^L * blocks` samples -> all of it but the margins, enhanced."""
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
        """The recording between zeros, as long as `enhance_middle` wants it, and its number of blocks."""
        time = noisy.shape[-1]
        blocks = max(0, math.ceil((time - self.up_kernel) / self.step))
        enhanced = blocks * self.step + self.up_kernel
        return functional.pad(noisy, (self.margin, self.margin + enhanced - time)), blocks
