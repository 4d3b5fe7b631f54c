"""Resampling by a ratio of small numbers that is within 0.3 % of the ratio of two rates, 11 to 4 for 44.1 and 16 kHz.

To a system the recording is that much slower or faster, and short pieces hold whole samples at both rates.
"""

import functools
import math
from fractions import Fraction

from torch import Tensor

from speech_enhancement.audio import resample
from speech_enhancement.systems.blocks.rumble_filter import mirrored

REACH = 12
"""Samples, of the lower rate, on either side on which a resampled one depends."""
_TOLERANCE = Fraction(3, 1000)


@functools.cache
def small_ratio(rate: int, new_rate: int) -> Fraction:
    """Find the ratio of the smallest numbers that is within 0.3 % of that of the rates."""
    exact = Fraction(rate, new_rate)
    largest = 1
    while abs(exact.limit_denominator(largest) / exact - 1) > _TOLERANCE:
        largest += 1
    return exact.limit_denominator(largest)


def resample_by(waveform: Tensor, ratio: Fraction) -> Tensor:
    """Resample `(..., time)` by the ratio of its rate to the new one.

    It is mirrored at both ends, where zeros would be a step after an offset.
    """
    if ratio == 1:
        return waveform
    rate, new_rate = ratio.numerator, ratio.denominator
    reach = math.ceil(REACH * max(1, ratio) / rate)
    resampled = resample(mirrored(waveform, reach * rate), rate, new_rate)
    return resampled[..., reach * new_rate :][..., : math.ceil(waveform.shape[-1] / ratio)]
