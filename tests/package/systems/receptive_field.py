"""The receptive field of a system, by a changed sample of a signal, or exactly by an impulse."""

import torch

from speech_enhancement.systems.system import System
from tests.package.systems.signals import batch


def reached(system: System, length: int, position: int) -> tuple[int, int]:
    """Measure the samples before and after a changed sample of the input over which the result changes."""
    system.eval()
    noisy = batch(length / 16000, size=1)[0][..., :length].double()
    changed = noisy.clone()
    changed[..., position] += 0.5
    system = system.double()
    with torch.no_grad():
        difference = (system(noisy) - system(changed)).abs().flatten()
    system.float()
    where = (difference > 1e-12).nonzero().flatten()
    return position - int(where.min()), int(where.max()) - position


def support(system: System, length: int, position: int) -> tuple[int, int]:
    """Measure the samples before and after an impulse over which the result is not exactly zero.

    Without biases silence gives silence, and with positive weights nothing cancels, so that even 1e-100 after thirty
    layers counts. The system's parameters are changed.
    """
    system.eval().double()
    for name, parameter in system.named_parameters():
        parameter.data = torch.zeros_like(parameter) if name.endswith("bias") else parameter.data.abs()
    impulse = torch.zeros(1, 1, length, dtype=torch.float64)
    impulse[..., position] = 1
    with torch.no_grad():
        where = system(impulse).flatten().nonzero().flatten()
    return position - int(where.min()), int(where.max()) - position
