"""PESQ and STOI, the two measures of the literature that model a listener; on NumPy arrays, without torch.

They are kept apart from `metrics` so that the processes of a pool start without loading torch.
"""

import importlib.util
import warnings

import numpy as np

SAMPLE_RATE = 16000
PESQ_MISSING = "it needs the package pesq, which a C compiler builds: pip install pesq"


class MetricError(ValueError):
    """A measure that has no value for a clip; the message says why."""


def pesq_is_installed() -> bool:
    """Return True if the optional package `pesq`, which is compiled on installation, can be imported."""
    return importlib.util.find_spec("pesq") is not None


def pesq(estimate: np.ndarray, target: np.ndarray) -> float:
    """Perceptual evaluation of speech quality, wide band, a mean opinion score from 1.04 to 4.64.

    Source: ITU-T recommendation P.862.2 (2007), computed by the package `pesq`.

    Args:
        estimate, target: shape `(time,)`, 16 kHz.

    Raises:
        MetricError: a signal is silent, shorter than a quarter of a second, or not finite, or the package is missing.
    """
    _check(estimate, target)
    try:
        import pesq as library
    except ImportError:
        raise MetricError(PESQ_MISSING) from None
    if not estimate.any():
        raise MetricError("PESQ has no value for a silent estimate")
    try:
        return float(library.pesq(SAMPLE_RATE, target, estimate, "wb"))
    except library.PesqError as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise MetricError(f"PESQ: {reason}") from None


def stoi(estimate: np.ndarray, target: np.ndarray) -> float:
    """Short-time objective intelligibility, from 0 to 1.

    Source: Taal, Hendriks, Heusdens and Jensen, "An algorithm for intelligibility prediction of time-frequency
    weighted noisy speech", IEEE Trans. ASLP 19(7), 2011, computed by the package `pystoi`.

    Args:
        estimate, target: shape `(time,)`, 16 kHz.

    Raises:
        MetricError: the target is silent or holds too little speech (under 30 frames, 0.4 s), or a signal is not
            finite.
    """
    _check(estimate, target)
    import pystoi

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(target, estimate, SAMPLE_RATE))
        except (RuntimeWarning, ValueError) as error:
            raise MetricError(f"STOI: {str(error).splitlines()[0]}") from None


def scores(estimate: np.ndarray, target: np.ndarray) -> tuple[dict[str, float], dict[str, str]]:
    """Compute PESQ and STOI of one clip: the values, NaN for a missing one, and the reason for each missing one.

    If PESQ is NaN because the package is missing, no reason is given: the table says so once, not for each clip.
    """
    values, reasons = {}, {}
    for name, metric in (("pesq", pesq), ("stoi", stoi)):
        try:
            values[name] = metric(estimate, target)
        except Exception as error:  # the libraries raise any exception, and one clip must not cost the others
            values[name] = float("nan")
            if str(error) != PESQ_MISSING:
                reasons[name] = str(error) or type(error).__name__
    return values, reasons


def _check(estimate: np.ndarray, target: np.ndarray) -> None:
    if estimate.shape != target.shape:
        raise MetricError(f"estimate: expected the shape of target, {target.shape}, got {estimate.shape}")
    for name, signal in (("estimate", estimate), ("target", target)):
        if not np.isfinite(signal).all():
            raise MetricError(f"{name}: expected finite samples, got NaN or infinity")
    if not target.any():
        raise MetricError("target: expected speech, got silence")
