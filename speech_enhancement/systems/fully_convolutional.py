"""A stack of convolutions from noisy samples to clean ones, and nothing else: no frames, no phase, no dense layer.

A dense layer that ends in a waveform must make every sample from the same hidden values, which hold an average of the
frame: it reproduces smooth parts well and high frequencies badly. A convolution makes each sample from the hidden
values around it, with the same few weights everywhere. Source: Fu, Tsao, Lu and Kawai, "Raw waveform-based speech
enhancement by fully convolutional networks", APSIPA ASC 2017.

There are eight layers with kernels of 55 samples (3.4 ms): seven of 30 filters, and one filter that makes the waveform.

    x_0 = noisy / p,    x_n = LeakyReLU(norm(W_n * x_{n-1})),  n = 1 ... 7,    enhanced = p tanh(W_8 * x_7 + b)

    parameters  55 * 30 + 6 * 55 * 30^2 + 55 * 30 + 1 and 2 * 30 for each normalisation: 300,721
    reach       8 * (55 - 1) / 2 = 216 samples on either side, a receptive field of 433 samples or 27 ms

Long kernels are essential: they are the filters of a filter bank, and with 3 taps eight layers would see 17 samples.
Layers, kernel and filters are the paper's. The rest follows the program that its first author published: p is the peak
of the recording, the normalisation is that of each filter's output over the recording, and the slope of the leaky ReLU
is 0.3. Through peak and normalisation every sample depends on the whole recording, and the volume does not matter. With
statistics of the batch, recordings of other levels than the batch's mean are normalised otherwise than in training.

The small size has kernels of 31 samples and 16 filters, since a convolution costs kernel times filters squared for each
of 16,000 samples a second.
"""

import torch
from torch import Tensor, nn

from speech_enhancement.systems.blocks.long_convolution import LongConvolution
from speech_enhancement.systems.system import System, zero_biases


class FullyConvolutional(System):
    """Convolutions that keep the length, with zeros beyond the ends.

    Args:
        layers: number of convolutions.
        filters: channels between them.
        kernel: taps of each, odd.
    """

    title = "fully convolutional"
    sizes = {"paper": {}, "small": {"filters": 16, "kernel": 31}}

    def __init__(self, layers: int = 8, filters: int = 30, kernel: int = 55):
        super().__init__()
        blocks = []
        for layer in range(layers - 1):
            blocks += [
                LongConvolution(filters if layer else 1, filters, kernel, padding="same", bias=False),
                nn.InstanceNorm1d(filters, affine=True),
                nn.LeakyReLU(0.3),
            ]
        self.layers = nn.Sequential(*blocks, LongConvolution(filters, 1, kernel, padding="same"))
        zero_biases(self)
        # The mean of a leaky ReLU's outputs would become an offset that takes hundreds of steps to unlearn.
        self.layers[-1].weight.data.mul_(0.1)

    def forward(self, noisy: Tensor) -> Tensor:
        peak = noisy.abs().amax(dim=-1, keepdim=True).clamp_min(1e-5)
        return peak * torch.tanh(self.layers(noisy / peak))
