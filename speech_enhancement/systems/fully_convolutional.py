"""A stack of convolutions from noisy samples to clean ones, and nothing else: no frames, no phase, no dense layer.

A dense layer that ends in a waveform must make every sample from the same hidden values, which hold an average of the
frame: it reproduces smooth parts well and high frequencies badly. A convolution makes each sample from the hidden
values around it, with the same few weights everywhere. Source: Fu, Tsao, Lu and Kawai, "Raw waveform-based speech
enhancement by fully convolutional networks", APSIPA ASC 2017.

There are eight layers with kernels of 55 samples (3.4 ms): seven of 30 filters, and one filter that makes the waveform.

    x_0 = noisy,    x_n = LeakyReLU(norm(W_n * x_{n-1})),  n = 1 ... 7,    enhanced = W_8 * x_7 + b

    parameters  55 * 30 + 6 * 55 * 30^2 + 55 * 30 + 1 and 2 * 30 for each normalisation: 300,721
    context     8 * (55 - 1) / 2 = 216 samples on either side, a receptive field of 433 samples or 27 ms

Long kernels are essential: they are the filters of a filter bank, and with 3 taps eight layers would see 17 samples.
Layers, kernel and filters are the paper's. Its normalisation and activation were not at hand: batch normalisation and a
leaky ReLU of slope 0.2 stand here, and the last layer is linear, so that it can reach any amplitude. The small size has
kernels of 31 samples and 16 filters, since a convolution costs kernel times filters squared for each of 16,000 samples
a second.
"""

from torch import Tensor, nn

from speech_enhancement.systems.blocks.long_convolution import LongConvolution
from speech_enhancement.systems.system import System


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
        self.context = layers * (kernel // 2)
        blocks = []
        for layer in range(layers - 1):
            blocks += [
                LongConvolution(filters if layer else 1, filters, kernel, padding="same", bias=False),
                nn.BatchNorm1d(filters),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*blocks, LongConvolution(filters, 1, kernel, padding="same"))

    def forward(self, noisy: Tensor) -> Tensor:
        return self.layers(noisy)
