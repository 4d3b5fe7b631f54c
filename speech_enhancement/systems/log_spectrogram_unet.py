"""A U-Net for images on the picture of a spectrogram: decibels become grey levels, and a picture comes back.

The level of each bin in dB, scaled to [0, 1], is treated as a grey picture, and a network that was made for medical
images paints the picture of clean speech. Its shape is that of Ronneberger, Fischer and Brox, "U-Net: convolutional
networks for biomedical image segmentation", MICCAI 2015.

**Picture.** With D = 20 log10 max(|Y|, 1e-5) the noisy level, h its maximum over the file and l its minimum, at most
80 dB below h,

    P = (D - l) / (h - l), clipped to [0, 1].

The target is the clean level on the same scale, with the l and h of the noisy file. The network's picture Q in [0, 1]
becomes a level again, l + Q (h - l), and then a sound with the phase of the noisy spectrogram. So the volume does not
matter, and there is no `context`: a loud click at the end of a file changes all of its picture.

**Network.** A convolution, `Encoder` and `Decoder` of `speech_enhancement.unet` (3x3 convolutions with batch
normalisation; each step down halves both sides), dropout of one half at the bottom, a 1x1 convolution, a sigmoid. No
table of a paper is at hand for the sizes: "paper" has the channels of Ronneberger et al., 64 to 1024, which makes 25.8
million parameters with these blocks; "small" has 16, 32, 48, 64, 64.

**Loss.** Binary cross-entropy of Q and the target T, as if each were the probability of speech. T is a level and not 0
or 1, so that even a perfect Q = T does not reach 0 but the entropy of T; only the rest can be learned.

**Metric.** A bin counts as speech if it is brighter than one half. The intersection over union (IoU) of the bright
areas of Q and T is reported, 1 if they agree. Segmentations are judged in this way, but the IoU does not measure the
quality of a sound, for three reasons that the tests show:

  - It asks on which side of the threshold a bin lies, and not how far from it. A picture of pure black and white in the
    right areas has an IoU of 1 and is wrong by up to 40 dB in each bin; a picture that is wrong by 2 dB everywhere has
    a lower IoU.
  - Bins darker than one half, 40 dB below the loudest bin, do not count: noise in pauses may stay as it is.
  - It does not know the phase.

It is here for comparison only; SI-SDR, PESQ and the like say which system is better.

**Memory.** The program that this follows kept its training pictures in memory and stopped at 1,700 examples. Here the
package's loader streams waveforms from disk, and each training step makes the pictures of its own batch, so that 20,000
examples train in the memory of 1,700, as a benchmark measures.
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
"""Largest range between black and white, in dB."""


def decibels(spectrogram: Tensor) -> Tensor:
    """Compute the level of a complex spectrogram in dB, of the same shape and at least -100."""
    return 20 * spectrogram.abs().clamp_min(1e-5).log10()


def bounds(level: Tensor) -> tuple[Tensor, Tensor]:
    """Find the levels of black and of white, each `(batch, 1, 1, 1)`, for levels `(batch, 1, freq, frames)`."""
    highest = level.amax(dim=(1, 2, 3), keepdim=True)
    lowest = level.amin(dim=(1, 2, 3), keepdim=True)
    return torch.maximum(lowest, highest - DYNAMIC_RANGE), highest


def to_picture(level: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """Scale levels in dB to [0, 1]; if nothing is louder than anything else, all are 0."""
    return ((level - lowest) / (highest - lowest).clamp_min(1e-6)).clamp(0, 1)


def to_level(picture: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """Invert `to_picture`, except for the clipping."""
    return lowest + picture * (highest - lowest)


def intersection_over_union(estimate: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """Measure the agreement of bright areas of pictures `(batch, 1, freq, frames)`: `(batch,)`, 1 if both have none."""
    first, second = estimate.flatten(1) > threshold, target.flatten(1) > threshold
    union = (first | second).sum(dim=1)
    return torch.where(union > 0, (first & second).sum(dim=1) / union.clamp_min(1), 1.0)


class LogSpectrogramUNet(System):
    """U-Net from the picture of a noisy spectrogram to that of a clean one.

    Args:
        channels: at each size of the picture, finest first.
        dropout: share of values at the bottom that training drops.

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
        """Compute the clean picture before its sigmoid: `(batch, 1, freq, frames)` -> the same."""
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
        """Compute the intersection over union that the pictures of a batch reach, `(batch,)`."""
        logits, target = self._estimate_and_target(noisy, clean)
        return intersection_over_union(torch.sigmoid(logits), target)

    def _estimate_and_target(self, noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        level = decibels(stft(noisy))
        scale = bounds(level)
        return self.logits(to_picture(level, *scale)), to_picture(decibels(stft(clean)), *scale)
