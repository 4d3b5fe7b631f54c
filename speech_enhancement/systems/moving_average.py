"""The moving average: the simplest filter there is, and why it does not do for speech.

    x[n] = 1 / L * sum_{|i| <= h} y[n + i],    L = 2h + 1

Each sample becomes the mean of the L samples around it (at the ends, of those that exist). White noise, whose samples
are independent of each other, loses the factor L of its power; a signal that changes slowly keeps its shape. The
meaning of "slowly" follows from the response to a tone of frequency f at the sample rate r,

    H(f) = sin(pi f L / r) / (L sin(pi f / r))

which is 1 at 0 Hz and zero at every multiple of r / L. Between these it is negative and positive by turns; tones whose
H is negative come back inverted. A step turns into a ramp of L samples. At 16 kHz:

    L     white noise    -3 dB at    first zero
    3       -4.8 dB      2484 Hz      5333 Hz
    5       -7.0 dB      1442 Hz      3200 Hz
    9       -9.5 dB       791 Hz      1778 Hz
    17     -12.3 dB       417 Hz       941 Hz

Consonants are above 3 kHz. The default L = 5, which takes no more than 7 dB of white noise, already reduces them to the
side lobes at -12 dB. Of all filters of its length that keep the mean, the moving average leaves the least white noise
(among weights that sum to 1, equal ones have the least sum of squares), yet it is poor at separating frequencies.
Source: Smith, "The scientist and engineer's guide to digital signal processing", 1997, chapter 15. The lengths are
ours.
"""

from torch import Tensor
from torch.nn import functional

from speech_enhancement.systems.system import System


class MovingAverage(System):
    """The mean of the samples around each sample.

    Args:
        length: number of samples, odd, so that nothing is delayed.

    Shape:
        `(batch, 1, time)` -> the same

    Raises:
        ValueError: `length` is even or not positive.
    """

    title = "moving average"

    def __init__(self, length: int = 5):
        super().__init__()
        if length < 1 or length % 2 == 0:
            raise ValueError(f"length: expected an odd number of samples, got {length}")
        self.length = length
        self.context = length // 2

    def forward(self, noisy: Tensor) -> Tensor:
        return functional.avg_pool1d(noisy, self.length, stride=1, padding=self.length // 2, count_include_pad=False)
