"""How far a convolutional system sees, to the sample and however deep it is."""

import torch

from speech_enhancement.systems.system import System


def support(system: System, length: int, position: int) -> tuple[int, int]:
    """How far before and after an impulse the result is not exactly zero, in samples.

    Without biases silence gives silence, and with positive weights nothing cancels, so that even what thirty layers
    make as small as 1e-100 counts. Changes the system's parameters.
    """
    system.eval().double()
    for name, parameter in system.named_parameters():
        parameter.data = torch.zeros_like(parameter) if name.endswith("bias") else parameter.data.abs()
    impulse = torch.zeros(1, 1, length, dtype=torch.float64)
    impulse[..., position] = 1
    with torch.no_grad():
        where = system(impulse).flatten().nonzero().flatten()
    return position - int(where.min()), int(where.max()) - position
