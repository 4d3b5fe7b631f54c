"""A U-Net for images on the picture of a spectrogram: decibels between black and white, and a picture comes back.

The level of each bin in dB, brought to [0, 1], is treated as a grey picture, and a network that was made to paint
medical images paints what clean speech would look like. Its hourglass is Ronneberger, Fischer and Brox, "U-Net:
convolutional networks for biomedical image segmentation", MICCAI 2015.

**Picture.** With D = 20 log10 max(|Y|, 1e-5) the noisy level, h its maximum over the file and l its minimum, at most
80 dB below h,

    P = (D - l) / (h - l), clipped to [0, 1].

The target is the clean level on the same scale, by the l and h of the noisy file, which are kept: the network's picture
Q in [0, 1] becomes a level again, l + Q (h - l), and a sound with the phase of the noisy spectrogram. Volume therefore
does not matter, and there is no `context`: a loud click at the end of a file changes all of its picture.

**Network.** A convolution, `Encoder` and `Decoder` of `speech_enhancement.unet` (3x3 convolutions with batch
normalisation; each step down halves both sides), dropout of one half at the bottom, a 1x1 convolution, a sigmoid. No
table of a paper is at hand for the sizes: "paper" has the channels of Ronneberger et al., 64 to 1024, which makes 25.8
million parameters with these blocks; "small" has 16, 32, 48, 64, 64.

**Loss.** Binary cross-entropy of Q and the target T, as if each were the probability of speech. Since T is a level and
not 0 or 1, a perfect Q = T does not reach 0 but the entropy of T; only what lies above it can be learned.

**Metric.** What counts as speech is what is brighter than one half, in Q and in T, and the intersection over union
(IoU) of the two areas is told, 1 if they agree. That is how segmentations are judged, and it does not measure how good
a sound is, for three reasons that the tests show:

  - It asks on which side of the threshold a bin lies and not where. A picture of pure black and white in the right
    areas has an IoU of 1, and is wrong by up to 40 dB in each bin; one that is wrong by 2 dB everywhere has less.
  - What is darker than one half, 40 dB below the loudest bin, does not count: noise in pauses may stay as it is.
  - It does not know the phase.

So it is here for comparison, and SI-SDR, PESQ and the like say which system is better.

**Memory.** The programme that this follows kept its training pictures in memory and stopped at 1,700 examples. Here the
package's loader streams waveforms from disk and the pictures of a batch are made in the step that needs them, so that
20,000 examples train in the memory of 1,700 (`python -m bench.training_memory` measures it).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System
from speech_enhancement.unet import Decoder, Encoder

DYNAMIC_RANGE = 80.0
"""dB between black and white, at most."""


def decibels(spectrogram: Tensor) -> Tensor:
    """Complex spectrogram -> its level in dB, of the same shape, at least -100."""
    return 20 * spectrogram.abs().clamp_min(1e-5).log10()


def bounds(level: Tensor) -> tuple[Tensor, Tensor]:
    """What is black and what is white: levels `(batch, 1, freq, frames)` -> two of `(batch, 1, 1, 1)`."""
    highest = level.amax(dim=(1, 2, 3), keepdim=True)
    lowest = level.amin(dim=(1, 2, 3), keepdim=True)
    return torch.maximum(lowest, highest - DYNAMIC_RANGE), highest


def to_picture(level: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """Levels in dB -> values in [0, 1]; all 0 where nothing is louder than anything else."""
    return ((level - lowest) / (highest - lowest).clamp_min(1e-6)).clamp(0, 1)


def to_level(picture: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """The inverse of `to_picture`, but for what was clipped."""
    return lowest + picture * (highest - lowest)


def intersection_over_union(estimate: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """How well the bright areas of pictures `(batch, 1, freq, frames)` agree: `(batch,)`, 1 where both have none."""
    first, second = estimate.flatten(1) > threshold, target.flatten(1) > threshold
    union = (first | second).sum(dim=1)
    return torch.where(union > 0, (first & second).sum(dim=1) / union.clamp_min(1), 1.0)


class LogSpectrogramUNet(System):
    """U-Net from the picture of a noisy spectrogram to that of a clean one.

    Args:
        channels: at each size of the picture, finest first.
        dropout: share of values that are dropped in training, at the bottom.

    Shape:
        `(batch, 1, time)` -> the same; `time` above 256
    """

    title = "log-spectrogram U-Net"
    sizes = {"paper": {"channels": (64, 128, 256, 512, 1024)}, "small": {"channels": (16, 32, 48, 64, 64)}}

    def __init__(self, channels: Sequence[int], dropout: float = 0.5):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, channels[0], 3, padding=1), nn.ReLU(inplace=True))
        self.down = Encoder(channels)
        self.dropout = nn.Dropout(dropout)
        self.up = Decoder(channels)
        self.last = nn.Conv2d(channels[0], 1, 1)

    def logits(self, picture: Tensor) -> Tensor:
        """What the sigmoid makes the clean picture of. `(batch, 1, freq, frames)` -> the same."""
        bottleneck, skips = self.down(self.first(picture))
        return self.last(self.up(self.dropout(bottleneck), skips))

    def forward(self, noisy: Tensor) -> Tensor:
        spectrogram = stft(noisy)  # (batch, 1, freq, frames)
        level = decibels(spectrogram)
        lowest, highest = bounds(level)
        picture = torch.sigmoid(self.logits(to_picture(level, lowest, highest)))
        gain = 10 ** ((to_level(picture, lowest, highest) - level) / 20)
        return istft(apply_mask(spectrogram, gain), noisy.shape[-1])

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(*self._estimate_and_target(noisy, clean))

    def metric(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """The intersection over union that the pictures of a batch reach, `(batch,)`."""
        logits, target = self._estimate_and_target(noisy, clean)
        return intersection_over_union(torch.sigmoid(logits), target)

    def _estimate_and_target(self, noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        level = decibels(stft(noisy))
        scale = bounds(level)
        return self.logits(to_picture(level, *scale)), to_picture(decibels(stft(clean)), *scale)
