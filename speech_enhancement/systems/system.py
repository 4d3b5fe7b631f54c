"""What the systems of the literature have in common: noisy waveform in, enhanced waveform of the same shape out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer


class System(nn.Module):
    """A system: `system(noisy)` maps `(batch, 1, time)` at 16 kHz to the enhanced waveform of the same shape.

    What learns by plain supervised steps gives an `objective`; what does not (two optimizers, pre-training) brings its
    own `training_step` or `pretrain`. What does not learn has no parameters, or fits them within `forward`.

    Attributes:
        title: as a table names it.
        task: what it is for, as a table names it.
        sizes: keyword arguments of the constructor by the name of a size: "paper" as published, "small" of at most
            2 million parameters.
        context: samples before and after it that a sample of the result can depend on; None where it is all of them.
        alignment: an input shifted by a multiple of so many samples gives a result shifted by as many.
        shortest: samples that an input has at least.
        only_for_training: names of submodules that enhancing does not need, a discriminator for instance.
    """

    title: ClassVar[str]
    task: ClassVar[str] = "denoising"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "small": {}}
    context: int | None = None
    alignment: int = 1
    shortest: int = 4096
    only_for_training: ClassVar[tuple[str, ...]] = ()

    def received(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """What the system is given of a pair: the noisy waveform; for another task, what it makes of the clean one."""
        return noisy

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """The loss of a batch, a scalar; by default the mean absolute error of the waveform."""
        return functional.l1_loss(self(noisy), clean)

    def validation_loss(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """By what epochs are compared; by default the objective."""
        return self.objective(noisy, clean)

    def optimizers(self) -> Sequence[Optimizer]:
        """What `training_step` is given; by default one Adam for all parameters."""
        return [torch.optim.Adam(self.parameters(), lr=1e-3)]

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """What is done before the first step, with batches `(noisy, clean)` without end; by default nothing."""

    def training_step(self, noisy: Tensor, clean: Tensor, optimizers: Sequence[Optimizer]) -> float:
        """One step of training on a batch; returns the loss."""
        loss = self.objective(noisy, clean)
        (optimizer,) = optimizers
        descend(optimizer, loss)
        return loss.item()

    def count_parameters(self) -> int:
        """Numbers that enhancing needs, and that training finds."""
        left_out = {id(parameter) for name in self.only_for_training for parameter in getattr(self, name).parameters()}
        return sum(parameter.numel() for parameter in self.parameters() if id(parameter) not in left_out)


def zero_biases(module: nn.Module) -> None:
    """Let all biases begin at zero, as they do in TensorFlow.

    PyTorch draws them at random, which can give the result an offset several times as loud as speech.
    """
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """One step of an optimizer down the gradient of a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
