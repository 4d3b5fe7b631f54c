"""Three linear filters that pass the band of speech: Butterworth, Chebyshev and elliptic.

They remove everything outside the band of speech (rumble, hum, hiss above 7 kHz). Noise within the band stays as it is,
because a filter that does not change over time cannot tell it from speech. With w the frequency relative to the band's
edge, a filter of order n passes the share |H(w)|^2 of the power:

    Butterworth    1 / (1 + w^(2n))                flattest within the band, slowest to fall outside
    Chebyshev      1 / (1 + r^2 * T_n(w)^2)        ripples within the band and falls faster; T_n: Chebyshev polynomial
    elliptic       1 / (1 + r^2 * R_n(w)^2)        ripples within and without and falls fastest; R_n: rational function

With order 4 and edges at 80 Hz and 7 kHz, they reduce the mains hum at 50 Hz by 33, 36 and 67 dB, and a tone at 70 Hz
by 12, 6 and 13 dB. The price of a steeper edge is ripple, and ringing that lasts about the inverse of the width of the
edge.

The whole recording is known, so each filter runs forwards and then backwards: the phase shifts cancel, nothing is
delayed, and |H|^2 above becomes |H|^4. Each pass is designed for half the decibels, so that the requested ripple and
attenuation hold for both passes together; Butterworth's edges are at -6 dB. High orders are computed as a cascade of
second-order sections, since the coefficients of the product lose all digits. The response is infinite in both
directions, so there is no finite `context`.

Sources: Butterworth, "On the theory of filter amplifiers", Experimental Wireless 7, 1930; Cauer's elliptic filters and
the design of all three in Oppenheim and Schafer, "Discrete-time signal processing", 3rd edition, Pearson 2010, chapter
7 and appendix B; forwards and backwards: Gustafsson, "Determining the initial states in forward-backward filtering",
IEEE Trans. Signal Processing 44(4), 1996, whose initial states are more elaborate than those of SciPy used here, an odd
reflection at the ends. The band and the orders are ours.
"""

import numpy as np
import torch
from scipy import signal
from torch import Tensor

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.systems.system import System


class LinearFilter(System):
    """A band-pass filter without delay; the kinds differ in `sections` alone.

    Args:
        sections: second-order sections as `scipy.signal` writes them, shape `(sections, 6)`.

    Shape:
        `(batch, 1, time)` -> the same
    """

    def __init__(self, sections: np.ndarray):
        super().__init__()
        self.sections = sections

    def forward(self, noisy: Tensor) -> Tensor:
        filtered = signal.sosfiltfilt(self.sections, noisy.detach().cpu().double().numpy())
        return torch.from_numpy(filtered.copy()).to(noisy)


class ButterworthFilter(LinearFilter):
    """Band-pass without ripple.

    Args:
        low_hz, high_hz: edges, at which the power has fallen by 6 dB.
        order: of the low-pass from which the band-pass is made.
    """

    title = "Butterworth filter"

    def __init__(self, low_hz: float = 80.0, high_hz: float = 7000.0, order: int = 4):
        super().__init__(signal.butter(order, (low_hz, high_hz), "bandpass", output="sos", fs=SAMPLE_RATE))


class ChebyshevFilter(LinearFilter):
    """Band-pass with ripple within the band (type I).

    Args:
        low_hz, high_hz: edges, at which the power leaves the ripple.
        order: of the low-pass from which the band-pass is made.
        ripple_db: greatest attenuation within the band.
    """

    title = "Chebyshev filter"

    def __init__(self, low_hz: float = 80.0, high_hz: float = 7000.0, order: int = 4, ripple_db: float = 0.5):
        super().__init__(
            signal.cheby1(order, ripple_db / 2, (low_hz, high_hz), "bandpass", output="sos", fs=SAMPLE_RATE)
        )


class EllipticFilter(LinearFilter):
    """Band-pass with ripple within the band and outside it.

    Args:
        low_hz, high_hz: edges, at which the power leaves the ripple.
        order: of the low-pass from which the band-pass is made.
        ripple_db: greatest attenuation within the band.
        attenuation_db: least attenuation outside the band, beyond the slope of its edge.
    """

    title = "elliptic filter"

    def __init__(
        self,
        low_hz: float = 80.0,
        high_hz: float = 7000.0,
        order: int = 4,
        ripple_db: float = 0.5,
        attenuation_db: float = 60.0,
    ):
        band = (low_hz, high_hz)
        super().__init__(
            signal.ellip(order, ripple_db / 2, attenuation_db / 2, band, "bandpass", output="sos", fs=SAMPLE_RATE)
        )
