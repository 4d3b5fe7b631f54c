"""A check of networks of any architecture: their outputs change with their weights as their gradients say."""

import torch
from torch import Tensor, nn

STEP = 0.0003
"""Size of a step along a direction, relative to the weights."""

TOLERANCE = 0.2
"""Largest difference of slope and gradient, relative to the spread of slopes over all directions.

For the reference and the right solutions of the self-test, the median over the directions stays below 0.11; the
difference comes from activations with a kink near an input. If an output does not follow from the weights, whatever
gradients are reported, a direction's difference is below the tolerance with a probability of at most 0.16.
"""

N_DIRECTIONS = 7
N_ATTEMPTS = 2


def flatten(value: Tensor | list | tuple) -> list[Tensor]:
    """List the tensors in nested lists and tuples."""
    return [value] if isinstance(value, Tensor) else [each for part in value for each in flatten(part)]


def typical_error(module: nn.Module, inputs: list, drawn: torch.Generator) -> float:
    """Compare the slopes of a random sum of a module's outputs with its gradients, along random directions.

    Args:
        module: in the mode in which it is to be compared; its weights are the same afterwards.
        inputs: its inputs.
        drawn: for the sum and the directions, which must not be known before.

    Returns:
        The median difference relative to the spread of slopes over all directions; 0 if the outputs depend on no
        weight, infinity if they do though no gradient says so.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    outputs = flatten(module(*inputs))
    factors = [_noise_like(output, drawn) for output in outputs]
    total = _weighted(outputs, factors)
    if not parameters or not total.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
    sizes = [parameter.detach().square().mean().sqrt().clamp(min=0.1) for parameter in parameters]
    spread = sum((size * gradient).square().sum() for size, gradient in zip(sizes, gradients, strict=True)).sqrt()
    errors = []
    for _ in range(N_DIRECTIONS):
        direction = [size * _noise_like(p, drawn) for size, p in zip(sizes, parameters, strict=True)]
        slope = sum((gradient * step).sum() for gradient, step in zip(gradients, direction, strict=True))
        errors.append((_measured_slope(module, inputs, factors, parameters, direction) - slope).abs())
    error = float(torch.stack(errors).median())
    return error / float(spread) if spread > 0 else (float("inf") if error > 0 else 0.0)


def check_is_computed(module: nn.Module, inputs: list, drawn: torch.Generator) -> None:
    """Require that a module's outputs follow from its weights.

    Raises:
        AssertionError: they do not change with the weights as the gradients say.
    """
    errors = (typical_error(module, inputs, drawn) for _ in range(N_ATTEMPTS))
    error = next((each for each in errors if each < TOLERANCE), None)
    assert error is not None, (
        f"when the weights change, the output changes otherwise than its gradients say (by {error:.2g} of their size):"
        " is it computed from inputs and weights alone?"
    )


def _measured_slope(
    module: nn.Module, inputs: list, factors: list, parameters: list[nn.Parameter], direction: list[Tensor]
) -> Tensor:
    totals = []
    before = [parameter.detach().clone() for parameter in parameters]
    with torch.no_grad():
        for sign in (1, -1):
            for parameter, old, step in zip(parameters, before, direction, strict=True):
                parameter.copy_(old + sign * STEP * step)
            totals.append(_weighted(flatten(module(*inputs)), factors))
        for parameter, old in zip(parameters, before, strict=True):
            parameter.copy_(old)
    return (totals[0] - totals[1]) / (2 * STEP)


def _weighted(outputs: list[Tensor], factors: list[Tensor]) -> Tensor:
    return sum((output * factor).sum() for output, factor in zip(outputs, factors, strict=True))


def _noise_like(tensor: Tensor, drawn: torch.Generator) -> Tensor:
    return torch.randn(tensor.shape, generator=drawn, dtype=torch.float64).to(tensor.dtype)
