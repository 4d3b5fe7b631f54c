"""WaveNet turned from a generator into a denoiser: it looks both ways, and predicts a stretch of samples at once.

WaveNet draws one sample after another from those before. A denoiser knows the noisy samples and estimates the clean
ones, so it needs neither drawing nor causality: dilated convolutions look both ways, and one pass gives every sample as
a real number. Source: Rethage, Pons and Serra, "A Wavenet for speech denoising", ICASSP 2018.

After a convolution to 128 channels, 30 residual layers (three stacks of dilations 1, 2, 4 ... 512, kernel 3) each make

    z = tanh(F * x) sigmoid(G * x),    x <- x + R z,    s <- s + S z

with F and G dilated and R and S of one tap. The sum s of all layers passes ReLU, a convolution to 2,048 channels of
kernel 3, ReLU, one to 256 of kernel 3, and one of one tap to the waveform.

    parameters       6,302,209; the published network has 6,342,657
    receptive field  3 * 2 * 1023 + 1 = 6,139 samples (384 ms) of the stacks, as the paper counts
    context          3072 samples on either side: the stacks' 3,069 and one for each of the three other kernels of 3

Speech and noise add up to the recording, s^ + b^ = m. The loss sums both errors, so that energy is neither lost nor
invented:

    L = mean |s - s^| + mean |b - b^|,    b = m - s

If one is exactly the difference, as here, both terms are equal, and L is twice the mean absolute error.

**Differences from the paper.** The network estimates b^, and s^ is the difference; the paper has it the other way
round, but a network that has learned little should leave the recording as it is. Samples are multiplied by 16 before
the network and divided after it, which brings speech near an RMS of 1: at the level of recordings the gates work where
they are linear, and the training got less far.

Simplified: the paper also tells the network who speaks, by a code of 5 bits that enters each layer, zeros if unknown.
Without the code each of those places keeps a bias, hence 10,112 parameters instead of the code's 50,560. Recordings are
not brought to one level beforehand, which would make every sample depend on all others. Each layer sees zeros beyond
the ends. The small size has 24 channels, in the sum too, one stack of dilations 1 ... 512, and 32 and 16 channels after
the sum.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.systems.system import System, zero_biases

GAIN = 16


class GatedLayer(nn.Module):
    """One residual layer: `x (batch, channels, time)` -> its additions to x and to the sum of all layers."""

    def __init__(self, channels: int, skip_channels: int, dilation: int):
        super().__init__()
        self.dilated = nn.Conv1d(channels, 2 * channels, 3, padding="same", dilation=dilation)
        self.outlet = nn.Conv1d(channels, channels + skip_channels, 1, bias=False)
        self.widths = [channels, skip_channels]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        filtered, gate = self.dilated(x).chunk(2, dim=1)
        residual, skip = self.outlet(torch.tanh(filtered) * torch.sigmoid(gate)).split(self.widths, dim=1)
        return residual, skip


class DenoisingWaveNet(System):
    """Residual layers with gates, and a head that reads the sum of their outputs.

    Args:
        channels: channels between layers.
        skip_channels: channels of the sum.
        head_channels: channels of the two convolutions after the sum.
        stacks: number of passes through the dilations.
        dilations: number of dilations in a stack, doubling from 1.
    """

    title = "denoising WaveNet"
    sizes = {
        "paper": {},
        "small": {"channels": 24, "skip_channels": 24, "head_channels": (32, 16), "stacks": 1},
    }

    def __init__(
        self,
        channels: int = 128,
        skip_channels: int = 128,
        head_channels: Sequence[int] = (2048, 256),
        stacks: int = 3,
        dilations: int = 10,
    ):
        super().__init__()
        self.context = stacks * (2**dilations - 1) + 3
        self.inlet = nn.Conv1d(1, channels, 3, padding="same")
        self.layers = nn.ModuleList(
            GatedLayer(channels, skip_channels, 2**power) for _ in range(stacks) for power in range(dilations)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.Conv1d(skip_channels, head_channels[0], 3, padding="same"),
            nn.ReLU(),
            nn.Conv1d(head_channels[0], head_channels[1], 3, padding="same"),
            nn.Conv1d(head_channels[1], 1, 1),
        )
        zero_biases(self)

    def separate(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Split a noisy waveform `(batch, 1, time)` into speech and noise of the same shape, which add up to it."""
        x = self.inlet(GAIN * noisy)  # (batch, channels, time)
        total = 0
        for layer in self.layers:
            residual, skip = layer(x)
            x = x + residual
            total = total + skip  # (batch, skip_channels, time)
        noise = self.head(total) / GAIN
        return noisy - noise, noise

    def forward(self, noisy: Tensor) -> Tensor:
        return self.separate(noisy)[0]

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        speech, noise = self.separate(noisy)
        return functional.l1_loss(speech, clean) + functional.l1_loss(noise, noisy - clean)
