"""Delays between a waveform and its enhanced version: found by cross-correlation, and removed."""

import statistics
from collections.abc import Iterable

import numpy as np
from scipy.signal import correlate


def find_delay(estimate: np.ndarray, reference: np.ndarray, largest: int) -> int:
    """Find the shift, at most `largest` samples either way, at which two waveforms `(time,)` correlate best.

    Returns:
        Number of samples by which the estimate is late; negative if it is early.

    Raises:
        ValueError: a waveform is silent.
    """
    for name, waveform in (("estimate", estimate), ("reference", reference)):
        if not waveform.any():
            raise ValueError(f"{name}: expected a waveform, got silence")
    correlation = correlate(estimate.astype(np.float64), reference.astype(np.float64), method="fft")
    delays = np.arange(len(correlation)) - (len(reference) - 1)
    near = np.abs(delays) <= largest
    return int(delays[near][correlation[near].argmax()])


def common_delay(pairs: Iterable[tuple[np.ndarray, np.ndarray]], largest: int) -> int:
    """Find the median delay of estimates beside their references, without silent pairs; 0 if all are silent."""
    delays = [find_delay(*pair, largest) for pair in pairs if all(waveform.any() for waveform in pair)]
    return statistics.median_low(delays) if delays else 0


def without_delay(estimate: np.ndarray, reference: np.ndarray, delay: int) -> np.ndarray:
    """Shift an estimate `(time,)` back by its delay: the length of the reference, zeros where there are no samples."""
    shifted = np.concatenate([np.zeros(max(0, -delay), estimate.dtype), estimate[max(0, delay) :]])[: len(reference)]
    return np.pad(shifted, (0, len(reference) - len(shifted)))
