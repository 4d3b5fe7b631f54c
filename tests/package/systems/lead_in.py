"""A recording as classical methods expect it: noise alone first, from which they learn the noise."""

import torch
from torch import Tensor

from tests.package.systems.checks import batch


def noise_first(seconds: float = 2.0, silent_seconds: float = 0.3) -> tuple[Tensor, Tensor]:
    """Make a `checks.batch` whose voices set in later: noisy and clean, `(2, 1, time)`."""
    noisy, clean = batch(seconds)
    late = clean * (torch.arange(clean.shape[-1]) >= round(16000 * silent_seconds))
    return noisy - clean + late, late
