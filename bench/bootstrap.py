"""Confidence intervals of means, by the bootstrap."""

from collections.abc import Sequence

import numpy as np

DRAWS = 10_000
COVERAGE = 0.95


def interval_of_mean(values: Sequence[float]) -> tuple[float, float]:
    """Estimate a 95 % interval of the mean of at least one value by the percentile bootstrap, from a fixed seed.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", Chapman and Hall 1993, chapter 13.
    """
    drawn = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    means = np.asarray(values, dtype=np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)
