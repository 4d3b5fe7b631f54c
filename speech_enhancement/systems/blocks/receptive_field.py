"""The measured reach of a network: how far from a changed sample of the input the result changes."""

import copy

import torch
from torch import Tensor, nn

PROBE_LENGTHS = (16 * 16000, 64 * 16000)
"""Samples; a reach of more than half of the longest probe counts as the whole input."""

_TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-6}
"""Largest difference between joined pieces, relative to the result's peak.

Rounding gave 4e-16 in float64 and 3e-7 in float32, for the packaged U-Net. A small one with random weights that
interpolates linearly between frames gave 5e-6 to 2e-5.
"""


@torch.inference_mode()
def measure_context(system: nn.Module) -> int | None:
    """Measure how many samples before and after its own position a sample of the result can depend on.

    A stretch of `system.alignment` samples in the middle of a probe of noise is changed twice: to NaN, and to louder
    noise. NaN spreads to everything that is computed from it, for any weights. Louder noise also passes comparisons,
    which stop NaN. Then pieces of a longer input must join: a network may be local and still depend on the length, as
    bilinear interpolation does. A reach with gaps of more than half a probe is not found; convolutions and recurrences
    have no such gaps.

    Args:
        system: maps `(1, 1, time)` to the same; shifting its input by `system.alignment` samples shifts its result.

    Returns:
        Samples, at most `system.alignment` more than needed; None for the whole input.
    """
    system = copy.deepcopy(system).eval()
    context = _reach(system)
    return context if context is not None and _joins(system, context) else None


def _reach(system: nn.Module) -> int | None:
    for length in PROBE_LENGTHS:
        noise = _noise(system, length)
        begin = length // 2 // system.alignment * system.alignment
        stretch = slice(begin, begin + system.alignment)
        expected = system(noise)
        threshold = 1e-6 * float(expected.abs().max())
        changed = torch.zeros(length, dtype=torch.bool, device=noise.device)
        for change in (torch.nan, 10 * _noise(system, system.alignment)):
            other = noise.clone()
            other[..., stretch] = change
            changed |= ~((system(other) - expected).abs() <= threshold).flatten()
        if not changed[0] and not changed[-1]:
            where = changed.nonzero()
            return int(max(stretch.stop - 1 - where.min(), where.max() - begin)) if len(where) else 0
    return None


def _joins(system: nn.Module, context: int) -> bool:
    """Test that an input without its beginning, or its end, gives the same result `context` samples from the cut."""
    # One end at a time: a dependence on the length could cancel between cuts that are alike.
    cut = (context // system.alignment + 3) * system.alignment
    noise = _noise(system, 2 * cut + context + system.shortest)
    for dtype, tolerance in _TOLERANCES.items():
        try:
            exact = copy.deepcopy(system).to(dtype)
            whole, late, early = (exact(each.to(dtype)) for each in (noise, noise[..., cut:], noise[..., :-cut]))
        except RuntimeError:
            # A student's network may hold float32 constants, which do not mix with float64.
            continue
        differences = (whole[..., cut:] - late)[..., context:], (whole[..., :-cut] - early)[..., : -context or None]
        return all(bool(each.abs().max() <= tolerance * whole.abs().max()) for each in differences)
    return False


def _noise(system: nn.Module, length: int) -> Tensor:
    like = next(system.parameters(), torch.empty(0))
    return 0.1 * torch.randn(1, 1, length, generator=torch.Generator().manual_seed(length)).to(like)
