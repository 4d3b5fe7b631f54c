"""The adaptive line enhancer: what can be predicted from the past is a tone, and the rest is speech.

A filter of N weights predicts each sample from samples that lie D and more back, and learns while it does so, by the
normalised least-mean-squares rule (NLMS):

    u[n] = (x[n - D], ..., x[n - D - N + 1])
    tones[n] = w[n] . u[n],    rest[n] = x[n] - tones[n]
    w[n + 1] = w[n] + m * rest[n] * u[n] / (|u[n]|^2 + c)

A tone looks the same D samples later, so the filter learns to pass it; noise and speech have changed until then. Both
results are at hand (`separate`). The line enhancer has its name from `tones`, for a tone that is sought in noise. For
speech it is the other way round: hum and whistles are the noise and can be predicted, so that the enhanced signal is
`rest`, and broadband noise stays in it. The choice of D and m is a compromise, for a vowel repeats itself too: with D
shorter than a few pitch periods, or with a large m, the filter follows the voice and takes the vowels away.

The constant c is N times the mean power of the recording. It is usually negligible and meant for silence; here it
decides: at the first word after a pause u still holds the pause and rest the word, and a step divided by the power of
the pause throws the weights far away. The sizes are ours. Measured on four LibriSpeech voices with a hum of 50 Hz, six
of its harmonics and a whistle at 1830 Hz as loud as the voice, after the first second, as SI-SDR:

    D, m                                    10 ms, 0.005    50 ms, 0.005    50 ms, 0.03    50 ms, 0.006, c nearly 0
    hum and voice (before: 0.0 dB)              7.0 dB          8.7 dB         5.8 dB            7.3 dB
    voice alone, what is left of it             8.2 dB         13.3 dB         6.2 dB           -9.3 dB

Sources: Widrow et al., "Adaptive noise cancelling: principles and applications", Proc. IEEE 63(12), 1975 (the
self-tuning filter); Nagumo and Noda, "A learning method for system identification", IEEE Trans. Automatic Control
12(3), 1967 (NLMS).

**Without a loop over samples.** The weights change with every sample, yet within a block of B samples only by multiples
of that block's own u. With w the weights at its start, U the rows u[n], and g[n] = m / (|u[n]|^2 + c),

    rest[n] = x[n] - w . u[n] - sum_{k < n} (u[n] . u[k]) g[k] rest[k]

which is a triangular system, (I + strictly lower part of U U^T diag(g)) rest = x - U w, and then w becomes
w + U^T (g * rest). This is no approximation (the filter is not frozen for a block, as in block LMS): it is the rule
above in another order of sums, and costs B N + 2 N products a sample, but in four operations on matrices a block.
"""

import torch
from torch import Tensor
from torch.nn import functional

from speech_enhancement.systems.system import System

BLOCK = 128


class AdaptiveLineEnhancer(System):
    """Takes away what can be predicted.

    Args:
        length: weights, N; two tones are told apart if they differ by more than 16000 / N Hz.
        delay: samples between what is predicted and the nearest it is predicted from, D.
        step: m, between 0 (learns nothing) and 2 (becomes unstable).

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "adaptive line enhancer"

    def __init__(self, length: int = 512, delay: int = 800, step: float = 0.005):
        super().__init__()
        self.length = length
        self.delay = delay
        self.step = step

    def forward(self, noisy: Tensor) -> Tensor:
        return self.separate(noisy)[1]

    def separate(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """What can be predicted, and the rest; their sum is `noisy`."""
        signal = noisy.squeeze(1)  # (batch, time)
        past = functional.pad(signal, (self.delay + self.length - 1, 0))
        past = past.unfold(-1, self.length, 1)  # past[:, n]: u[n] backwards, (batch, time + delay, length)
        weights = torch.zeros(len(signal), self.length, 1).to(signal)
        usual = self.length * signal.square().mean(dim=-1).clamp_min(1e-12).reshape(-1, 1, 1)  # c
        rest = []
        for start in range(0, signal.shape[-1], BLOCK):
            block = signal[:, start : start + BLOCK].unsqueeze(-1)  # (batch, B, 1)
            rows = past[:, start : start + block.shape[1]]  # (batch, B, length)
            products = rows @ rows.mT
            gain = self.step / (products.diagonal(dim1=1, dim2=2).unsqueeze(-1) + usual)  # (batch, B, 1)
            # The diagonal is not read: it counts as one.
            error = torch.linalg.solve_triangular(
                products * gain.mT, block - rows @ weights, upper=False, unitriangular=True
            )
            weights = weights + rows.mT @ (gain * error)
            rest.append(error)
        rest = torch.cat(rest, dim=1).mT
        return noisy - rest, rest
