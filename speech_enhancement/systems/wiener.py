"""The Wiener filter with a decision-directed a-priori SNR: gain xi / (1 + xi).

Source: Scalart and Vieira Filho, "Speech enhancement based on a priori signal to noise estimation", ICASSP 1996.
"""

from torch import Tensor

from speech_enhancement.systems.decision_directed import filter_frames


def filter_by_wiener(noisy: Tensor) -> Tensor:
    """Noisy waveform `(..., time)` -> enhanced waveform of the same shape."""
    return filter_frames(noisy, lambda xi, gamma: xi / (1 + xi))
