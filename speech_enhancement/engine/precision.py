"""The precision of training: bfloat16 where this machine is faster in it, and float32 elsewhere.

Processors with instructions for products in bfloat16 train up to three times as fast in it; on others it is slower,
since each product is made from conversions. The speed depends on the layers too, so a short trial decides.
"""

import copy
import time
from typing import Literal

import torch
from torch import Tensor

from speech_enhancement.systems.system import System

Precision = Literal["float32", "bfloat16"]
_GAIN = 1.1
"""Least gain in speed that is worth the coarser numbers."""


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Make the context in which operations that allow it run in a precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def default_precision(device: torch.device) -> Precision:
    """Return bfloat16 for a GPU and float32 for a CPU, the precisions of runs that were begun without a trial."""
    return "bfloat16" if device.type == "cuda" else "float32"


def faster_precision(system: System, shape: tuple[int, int, int], device: torch.device) -> Precision:
    """Choose the precision in which a step of training takes less time; on a GPU always bfloat16.

    Args:
        system: learns by plain steps; it is not changed, and neither are random numbers.
        shape: of a batch, `(batch, 1, time)`.
        device: of the system.
    """
    if device.type == "cuda":
        return default_precision(device)
    with torch.random.fork_rng(devices=[]):
        batch = 0.1 * torch.randn(shape)
        seconds = {each: _seconds(copy.deepcopy(system), batch, each) for each in ("float32", "bfloat16")}
    return "bfloat16" if _GAIN * seconds["bfloat16"] < seconds["float32"] else "float32"


def _seconds(system: System, batch: Tensor, precision: Precision) -> float:
    """Time the second step, since the first one prepares."""
    system.train()
    for _ in range(2):
        begin = time.perf_counter()
        with autocast(batch.device, precision):
            loss = system.objective(batch, batch)
        loss.backward()
        elapsed = time.perf_counter() - begin
    return elapsed
