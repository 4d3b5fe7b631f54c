"""Gains above 8 kHz, continued from those below.

A network that works at 16 kHz says nothing of what lies above. Fricatives and the noise around them reach far beyond
8 kHz, and rise and fall there as they do below it.
"""

import torch
from torch import Tensor
from torch.nn import functional

QUIET_DB = -76.0
"""Power of noise over 16 kHz that is left, full scale at 0 dB: about that of a quiet recording's own noise."""
_SLOPE_DB = 20.0
_TRANSITION_BINS, _SMOOTHING_BINS = 128, 65


def continue_gains(gains: Tensor, power: Tensor) -> Tensor:
    """Compute gains of the frequencies from 8 kHz up; bins are 31.25 Hz apart.

    At 8 kHz the gain of a frame is the mean of those from 7 kHz up; at 12 kHz and above it is the mean of those from
    4 kHz up, and in between it changes evenly. No gain counts as more than 1.

    Noise is not pressed below the level of a quiet recording: that would take away the air of clean speech. At 8 kHz
    this level begins 20 dB lower and reaches its full height at 12 kHz, since the network below knows no such level.

    Args:
        gains: absolute values below 8 kHz, `(..., frames, 256)`.
        power: of the bins above as white noise over 16 kHz would have it at the same density, `(..., frames, bins)`.

    Returns:
        Between 0 and 1, with the shape of `power`.
    """
    n_low, capped = gains.shape[-1], gains.clamp_max(1)
    near, wide = (capped[..., first:].mean(-1, keepdim=True) for first in (n_low * 7 // 8, n_low // 2))
    position = torch.arange(power.shape[-1], dtype=power.dtype, device=power.device) / _TRANSITION_BINS
    position = position.clamp_max(1)
    density = functional.avg_pool1d(
        power.flatten(0, -2)[:, None], _SMOOTHING_BINS, 1, _SMOOTHING_BINS // 2, count_include_pad=False
    ).view_as(power)
    quiet = 10 ** ((QUIET_DB - _SLOPE_DB * (1 - position)) / 10)
    kept = (quiet / density.clamp_min(torch.finfo(power.dtype).tiny)).sqrt()
    return torch.maximum(near + (wide - near) * position, kept).clamp_max(1)
