"""Log-MMSE: the gain with the least mean squared error of the log magnitude, if speech and noise are Gaussian.

    G = xi / (1 + xi) * exp(E1(v) / 2),    v = gamma * xi / (1 + xi)

with the exponential integral E1. Source: Ephraim and Malah, "Speech enhancement using a minimum mean-square error
log-spectral amplitude estimator", IEEE Trans. ASSP 33(2), 1985, equation 20. Ours: a gain is at most 1.
"""

import torch
from scipy.special import exp1
from torch import Tensor

from speech_enhancement.systems.blocks.decision_directed import filter_frames
from speech_enhancement.systems.system import System


def log_mmse_gain(xi: Tensor, gamma: Tensor) -> Tensor:
    """Compute the gain for a-priori SNR `xi` and a-posteriori SNR `gamma`, both positive and of one shape."""
    wiener = xi / (1 + xi)
    integral = torch.from_numpy(exp1((gamma * wiener).clamp_min(1e-10).cpu().numpy())).to(xi)
    return wiener * torch.exp(integral / 2)


def filter_by_log_mmse(noisy: Tensor) -> Tensor:
    """Noisy waveform `(..., time)` -> enhanced waveform of the same shape."""
    return filter_frames(noisy, lambda xi, gamma: log_mmse_gain(xi, gamma).clamp_max(1))


class LogMMSE(System):
    """`filter_by_log_mmse` as a system; a frame's gain depends on all frames before it.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "log-MMSE"

    def forward(self, noisy: Tensor) -> Tensor:
        return filter_by_log_mmse(noisy)
