"""Speech taken away: the share of the frames of speech that come out 10 dB or more too low.

Frames of speech are those of 32 ms in which the clean waveform is within 30 dB of its loudest frame. Levels are
absolute, so that a quieter output counts as taken away, and are measured above 50 Hz, since rumble is no speech. Noise
that is left in a frame counts as speech that was kept: the share is a lower bound for methods that leave much noise.

The definition is ours. Related is the over-suppression of a target speaker in Eskimez, Yoshioka, Wang, Wang, Chen and
Huang, "Personalized speech enhancement: new models and comprehensive evaluation", ICASSP 2022.
"""

import math

import numpy as np
import torch

from speech_enhancement.systems.blocks.rumble_filter import remove_rumble

FRAME = 512
SPEECH_DECIBELS = 30.0
TOO_LOW_DECIBELS = 10.0


def taken_away(estimate: np.ndarray, clean: np.ndarray) -> float:
    """Measure the share, 0 to 1, of frames of speech that come out too low; NaN if there is no speech.

    Args:
        estimate, clean: shape `(time,)`, at 16 kHz, without a delay between them.

    Raises:
        ValueError: the lengths differ, or are below one frame.
    """
    if len(estimate) != len(clean) or len(clean) < FRAME:
        raise ValueError(
            f"estimate, clean: expected one length of at least {FRAME}, got {len(estimate)} and {len(clean)}"
        )
    of_estimate, of_clean = frame_powers(estimate), frame_powers(clean)
    if not of_clean.any():
        return math.nan
    is_speech = of_clean >= of_clean.max() * 10 ** (-SPEECH_DECIBELS / 10)
    is_too_low = of_estimate <= of_clean * 10 ** (-TOO_LOW_DECIBELS / 10)
    return float(is_too_low[is_speech].mean())


def frame_powers(waveform: np.ndarray) -> np.ndarray:
    """Compute the mean square above 50 Hz of each whole frame of a waveform `(time,)`: `(frames,)`."""
    filtered = remove_rumble(torch.from_numpy(waveform.astype(np.float64))).numpy()
    n_frames = len(filtered) // FRAME
    return np.square(filtered[: n_frames * FRAME].reshape(n_frames, FRAME)).mean(axis=1)
