"""TFiLM: the super-resolution U-Net, in which an LSTM hears the whole past and tunes the convolutions to it.

Convolutions see a few milliseconds; only the more distant past shows whose voice it is, or which piece of music. TFiLM,
temporal feature-wise linear modulation, lets a recurrent network follow a coarse summary of the features and set the
weight of each channel, block after block of time. Source: Birnbaum, Kuleshov, Enam, Koh and Ermon, "Temporal FiLM:
capturing long-range sequence dependencies with feature-wise modulations", NeurIPS 2019.

**Modulation.** The features x (channels, time) of a layer are cut into blocks of equal length. The maximum over time is
taken of each block b; an LSTM reads these maxima in their order and gives the scale g_b and the shift s_b of each
channel, which hold for the block:

    (g_b, s_b) = LSTM(max_{t in b} x[:, t]; its state after block b - 1)
    y[c, t] = g_b[c] x[c, t] + s_b[c],    t in b

**Network.** `super_resolution_unet`, with a modulation after each block, down, bottom and up. A block of time spans 256
samples at every depth (128 values after the first layer, 8 at the bottom), so that the LSTMs take 62.5 steps a second.
"paper" has 128, 256, 512, 512 channels, "small" 16, 32, 48, 48.

As in the paper's formula, scale and shift both come from the 2 x channels cells of the LSTM: 91.9 million parameters.
The authors' program has a scale alone (68.2 million), and dilated convolutions with max-pooling in place of strides;
here the U-Net is that of the predecessor, for comparison. So are task, degradation and loss. At first the LSTMs give
gains near 0, one after another, so that the first steps of training show little.

The LSTMs remember the whole past; of the future, a sample depends on a bounded stretch only.
"""

from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.systems.super_resolution_unet import SuperResolutionUNet

BLOCK = 256
"""Samples of the waveform in a block of time."""


class TemporalModulation(nn.Module):
    """Scale and shift of each channel by an LSTM over blocks of time: `(batch, channels, time)` -> the same.

    Args:
        channels: of the features.
        block: number of values in a block; the last block may be shorter.
    """

    def __init__(self, channels: int, block: int):
        super().__init__()
        self.block = block
        self.lstm = nn.LSTM(channels, 2 * channels, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        maxima = functional.max_pool1d(x, self.block, ceil_mode=True)  # (batch, channels, blocks)
        modulation = self.lstm(maxima.mT)[0].mT.repeat_interleave(self.block, dim=2)[..., : x.shape[-1]]
        scale, shift = modulation.chunk(2, dim=1)  # each (batch, channels, time)
        return scale * x + shift


class TFiLM(SuperResolutionUNet):
    """Super-resolution U-Net with temporal feature-wise linear modulation; arguments of `SuperResolutionUNet`."""

    title = "TFiLM"
    sizes = {
        "paper": {"channels": (128, 256, 512, 512)},
        "small": {"channels": (16, 32, 48, 48), "dropout": 0.0},
    }

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.context = None
        self.alignment = BLOCK

    def after_block(self, channels: int, halvings: int) -> nn.Module:
        return TemporalModulation(channels, BLOCK // 2**halvings)
