"""A convolutional encoder and decoder with skip connections that looks at a spectrogram and returns a mask.

The shape is that of Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation",
MICCAI 2015; Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR 2017, use it as a
mask on the magnitude. Sizes are for the default `UNet` and one second of audio, 257 frequencies and 126 frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft


class DownBlock(nn.Module):
    """Task 2.2. Halve frequency and time, rounding up, by a strided convolution. The input is left as it is.

    Args:
        in_channels, out_channels: channels before and after.

    Shape:
        `(batch, in_channels, freq, frames)` -> `(batch, out_channels, ceil(freq / 2), ceil(frames / 2))`
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        ### BEGIN SOLUTION
        # Batch normalisation (Ioffe and Szegedy, ICML 2015) is free in evaluation and keeps items independent there.
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.layers(x)
        ### END SOLUTION


class UpBlock(nn.Module):
    """Task 2.3. Upsample to the size of the skip connection, join the two, and convolve.

    `x` is spread over the whole output: its first corner influences the first corner of the result, and its last corner
    the last. Both inputs are left as they are.

    Args:
        in_channels: channels of `x`.
        skip_channels: channels of `skip`.
        out_channels: channels of the result.

    Shape:
        `x (batch, in_channels, ceil(freq / 2), ceil(frames / 2))` and `skip (batch, skip_channels, freq, frames)`
        -> `(batch, out_channels, freq, frames)`
    """

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int):
        super().__init__()
        ### BEGIN SOLUTION
        # Channels are reduced where the image is still small, which is cheaper.
        self.reduce = nn.Conv2d(in_channels, out_channels, 1)
        self.layers = nn.Sequential(
            nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
        ### END SOLUTION

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        # Unlike transposed convolutions, repetition leaves no checkerboard (Odena, Dumoulin and Olah, Distill 2016).
        x = functional.interpolate(self.reduce(x), size=skip.shape[-2:])  # (batch, out_channels, freq, frames)
        return self.layers(torch.cat([x, skip], dim=1))
        ### END SOLUTION


class Encoder(nn.Module):
    """Task 2.4. One `DownBlock(channels[i], channels[i + 1])` after another.

    Args:
        channels: channels before the first block and after each.

    Shape:
        `(batch, channels[0], freq, frames)` -> `(bottleneck, skips)`: the output of the last block, and the list of
        the inputs of all blocks, finest first.
    """

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        ### BEGIN SOLUTION
        self.blocks = nn.ModuleList(DownBlock(channels[i], channels[i + 1]) for i in range(len(channels) - 1))
        ### END SOLUTION

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        ### BEGIN SOLUTION
        skips = []
        for block in self.blocks:
            skips.append(x)
            x = block(x)
        return x, skips
        ### END SOLUTION


class Decoder(nn.Module):
    """Task 2.4. The way back: one `UpBlock` for each skip connection, coarsest first.

    Args:
        channels: as given to the `Encoder`.

    Shape:
        called `(bottleneck, skips)` -> `(batch, channels[0], freq, frames)`, the size of the finest skip. The list
        of skips is left as it is.
    """

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        ### BEGIN SOLUTION
        self.blocks = nn.ModuleList(
            UpBlock(channels[i + 1], channels[i], channels[i]) for i in reversed(range(len(channels) - 1))
        )
        ### END SOLUTION

    def forward(self, bottleneck: Tensor, skips: list[Tensor]) -> Tensor:
        ### BEGIN SOLUTION
        x = bottleneck
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(x, skip)
        return x
        ### END SOLUTION


class UNet(nn.Module):
    """Task 2.5. From the magnitude of noisy speech to a mask in [0, 1].

    A convolution from 1 to `channels[0]` channels, `Encoder`, `Decoder`, a 1x1 convolution to one channel, and a
    sigmoid. By default it halves four times: (16, 257, 126), (32, 129, 63), (48, 65, 32), (64, 33, 16), (64, 17, 8).
    The magnitude is not compressed, and may be 0 everywhere. Batch normalisation of nothing but zeros lets gradients
    overflow; `log(magnitude + small)` avoids that. Normalisation may follow the first convolution too.

    Args:
        channels: channels at each size, finest first.

    Shape:
        `(batch, 1, freq, frames)` -> the same. Any size from 1x1 in evaluation mode, in which the result is
        deterministic and each item independent of its batch; in training mode the bottleneck must hold at least two
        values per channel.
    """

    def __init__(self, channels: Sequence[int] = (16, 32, 48, 64, 64)):
        super().__init__()
        ### BEGIN SOLUTION
        self.level_frames = 129
        self.inlet = nn.Sequential(nn.Conv2d(1, channels[0], 3, padding=1), nn.ReLU(inplace=True))
        self.encoder = Encoder(channels)
        self.decoder = Decoder(channels)
        self.outlet = nn.Conv2d(channels[0], 1, 1)
        ### END SOLUTION

    def forward(self, magnitude: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        # Division by the mean of nearby frames keeps the volume out; the exponent compresses as hearing does.
        level = functional.avg_pool1d(
            magnitude.mean(dim=2),
            self.level_frames,
            stride=1,
            padding=self.level_frames // 2,
            count_include_pad=False,
        )  # (batch, 1, frames)
        x = (magnitude / level.unsqueeze(2).clamp_min(1e-5)).clamp_min(1e-6) ** 0.3
        bottleneck, skips = self.encoder(self.inlet(x))
        return torch.sigmoid(self.outlet(self.decoder(bottleneck, skips)))
        ### END SOLUTION


class MaskingEnhancer(nn.Module):
    """Task 2.6. Noisy waveform to enhanced waveform: transform, mask the magnitude, keep the phase, transform back.

    These are `stft` (1.1), `unet` on the uncompressed magnitude, `apply_mask` (1.3) and `istft` (1.2).

    Args:
        unet: any module that maps a magnitude `(batch, 1, freq, frames)` to a mask of the same shape; it is registered
            as a submodule.
        n_fft: length of window and transform, in samples.
        hop_length: distance between neighbouring frames, in samples.

    Shape:
        `(batch, 1, time)` -> `(batch, 1, time)`
    """

    def __init__(self, unet: nn.Module, n_fft: int = 512, hop_length: int = 128):
        super().__init__()
        ### BEGIN SOLUTION
        self.unet = unet
        self.n_fft = n_fft
        self.hop_length = hop_length
        ### END SOLUTION

    def forward(self, noisy: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        spectrogram = stft(noisy, self.n_fft, self.hop_length)  # (batch, 1, freq, frames)
        mask = self.unet(spectrogram.abs())
        enhanced = apply_mask(spectrogram, mask)
        return istft(enhanced, noisy.shape[-1], self.n_fft, self.hop_length)
        ### END SOLUTION
