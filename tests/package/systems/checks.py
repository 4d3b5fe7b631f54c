"""Checks that every system must pass, for the tests of each."""

from collections.abc import Callable

import torch
from safetensors.torch import load, save

from speech_enhancement.systems.system import System
from tests.package.systems.signals import batch


def published(kind: type[System]) -> System:
    """Build the system of the published size, whose parameters have shapes but no values."""
    with torch.device("meta"):
        return kind(**kind.sizes["paper"])


def check_shapes(system: System, lengths=(16000, 16001, 12345, 4097)) -> None:
    """Check that the result has the input's shape and dtype and is finite, for odd lengths too."""
    system.eval()
    with torch.no_grad():
        for length in lengths:
            noisy = batch(seconds=length / 16000)[0][..., :length]
            enhanced = system(noisy)
            assert enhanced.shape == noisy.shape and enhanced.dtype == noisy.dtype
            assert enhanced.isfinite().all()


def check_gradients(system: System, seconds: float = 1.0) -> None:
    """Check that a gradient that is not zero reaches every parameter that enhancing needs."""
    system.train()
    torch.manual_seed(0)
    noisy, clean = batch(seconds)
    system.objective(noisy, clean).backward()
    left_out = tuple(f"{name}." for name in system.only_for_training)
    missing = [
        name
        for name, parameter in system.named_parameters()
        if not name.startswith(left_out or ("\0",)) and (parameter.grad is None or not parameter.grad.any())
    ]
    assert not missing, f"no gradient reaches {missing}"


def losses_on_one_batch(system: System, noisy, clean, steps: int) -> list[float]:
    """Train on one batch over and over, and return the loss of each step."""
    system.train()
    torch.manual_seed(0)
    optimizers = system.optimizers()
    return [system.training_step(noisy, clean, optimizers) for _ in range(steps)]


def check_reload(system: System, fresh: System) -> None:
    """Check that weights, written and read into another instance, give the same output."""
    noisy, _ = batch()
    fresh.load_state_dict(load(save({name: value.contiguous() for name, value in system.state_dict().items()})))
    with torch.no_grad():
        assert torch.equal(system.eval()(noisy), fresh.eval()(noisy))


def check_gradients_and_reload(make: Callable[[], System], seconds: float = 0.3) -> None:
    """Check that gradients reach every parameter, and that the weights after two steps can be written and read."""
    check_gradients(make(), seconds)
    trained = make()
    losses_on_one_batch(trained, *batch(0.1), steps=2)
    check_reload(trained, make())
