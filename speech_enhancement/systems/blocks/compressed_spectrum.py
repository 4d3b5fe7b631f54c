"""A spectrum whose magnitude is compressed, so that quiet bins count too, and whose phase is kept."""

from torch import Tensor

COMPRESSION = 0.3
_QUIETEST = 1e-5
"""Smallest magnitude, since the slope of a root at zero is infinite."""


def compress(spectrum: Tensor) -> Tensor:
    """Compress the magnitude of a complex spectrum to the power 0.3, and keep its phase."""
    return spectrum * compressing_gain(spectrum.abs())


def expand(compressed: Tensor) -> Tensor:
    """Expand the magnitude of a compressed spectrum to the power 1 / 0.3, and keep its phase."""
    return compressed * expanding_gain(compressed.abs())


def compressing_gain(magnitude: Tensor) -> Tensor:
    """Compute the factor by which `compress` changes a spectrum of this magnitude."""
    return magnitude.clamp_min(_QUIETEST) ** (COMPRESSION - 1)


def expanding_gain(magnitude: Tensor) -> Tensor:
    """Compute the factor by which `expand` changes a compressed spectrum of this magnitude."""
    return magnitude.clamp_min(_QUIETEST) ** (1 / COMPRESSION - 1)
