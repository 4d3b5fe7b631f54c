"""A function of a stretch of signal, applied block by block as if to the whole."""

from collections.abc import Callable

import torch
from torch import Tensor


class InContext:
    """Apply a function to a signal in blocks `(channels, time)`, so that the results join to that of the whole.

    Args:
        function: of `(channels, time)`.
        context: samples before and after its own position on which a sample of the function's result can depend.
        step, new_step: if the input is shifted by `step` samples, the result is only shifted, by `new_step`.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], context: int, step: int = 1, new_step: int = 1):
        self.function, self.step, self.new_step = function, step, new_step
        self.context = context + -context % step
        self._piece, self._before = torch.zeros(0), 0

    def take(self, block: Tensor) -> Tensor:
        """Take a block of any length; return the further samples of the result, `(channels, new time)`."""
        piece, before = torch.cat([self._piece, block], dim=-1) if len(self._piece) else block, self._before
        end = before + max(0, piece.shape[-1] - before - self.context) // self.step * self.step
        dropped = max(0, end - self.context)
        self._piece, self._before = piece[:, dropped:], end - dropped
        if end == before:
            return piece[:, :0]
        return self.function(piece[:, : end + self.context])[:, self._at_result(before) : self._at_result(end)]

    def end(self) -> Tensor:
        """Return the rest of the result."""
        if self._piece.shape[-1] == self._before:
            return self._piece[:, self._before :]
        return self.function(self._piece)[:, self._at_result(self._before) :]

    def _at_result(self, sample: int) -> int:
        return sample * self.new_step // self.step
