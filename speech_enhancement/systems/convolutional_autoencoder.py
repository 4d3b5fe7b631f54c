"""One convolution and its transpose: the smallest autoencoder of waveforms, and what it can and cannot learn.

    c[m, j] = b_j + sum_i w_j[i] * y[32 m - 1008 + i]                          j = 0 ... 31, i = 0 ... 2047
    x[n] = a + sum_{m, j} v_j[n - 32 m + 1008] * c[m, j]

Each of 32 kernels looks at 2048 samples (128 ms), every 32 samples. There are 2048 * 32 + 32 parameters in the encoder
and 32 * 2048 + 1 in the decoder, 131,105 in all. There is no activation in between, so the whole is a linear filter
bank. It is no published system but the first thing one tries; the reduction to one layer is ours.

**It can pass everything.** It makes 32 numbers of 32 samples, so in principle nothing need be lost. With w_j = v_j and
a single one at the place of sample j (or with any orthogonal lapped transform of up to 2048 samples) nothing is lost:
the test sets such weights and gets its input back. The size of the code is not the obstacle.

**The data decide what it learns.** Measured with noisy = clean and the default optimizer and loss (Adam at
1e-3, mean absolute error), after 300 steps of 2 s each, with LibriSpeech for speech; SNR in dB of the output against
the input, as mean (least to greatest):

    given to each step                    SNR on it             16 other speakers     white noise
    always the same piece of speech        29.3                   7.4 (4.2 to 9.5)      0.7
    one of 64 pieces of 64 speakers         5.1 (-8.0 to 14.4)    6.4 (-6.0 to 14.8)    1.0
    white noise, new in each step          17.8                  17.3 (10.1 to 20.4)   17.8

From one piece of audio it learns that piece and no more. Its 32,000 samples are a quarter of the number of parameters,
and its 1000 windows span at most 1000 of 2048 dimensions: in the others nothing is asked of the kernels. More speech
did not bring the identity in as many steps, because speech has little power in most directions and the loss says little
about them. White noise that never repeats asks for all directions alike, and teaches the same layers to let everything
pass. Neither a falling loss nor the number of parameters proves that something general was learned; a piece kept away
from training does.
"""

from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.systems.system import System


class ConvolutionalAutoencoder(System):
    """A convolution from 1 to `channels` channels and a transposed one back, both linear.

    Args:
        channels: number of kernels.
        kernel_size: samples that each kernel looks at.
        stride: samples from one look to the next; even, and a divisor of `kernel_size`.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "convolutional autoencoder"

    def __init__(self, channels: int = 32, kernel_size: int = 2048, stride: int = 32):
        super().__init__()
        self.padding = (kernel_size - stride) // 2  # as many codes as strides in the signal
        self.context = kernel_size - 1
        self.alignment = stride
        self.encoder = nn.Conv1d(1, channels, kernel_size, stride, self.padding)
        self.decoder = nn.ConvTranspose1d(channels, 1, kernel_size, stride, self.padding)

    def forward(self, noisy: Tensor) -> Tensor:
        # This is `decoder(encoder(noisy))`, made many times faster by a channel for each sample of a stride.
        (kernel_size,), (stride,) = self.encoder.kernel_size, self.encoder.stride
        time = noisy.shape[-1]
        padded = functional.pad(noisy, (self.padding, -time % stride + kernel_size - stride - self.padding))
        encoding, decoding = _split(self.encoder.weight, stride), _split(self.decoder.weight, stride)
        codes = functional.conv1d(_split(padded, stride), encoding, self.encoder.bias)
        blocks = functional.conv_transpose1d(codes, decoding)  # (batch, stride, blocks)
        signal = blocks.transpose(1, 2).flatten(1).unsqueeze(1)
        return signal[..., self.padding : self.padding + time] + self.decoder.bias


def _split(signal: Tensor, stride: int) -> Tensor:
    """Put every stride-th sample into a channel of its own: `(batch, 1, time)` -> `(batch, stride, time / stride)`."""
    return signal.unflatten(-1, (-1, stride)).squeeze(1).transpose(1, 2).contiguous()
