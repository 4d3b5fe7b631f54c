"""Deep complex U-Net: a U-Net whose weights, activations and mask are complex numbers, so that it corrects the phase.

A mask on the magnitude leaves the phase as noisy as it was. Here the spectrogram goes through the network as complex
numbers, and the resulting mask can turn each bin as well as weaken it. Source: Choi, Kim, Huh, Kim, Ha and Lee,
"Phase-aware speech enhancement with deep complex U-Net", ICLR 2019.

**Complex layers.** A complex number is stored in two neighbouring channels, its real and its imaginary part, so skip
connections and leaky ReLU (on both parts, slope 0.01) need nothing new. A complex convolution is a real one:

    [Re y]   [Re W  -Im W]   [Re x]
    [Im y] = [Im W   Re W] * [Im x]

Batch normalisation removes the 2x2 covariance V of the two parts and gives them another (Trabelsi et al., "Deep complex
networks", ICLR 2018): y = G V^(-1/2) (x - mean) + b, with G symmetric and initially I / sqrt(2). For 2x2 matrices

    V^(-1/2) = ((tr V + s) I - V) / (s t),    s = sqrt(det V),    t = sqrt(tr V + 2 s)

Weights begin as complex Gaussians of variance 2 / (number of inputs).

**Network.** DCUNet-N has N / 2 strided convolutions down and as many transposed ones up, joined by skip connections.
Each convolution up has the kernel and stride of its partner; all convolutions but the last are followed by batch
normalisation and leaky ReLU. The spectrogram has windows of 64 ms (1024 samples) and hops of 16 ms. Kernels are
(frequency, frames), channels complex:

    DCUNet-10    (7, 5) 32, 64    (5, 3) 64, 64, 64                           1.42 million parameters
    DCUNet-16    (7, 5) 32, 32, 64    (5, 3) 64, 64, 64, 64, 64               2.38 million
    DCUNet-20    (7, 1) 32    (1, 7) 32    (7, 5) 64, 64    (5, 3) 64, 64, 64, 64, 64, 90    3.53 million

"paper" is DCUNet-20, "small" is DCUNet-10 with half its channels. The paper's own table of layers was not at hand:
these kernels and channels are an arrangement that has the published counts. A count does not show strides: over
frequency they are 2 here, except for the first two layers of DCUNet-20, and over frames 2 in four layers of each.

**Mask.** The last layer's complex output O becomes M = tanh(|O|) O / |O|: its phase is free, its magnitude below 1.

**Loss.** The negative of the weighted source-to-distortion ratio, `speech_enhancement.metrics.weighted_sdr`.

A sample depends on everything within `context`: a window, and from the centre of its frame, for every convolution down
and up, (k // 2) frames of that level's size. In training, batch normalisation ties the whole batch together.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.metrics import weighted_sdr
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System

Layer = tuple[int, tuple[int, int], tuple[int, int]]
"""Complex channels, kernel and stride, these two over frequency and frames."""


def dcunet_10(narrow: int, wide: int) -> list[Layer]:
    """List the layers down of DCUNet-10, with `narrow` channels in the first and `wide` in the others."""
    return [
        (narrow, (7, 5), (2, 2)),
        (wide, (7, 5), (2, 2)),
        (wide, (5, 3), (2, 2)),
        (wide, (5, 3), (2, 2)),
        (wide, (5, 3), (2, 1)),
    ]


DCUNET_16 = [
    (32, (7, 5), (2, 2)),
    (32, (7, 5), (2, 1)),
    (64, (7, 5), (2, 2)),
    *2 * [(64, (5, 3), (2, 1)), (64, (5, 3), (2, 2))],
    (64, (5, 3), (2, 1)),
]
DCUNET_20 = [
    (32, (7, 1), (1, 1)),
    (32, (1, 7), (1, 1)),
    (64, (7, 5), (2, 2)),
    (64, (7, 5), (2, 1)),
    *2 * [(64, (5, 3), (2, 2)), (64, (5, 3), (2, 1))],
    (64, (5, 3), (2, 2)),
    (90, (5, 3), (2, 1)),
]


class ComplexConvolution(nn.Module):
    """A complex convolution, without bias: `(batch, 2 * in, freq, frames)` -> `(batch, 2 * out, ceil(.), ceil(.))`."""

    def __init__(self, in_channels: int, out_channels: int, kernel: tuple[int, int], stride: tuple[int, int]):
        super().__init__()
        fan_in = in_channels * kernel[0] * kernel[1]
        self.weight = nn.Parameter(torch.randn(2, out_channels, in_channels, *kernel) / fan_in**0.5)
        self.stride = stride
        self.padding = [size // 2 for size in kernel]

    def real_weight(self) -> Tensor:
        """Write the weight as that of a real convolution, `(2 * out, 2 * in, *kernel)`."""
        real, imaginary = self.weight
        rows = [torch.stack([real, -imaginary], dim=2), torch.stack([imaginary, real], dim=2)]
        return torch.stack(rows, dim=1).flatten(2, 3).flatten(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.real_weight(), stride=self.stride, padding=self.padding)


class TransposedComplexConvolution(ComplexConvolution):
    """The way back of a complex convolution, to a given size and with weights of its own."""

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        # The excess over the shortest length that the stride allows: 0 or 1 for a stride of 2.
        longer = [
            wanted - (have - 1) * stride - 1
            for wanted, have, stride in zip(size, x.shape[-2:], self.stride, strict=True)
        ]
        weight = self.real_weight().transpose(0, 1)
        return functional.conv_transpose2d(x, weight, None, self.stride, self.padding, longer)


class ComplexBatchNorm(nn.Module):
    """Batch normalisation of complex channels by their 2x2 covariance: `(batch, 2 * channels, ...)` -> the same."""

    def __init__(self, channels: int, momentum: float = 0.1, epsilon: float = 1e-5):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([0.5, 0.5, 0]).sqrt().expand(channels, 3).clone())  # of G: 00, 11, 01
        self.shift = nn.Parameter(torch.zeros(channels, 2))
        self.register_buffer("mean", torch.zeros(channels, 2))
        self.register_buffer("covariance", torch.eye(2).repeat(channels, 1, 1))
        self.momentum = momentum
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        # In float32 under autocast too, since bfloat16 has too few digits for the inverse of a covariance.
        parts = x.unflatten(1, (-1, 2)).to(self.mean.dtype)  # (batch, channels, 2, freq, frames)
        mean, covariance = self._statistics(parts) if self.training else (self.mean, self.covariance)
        matrix = self._scale_matrix() @ self._inverse_root(covariance)  # (channels, 2, 2)
        shift = self.shift - (matrix @ mean.unsqueeze(2)).squeeze(2)
        column_0, column_1 = (matrix[:, :, column, None, None] for column in range(2))  # (channels, 2, 1, 1)
        return (parts[:, :, :1] * column_0 + parts[:, :, 1:] * column_1 + shift[..., None, None]).flatten(1, 2)

    def _scale_matrix(self) -> Tensor:
        return self.scale[:, [0, 2, 2, 1]].unflatten(1, (2, 2))

    def _statistics(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        mean = parts.mean(dim=(0, 3, 4))
        centred = (parts - mean[..., None, None]).permute(1, 2, 0, 3, 4).flatten(2)  # (channels, 2, values)
        covariance = (centred.unsqueeze(1) * centred.unsqueeze(2)).mean(dim=-1)
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.covariance.lerp_(covariance, self.momentum)
        return mean, covariance

    def _inverse_root(self, covariance: Tensor) -> Tensor:
        identity = torch.eye(2).to(covariance)
        covariance = covariance + self.epsilon * identity
        trace = covariance.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        root = (covariance[:, 0, 0] * covariance[:, 1, 1] - covariance[:, 0, 1].square()).sqrt()[:, None, None]
        return ((trace + root) * identity - covariance) / (root * (trace + 2 * root).sqrt())


def bound_magnitude(output: Tensor) -> Tensor:
    """Compute the mask M = tanh(|O|) O / |O| from O, both `(batch, 2, freq, frames)`, real and imaginary part."""
    magnitude = (output.square().sum(dim=1, keepdim=True) + 1e-12).sqrt()  # its gradient at 0 would have no bound
    return output * (magnitude.tanh() / magnitude)


class DeepComplexUNet(System):
    """Deep complex U-Net.

    Args:
        layers: layers down; the layers up mirror them.
        n_fft: length of window and transform, in samples.
        hop_length: distance between neighbouring frames, in samples.

    Shape:
        `(batch, 1, time)` -> the same; `time` above `n_fft // 2`.
    """

    title = "deep complex U-Net"
    sizes = {"paper": {"layers": DCUNET_20}, "small": {"layers": dcunet_10(16, 32)}}

    def __init__(self, layers: Sequence[Layer], n_fft: int = 1024, hop_length: int = 256):
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        channels = [1, *(layer[0] for layer in layers)]
        self.down = nn.ModuleList()
        self.down_norms = nn.ModuleList()
        self.up = nn.ModuleList()
        self.up_norms = nn.ModuleList()
        reach, frames = 0, 1  # of a frame of the mask, in frames; and frames that make one at this depth
        for (before, after), (_, kernel, stride) in zip(pairwise(channels), layers, strict=True):
            self.down.append(ComplexConvolution(before, after, kernel, stride))
            self.down_norms.append(ComplexBatchNorm(after))
            joined = after if len(self.down) == len(layers) else 2 * after  # with the skip connection
            self.up.insert(0, TransposedComplexConvolution(joined, before, kernel, stride))
            if len(self.down) > 1:
                self.up_norms.insert(0, ComplexBatchNorm(before))
            reach += 2 * (kernel[1] // 2) * frames
            frames *= stride[1]
        self.bias = nn.Parameter(torch.zeros(1, 2, 1, 1))
        self.context = reach * hop_length + n_fft - 1
        self.alignment = frames * hop_length

    def estimate_mask(self, x: Tensor) -> Tensor:
        """Estimate the complex mask of a spectrogram, both `(batch, 2, freq, frames)`, real and imaginary part."""
        skips = []
        for convolution, norm in zip(self.down, self.down_norms, strict=True):
            skips.append(x)
            x = functional.leaky_relu(norm(convolution(x)))
        *up, outlet = self.up
        for convolution, norm in zip(up, self.up_norms, strict=True):
            skip = skips.pop()
            x = functional.leaky_relu(norm(convolution(x, skip.shape[-2:])))
            x = torch.cat([x, skip], dim=1)
        return bound_magnitude(outlet(x, skips.pop().shape[-2:]) + self.bias)

    def forward(self, noisy: Tensor) -> Tensor:
        noisy_bins = stft(noisy, self.n_fft, self.hop_length)  # (batch, 1, freq, frames)
        parts = torch.view_as_real(noisy_bins.squeeze(1)).movedim(-1, 1)
        mask = torch.view_as_complex(self.estimate_mask(parts).movedim(1, -1).contiguous()).unsqueeze(1)
        return istft(mask * noisy_bins, noisy.shape[-1], self.n_fft, self.hop_length)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return -weighted_sdr(self(noisy), clean, noisy).mean()
