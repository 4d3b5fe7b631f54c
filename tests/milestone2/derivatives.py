"""A check of networks of any architecture: their outputs follow from their weights and their inputs.

Outputs that are made up contradict the gradients that are reported with them, since these are compared with slopes
along directions that are drawn afterwards.
"""

import torch
from torch import Tensor, nn

STEPS = {torch.float32: 3e-4, torch.float64: 1e-6}
"""Size of a step along a direction, relative to weights and inputs, that neither rounding nor curvature spoils."""

TOLERANCE = 0.2
"""Largest difference of slope and gradient, relative to the spread of slopes over all directions.

Activations with a kink near an input, and groups of few numbers that are normalised, cause some difference; the median
over the directions stays below the tolerance for right networks of many kinds, if not in single precision then in
double. If an output does not follow from weights and inputs, the slopes that its gradients predict are normally
distributed whatever these are, so that a direction's difference is below the tolerance with a probability of at most
0.16.
"""

N_DIRECTIONS = 5
"""Directions of each kind."""


def flatten(value: Tensor | list | tuple) -> list[Tensor]:
    """List the tensors in nested lists and tuples."""
    return [value] if isinstance(value, Tensor) else [each for part in value for each in flatten(part)]


def check_is_computed(module: nn.Module, inputs: list, drawn: torch.Generator) -> None:
    """Require that a module's outputs follow from its weights and inputs, as its gradients say.

    Args:
        module: in the mode in which it is to be checked; its weights are the same afterwards.
        inputs: its inputs, tensors and lists of tensors.
        drawn: for the directions, which must not be known before.

    Raises:
        AssertionError: they do not, or the module has no weights.
    """
    assert [*module.parameters()], "no layer is registered: are they in a plain list instead of an nn.ModuleList?"
    follows = typical_error(module, inputs, drawn) < TOLERANCE
    if not follows and flatten(inputs)[0].dtype == torch.float32:
        doubles = [[each.double() for each in part] if isinstance(part, list) else part.double() for part in inputs]
        follows = typical_error(module.double(), doubles, drawn) < TOLERANCE
        module.float()
    assert follows, (
        "when weights and inputs change, the output does not change as its gradients say: is it computed from them, and"
        " nothing detached?"
    )


def typical_error(module: nn.Module, inputs: list, drawn: torch.Generator) -> float:
    """Compare the slopes of a random sum of a module's outputs with its gradients, along random directions.

    Directions among the weights and among the inputs are compared apart, since the larger slopes of one kind would hide
    errors of the other.

    Args:
        module, inputs, drawn: as in `check_is_computed`.

    Returns:
        The median difference relative to the spread of slopes over all directions of its kind, for the kind where it is
        larger; infinity if the outputs depend on no weight by their gradients.
    """
    inputs = [[_leaf(each) for each in part] if isinstance(part, list) else _leaf(part) for part in inputs]
    weights = [parameter for parameter in module.parameters() if parameter.requires_grad]
    outputs = flatten(_outputs(module, inputs))
    factors = [_noise_like(output, drawn) for output in outputs]
    total = _weighted(outputs, factors)
    if not weights or not total.requires_grad:
        return float("inf")
    leaves = flatten(inputs)
    gradients = torch.autograd.grad(total, [*weights, *leaves], allow_unused=True)
    if not any(slope is not None and slope.any() for slope in gradients[: len(weights)]):
        return float("inf")
    sizes = [weight.detach().square().mean().sqrt().clamp(min=0.1) for weight in weights]
    kinds = (
        (weights, sizes, gradients[: len(weights)]),
        (leaves, [leaf.detach().abs() for leaf in leaves], gradients[len(weights) :]),
    )
    length, typical = STEPS[total.dtype], []
    for moved, sizes, gradients in kinds:
        scaled = [0 * size if slope is None else slope * size for slope, size in zip(gradients, sizes, strict=True)]
        errors = []
        for _ in range(N_DIRECTIONS):
            steps = [_noise_like(leaf, drawn) for leaf in moved]
            expected = sum((slope * step).sum() for slope, step in zip(scaled, steps, strict=True))
            steps = [length * size * step for size, step in zip(sizes, steps, strict=True)]
            errors.append((_difference(module, inputs, factors, moved, steps) / (2 * length) - expected).abs())
        spread = sum(slope.square().sum() for slope in scaled).sqrt()
        typical.append(float(torch.stack(errors).median() / spread.clamp(min=1e-12)))
    return max(typical)


def _difference(module: nn.Module, inputs: list, factors: list, moved: list[Tensor], steps: list[Tensor]) -> Tensor:
    """Measure the difference of the sum between a step of some tensors forward and one back."""
    before, totals = [leaf.detach().clone() for leaf in moved], []
    with torch.no_grad():
        for sign in (1, -1):
            for leaf, old, step in zip(moved, before, steps, strict=True):
                leaf.copy_(old + sign * step)
            totals.append(_weighted(flatten(_outputs(module, inputs)), factors))
        for leaf, old in zip(moved, before, strict=True):
            leaf.copy_(old)
    return totals[0] - totals[1]


def _outputs(module: nn.Module, inputs: list) -> Tensor | list | tuple:
    # Copies, since leaves must not be changed in place.
    return module(*([each.clone() for each in part] if isinstance(part, list) else part.clone() for part in inputs))


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


def _weighted(outputs: list[Tensor], factors: list[Tensor]) -> Tensor:
    return sum((output * factor).sum() for output, factor in zip(outputs, factors, strict=True))


def _noise_like(tensor: Tensor, drawn: torch.Generator) -> Tensor:
    return torch.randn(tensor.shape, generator=drawn, dtype=torch.float64).to(tensor.dtype)
