"""The Wiener filter with a decision-directed a-priori SNR: gain xi / (1 + xi).

Source: Scalart and Vieira Filho, "Speech enhancement based on a priori signal to noise estimation", ICASSP 1996.
"""

from torch import Tensor

from speech_enhancement.systems.blocks.decision_directed import filter_frames
from speech_enhancement.systems.system import System


def filter_by_wiener(noisy: Tensor) -> Tensor:
    """Noisy waveform `(..., time)` -> enhanced waveform of the same shape."""
    return filter_frames(noisy, lambda xi, gamma: xi / (1 + xi))


class Wiener(System):
    """`filter_by_wiener` as a system; a frame's gain depends on all frames before it.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "Wiener, decision-directed"

    def forward(self, noisy: Tensor) -> Tensor:
        return filter_by_wiener(noisy)
