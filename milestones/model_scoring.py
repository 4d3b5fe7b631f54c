"""The scores of a model's output, by which `submit 3 --check` and grading compare it with the clean recording.

A gain or an offset changes no score, and a delay gains nothing: output and clean recording lose their means, the output
is shifted by the delay of the largest cross-correlation, in whole samples, and scaled by least squares.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import correlate

from speech_enhancement import metrics
from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.evaluation import perceptual

MOST_SI_SDR = 100.0
"""Decibels at which the SI-SDR of a nearly perfect output stops."""

_SILENCE = 1e-6
"""Largest sample of a silent output after its mean is removed, relative to the largest one before."""


def fault(output: NDArray, noisy: NDArray) -> str | None:
    """Say in one line why an output earns nothing; None if it can be scored.

    Args:
        output: what the model returned for `noisy`.
        noisy: shape `(time,)`.
    """
    if output.shape != noisy.shape or output.dtype.kind != "f":
        got = f"{output.dtype} of shape {output.shape}"
        return f"expected floating-point samples of the input's shape, {noisy.shape}, got {got}"
    if not np.isfinite(output).all():
        return "expected finite samples, got NaN or infinity"
    if np.abs(_centred(output)).max(initial=0.0) <= _SILENCE:
        return "expected sound, got silence"
    return None


def normalised(output: NDArray, clean: NDArray, max_delay_seconds: float) -> tuple[NDArray, NDArray]:
    """Remove means from both, and delay and gain from the output.

    Args:
        output: without a `fault`, shape `(time,)`.
        clean: the clean recording, 16 kHz, of the same shape.
        max_delay_seconds: longest delay, either way, that is removed.

    Returns:
        Output and clean recording in double precision, of the same shape.
    """
    estimate, target = _centred(output), clean.astype(np.float64) - clean.mean(dtype=np.float64)
    # At lag 0 of the full correlation the two lie upon each other.
    correlation = np.abs(correlate(estimate, target, method="fft"))
    longest = min(round(max_delay_seconds * SAMPLE_RATE), len(target) - 1)
    around = correlation[len(target) - 1 - longest : len(target) + longest]
    estimate = _shifted(estimate, int(around.argmax()) - longest)
    energy = estimate @ estimate
    return (estimate @ target / energy if energy else 0.0) * estimate, target


def si_sdr(estimate: NDArray, target: NDArray) -> float:
    """Compute the SI-SDR of normalised signals, in decibels, at most `MOST_SI_SDR`."""
    return min(metrics.si_sdr(torch.from_numpy(estimate), torch.from_numpy(target)).item(), MOST_SI_SDR)


def scores(output: NDArray, clean: NDArray, max_delay_seconds: float) -> dict[str, float]:
    """Compute PESQ, SI-SDR and STOI of an output without a fault; NaN for a missing one."""
    estimate, target = normalised(output, clean, max_delay_seconds)
    return perceptual.scores(estimate, target)[0] | {"si_sdr": si_sdr(estimate, target)}


def _centred(output: NDArray) -> NDArray:
    """Scale an output to a largest sample of 1, so that no square of it overflows, and remove its mean."""
    samples = output.astype(np.float64)
    samples = samples / (np.abs(samples).max(initial=0.0) or 1.0)
    return samples - samples.mean()


def _shifted(samples: NDArray, delay: int) -> NDArray:
    """Take a delay away, which is negative for a signal that is early; zeros take the place of what is missing."""
    shifted = np.zeros_like(samples)
    if delay >= 0:
        shifted[: len(samples) - delay] = samples[delay:]
    else:
        shifted[-delay:] = samples[:delay]
    return shifted
