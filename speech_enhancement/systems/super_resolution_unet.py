"""Super-resolution U-Net: the upper band of speech or music, predicted from the lower one.

A recording of a low rate, brought to a high rate by interpolation, lacks everything above half the low rate. The
samples do not say what belongs there, but a network can learn what such sounds are usually like. Source: Kuleshov, Enam
and Ermon, "Audio super-resolution using neural nets", ICLR 2017 workshop.

**Degradation.** `remove_upper_band` filters by a Chebyshev filter of type I and order 8, forward and backward, keeps
one sample of `ratio`, and restores the others by cubic splines. The system takes such a waveform, at the full rate. In
training it makes the waveform from the clean one, speech or music, and ignores the noisy recording of the step.

**Network.** L strided convolutions down, one more at the bottom, and L up, c_i channels and kernel k_i at depth i:

    down i    convolution k_i, stride 2, c_i channels -> leaky ReLU (0.2)
    bottom    convolution k_L, stride 2, c_L channels -> dropout -> leaky ReLU (0.2)
    up i      convolution k_i, 2 c_i channels -> dropout -> ReLU -> subpixel shuffle -> joined with the output of down i
    out       convolution 9, 2 channels -> subpixel shuffle -> added to the input

The subpixel shuffle interleaves pairs of channels in time, (2 c, n) -> (c, 2 n). Unlike a transposed convolution it
gives every new sample the same number of summands. The input is added at the end and the last weights begin near 0, so
training begins with the interpolation and learns what is missing.

"paper" has c = 128, 384, 512, 512 and k = 65, 33, 17, 9, which makes 71.0 million parameters, dropout of one half and
a ratio of 4. This is the arrangement of the authors' program, which has no batch normalisation, unlike the paper's
text. "small" has c = 16, 32, 64, 64 and no dropout. The weights begin as in PyTorch, not orthogonal.

**Loss.** The mean squared error. Results are reported in SNR and, since the SNR hardly depends on the upper band, in
log-spectral distance: `snr` and `log_spectral_distance` of `speech_enhancement.metrics`.

**Reach.** The values that a kernel of layer i sees are 2^(i - 1) samples apart on the way down, and 2^(i + 1) on the
way up, where the shuffle comes after the convolution. A sample depends on as many samples as the halves of all kernels
span together, and on 2^(L + 1) - 1 more, since neighbours after a shuffle come from one place:

    context = sum_i (k_i // 2) (2^(i - 1) + 2^(i + 1)) + (k_L // 2) 2^L + 4 * 2 + 2^(L + 1) - 1
"""

from collections.abc import Sequence

import torch
from scipy.interpolate import make_interp_spline
from scipy.signal import decimate
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.systems.blocks.long_convolution import LongConvolution
from speech_enhancement.systems.system import System

OUTLET_KERNEL = 9


def remove_upper_band(waveform: Tensor, ratio: int) -> Tensor:
    """Divide the rate of a waveform by `ratio`, and interpolate it back.

    Args:
        waveform: shape `(..., time)`, time above 27 and 3 times the ratio.
        ratio: original rate divided by the lowered rate.

    Returns:
        Waveform of the same shape, without gradient.
    """
    time = waveform.shape[-1]
    low = decimate(waveform.detach().cpu().double().numpy(), ratio)
    spline = make_interp_spline(range(0, time, ratio), low, axis=-1)
    return torch.from_numpy(spline(range(time))).to(waveform)


class SubpixelShuffle(nn.Module):
    """`(batch, 2 * channels, time)` -> `(batch, channels, 2 * time)`: two channels alternate in time."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, 2)).transpose(2, 3).flatten(2)


class SuperResolutionUNet(System):
    """Super-resolution U-Net.

    Args:
        channels: at each depth, finest first.
        kernels: length of the kernels at each depth, odd.
        dropout: share of values that training drops, at the bottom and on the way up.
        ratio: original rate divided by the lowered rate.
    """

    title = "super-resolution U-Net"
    task = "bandwidth extension"
    needs_rumble_filter = False
    sizes = {
        "paper": {"channels": (128, 384, 512, 512)},
        "small": {"channels": (16, 32, 64, 64), "dropout": 0.0},
    }

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[int] = (65, 33, 17, 9),
        dropout: float = 0.5,
        ratio: int = 4,
    ):
        super().__init__()
        self.ratio = ratio
        depth = len(channels)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        reach = OUTLET_KERNEL // 2 * 2
        for index, (before, after, kernel) in enumerate(zip((1, *channels[:-1]), channels, kernels, strict=True)):
            halve = nn.Conv1d(before, after, kernel, stride=2, padding=kernel // 2)
            self.down.append(nn.Sequential(halve, nn.LeakyReLU(0.2), self.after_block(after, index + 1)))
            below = after if index == depth - 1 else 2 * channels[index + 1]
            double = LongConvolution(below, 2 * after, kernel, padding=kernel // 2)
            tail = [nn.Dropout(dropout), nn.ReLU(), SubpixelShuffle(), self.after_block(after, index + 1)]
            self.up.insert(0, nn.Sequential(double, *tail))
            reach += kernel // 2 * (2**index + 2 ** (index + 2))
        deepest, kernel = channels[-1], kernels[-1]
        halve = nn.Conv1d(deepest, deepest, kernel, stride=2, padding=kernel // 2)
        tail = [nn.Dropout(dropout), nn.LeakyReLU(0.2), self.after_block(deepest, depth + 1)]
        self.bottom = nn.Sequential(halve, *tail)
        reach += kernel // 2 * 2**depth
        self.outlet = nn.Conv1d(2 * channels[0], 2, OUTLET_KERNEL, padding=OUTLET_KERNEL // 2)
        nn.init.normal_(self.outlet.weight, std=1e-3)
        nn.init.zeros_(self.outlet.bias)
        self.shuffle = SubpixelShuffle()
        self.step = 2 ** (depth + 1)  # samples that one value at the bottom spans
        self.context = reach + self.step - 1
        self.alignment = self.step

    def after_block(self, channels: int, halvings: int) -> nn.Module:
        """Make the module that follows a block of so many channels, whose rate was halved so many times; here none."""
        return nn.Identity()

    def forward(self, noisy: Tensor) -> Tensor:
        time = noisy.shape[-1]
        x = functional.pad(noisy, (0, -time % self.step))
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        x = self.bottom(x)
        for block in self.up:
            x = torch.cat([block(x), skips.pop()], dim=1)
        return noisy + self.shuffle(self.outlet(x))[..., :time]

    def received(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return remove_upper_band(clean, self.ratio)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return functional.mse_loss(self(self.received(noisy, clean)), clean)
