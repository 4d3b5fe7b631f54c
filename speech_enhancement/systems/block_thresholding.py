"""Block thresholding: neighbours in the spectrogram are kept or dropped together, in blocks that fit the sound.

A gain that looks at one coefficient alone lets through the peaks that noise makes by chance. A block of coefficients is
noise as a whole or not at all, and its mean power hardly fluctuates. With P the mean of |Y|^2 / N over a block of
coefficients and N the power of the noise, all coefficients of the block get the gain

    a = max(1 - l / P, 0)

The threshold l is such that noise alone gets through one block in a thousand: the larger the block, the nearer to 1.

**The choice of blocks.** A held vowel needs long and narrow blocks, a plosive short and wide ones. Each macroblock of 8
frames and 16 frequencies is cut in one of 15 ways, into blocks of 8, 4 or 2 frames by 16, 8, 4, 2 or 1 frequencies,
and the cut with the least risk is chosen. The risk is the expected squared error, which depends on the clean signal;
but for Gaussian noise, Stein's unbiased estimate (SURE) finds it from the noisy signal alone. For a block of B
coefficients, d = 2B real numbers with noise of variance 1,

    risk = d + (l^2 d - 2 l (d - 2)) / P    where P > l,    d P - d    elsewhere

l by block, as published with the method's code:

    frames \\ frequencies     16     8     4     2     1
    8                        1.5   1.8   2.0   2.5   2.5
    4                        1.8   2.0   2.5   3.5   3.5
    2                        2.0   2.5   3.5   4.7   4.7

**Second pass.** Blocks are coarse, so their result only serves as a guess of the clean power for a Wiener filter, bin
by bin: S = Y * |aY|^2 / (|aY|^2 + N).

Windows of 50 ms overlap by a half. The coefficients at 0 Hz form blocks of their own (8 frames, l = 2.5), and the 400
frequencies above make 25 macroblocks. The last macroblock is filled up by repeating the last frame. Source: Yu, Mallat
and Bacry, "Audio denoising by time-frequency block thresholding", IEEE Trans. Signal Processing 56(5), 2008.
Differences: the paper takes the noise as white and known; here it is estimated for each frequency
(`coefficient_thresholding.quantile_noise_power`). The risk counts real and imaginary parts, not the real parts alone.
The second pass uses aY as it is, and the frames that are left over at the end are a macroblock too; the published code
goes back to a waveform between the passes and, in those last frames, sets everything below three times the noise's
deviation to zero.
"""

import torch
from torch import Tensor
from torch.nn import functional

from speech_enhancement.masking import apply_mask, wiener_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.coefficient_thresholding import quantile_noise_power
from speech_enhancement.systems.system import System

WINDOW = 800
HOP = 400
MACROBLOCK = (16, 8)
THRESHOLDS = {
    (16, 8): 1.5, (8, 8): 1.8, (4, 8): 2.0, (2, 8): 2.5, (1, 8): 2.5,
    (16, 4): 1.8, (8, 4): 2.0, (4, 4): 2.5, (2, 4): 3.5, (1, 4): 3.5,
    (16, 2): 2.0, (8, 2): 2.5, (4, 2): 3.5, (2, 2): 4.7, (1, 2): 4.7,
}  # fmt: skip
"""l by frequencies and frames of a block."""


def block_gain(mean_power: Tensor, threshold: float) -> Tensor:
    """Compute gains from mean powers of blocks, in which noise has power 1; the shapes are equal."""
    return (1 - threshold / mean_power.clamp_min(1e-12)).clamp_min(0)


def stein_risk(mean_power: Tensor, threshold: float, size: int) -> Tensor:
    """Estimate, without bias, the squared error of a block after `block_gain`, with noise of variance 1.

    Args:
        mean_power: mean square of the block's numbers, any shape.
        threshold: l, that of the gain.
        size: d, the number of real numbers in a block.
    """
    kept = size + (threshold**2 * size - 2 * threshold * (size - 2)) / mean_power.clamp_min(threshold)
    return torch.where(mean_power > threshold, kept, size * mean_power - size)


def adaptive_gain(power: Tensor) -> Tensor:
    """Compute the gain of whole macroblocks from power relative to the noise, both `(batch, freq, frames)`."""
    least_risk, gain = None, None
    for block, threshold in THRESHOLDS.items():
        frequencies, frames = block
        mean_power = functional.avg_pool2d(power, block)
        risks = stein_risk(mean_power, threshold, 2 * frequencies * frames)
        shape = (MACROBLOCK[0] // frequencies, MACROBLOCK[1] // frames)
        risk = spread(functional.avg_pool2d(risks, shape, divisor_override=1), MACROBLOCK)
        block_gains = spread(block_gain(mean_power, threshold), block)
        gain = block_gains if gain is None else torch.where(risk < least_risk, block_gains, gain)
        least_risk = risk if least_risk is None else torch.minimum(risk, least_risk)
    return gain


def spread(values: Tensor, block: tuple[int, int]) -> Tensor:
    """Repeat the value of each block for all of its coefficients."""
    return values.repeat_interleave(block[0], dim=-2).repeat_interleave(block[1], dim=-1)


class BlockThresholding(System):
    """Adaptive blocks, then a Wiener filter; through the noise estimate every sample depends on the whole recording.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "block thresholding"

    def forward(self, noisy: Tensor) -> Tensor:
        # Whole hops, because the inverse transform magnifies the samples after the last one.
        padded = functional.pad(noisy, (0, -noisy.shape[-1] % HOP), mode="reflect")
        spectrogram = stft(padded, WINDOW, HOP).squeeze(1)  # (batch, 401, frames)
        power = spectrogram.abs().square()
        noise_power = quantile_noise_power(power).clamp_min(1e-12)
        gain = self.gain(power / noise_power)
        mask = wiener_mask(gain.square() * power, noise_power)
        enhanced = istft(apply_mask(spectrogram, mask).unsqueeze(1), padded.shape[-1], WINDOW, HOP)
        return enhanced[..., : noisy.shape[-1]]

    def gain(self, power: Tensor) -> Tensor:
        """Compute the gain of the first pass from power relative to the noise, both `(batch, 401, frames)`."""
        n_frames = power.shape[-1]
        power = functional.pad(power, (0, -n_frames % MACROBLOCK[1]), mode="replicate")
        lowest = (1, MACROBLOCK[1])
        lowest_gain = block_gain(functional.avg_pool2d(power[:, :1], lowest), THRESHOLDS[lowest])
        return torch.cat([spread(lowest_gain, lowest), adaptive_gain(power[:, 1:])], dim=1)[..., :n_frames]
