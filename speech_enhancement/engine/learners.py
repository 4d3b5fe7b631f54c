"""Learners, one for each kind of system: the trainer asks them for an epoch of training and for a validation."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.progress import WatchedBatches, WatchedLoss
from speech_enhancement.files.state_file import read_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.masking_unet import MaskingUNet
from speech_enhancement.systems.model_file import described, load_model
from speech_enhancement.systems.noise2noise import NoisyTargetTuning, noisy_target
from speech_enhancement.systems.system import System, descend
from speech_enhancement.training import train_epoch, validate


class Learner(Protocol):
    """A system that learns.

    Attributes:
        system: what is trained.
        optimizers: of its parameters.
    """

    system: System
    optimizers: list[Optimizer]

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Prepare for the first step, with endless batches."""

    def train_epoch(self, batches: WatchedBatches) -> float:
        """Take a step for each batch; return the mean loss over examples."""

    def validate(self, batches: WatchedBatches) -> float:
        """Return the mean loss over examples, without learning from them."""


class UNetLearner:
    """The course's U-Net, trained by the students' `train_epoch` and `validate` (tasks 2.7 and 2.8)."""

    def __init__(self, system: MaskingUNet, process: Process, noisy_targets: bool):
        self.system = system.to(memory_format=torch.channels_last)
        self.device = process.device
        self.noisy_targets = noisy_targets
        self.optimizers = list(system.optimizers())
        self.model = Autocast(process.parallel(system), process.device)

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.system.pretrain(batches)

    def train_epoch(self, batches: WatchedBatches) -> float:
        (optimizer,) = self.optimizers
        loss_fn = WatchedLoss(self.system.loss, batches)
        return train_epoch(self.model, self._shown(batches), loss_fn, optimizer, self.device)

    def validate(self, batches: WatchedBatches) -> float:
        return validate(self.model, self._shown(batches), WatchedLoss(self.system.loss, batches), self.device)

    def _shown(self, batches: WatchedBatches) -> Iterable[tuple[Tensor, Tensor]]:
        """Return the batches, with noisy targets if those were asked for."""
        if not self.noisy_targets:
            return batches
        return ((noisy, noisy_target(noisy, clean)) for noisy, clean in batches)


class SystemLearner:
    """A system with its own objective and, if plain supervised steps are not enough, its own training steps.

    Plain steps run in bfloat16 on a GPU, and in several processes.

    Raises:
        ValueError: there are several processes and the system needs steps of its own.
    """

    def __init__(self, system: System, process: Process, noisy_targets: bool):
        self.system = system
        self.device = process.device
        self.tuned = NoisyTargetTuning(system) if noisy_targets else system
        self.is_plain = system.learns_by_plain_steps()
        if process.world_size > 1 and not self.is_plain:
            raise ValueError(
                f"--system: expected one process for a system with training steps of its own, {system.title}, "
                f"got {process.world_size}"
            )
        self.optimizers = list(system.optimizers())
        if self.is_plain:
            self.objective = process.parallel(Objective(self.tuned, self.device))

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.tuned.pretrain(self._moved(batches))

    def train_epoch(self, batches: WatchedBatches) -> float:
        self.tuned.train()
        total = 0.0
        for noisy, clean in self._moved(batches):
            loss = self._step(noisy, clean)
            batches.note(loss)
            total += loss * len(noisy)
        return total / batches.count

    @torch.no_grad()
    def validate(self, batches: WatchedBatches) -> float:
        self.tuned.eval()
        total = 0.0
        for noisy, clean in self._moved(batches):
            loss = self.tuned.validation_loss(noisy, clean).item()
            batches.note(loss)
            total += loss * len(noisy)
        return total / batches.count

    def _step(self, noisy: Tensor, clean: Tensor) -> float:
        if not self.is_plain:
            return self.tuned.training_step(noisy, clean, self.optimizers)
        loss = self.objective(noisy, clean)
        (optimizer,) = self.optimizers
        descend(optimizer, loss)
        return loss.item()

    def _moved(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        for noisy, clean in batches:
            yield noisy.to(self.device), clean.to(self.device)


class Autocast(nn.Module):
    """A model that runs in bfloat16 on a GPU, in the operations that allow it, and unchanged on other devices."""

    def __init__(self, model: nn.Module, device: torch.device):
        super().__init__()
        self.model = model
        self.device_type = device.type

    def forward(self, noisy: Tensor) -> Tensor:
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.device_type == "cuda"):
            return self.model(noisy)


class Objective(nn.Module):
    """A system's objective as a module's `forward`, the form in which gradients are averaged over processes."""

    def __init__(self, system: System, device: torch.device):
        super().__init__()
        self.system = system
        self.device_type = device.type

    def forward(self, noisy: Tensor, clean: Tensor) -> Tensor:
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.device_type == "cuda"):
            return self.system.objective(noisy, clean)


def make_learner(configuration: Train, process: Process) -> Learner:
    """Build the system that the configuration names, and its learner.

    Raises:
        ValueError: the system is unknown, does not learn, or cannot be trained as the configuration asks.
        StateFileError: the model to start from is not one of this package.
    """
    torch.manual_seed(configuration.seed)
    system = initial_system(configuration).to(process.device)
    kind = UNetLearner if isinstance(system, MaskingUNet) else SystemLearner
    return kind(system, process, configuration.noisy_targets)


def initial_system(configuration: Train) -> System:
    """Build the system before its first step, with random weights or those of a trained model.

    Raises:
        ValueError: it is unknown, does not learn, cannot learn from noisy targets, or the model is of another system.
        StateFileError: the model is not one of this package.
    """
    name, size, arguments = configuration.system, configuration.size, configuration.arguments
    system = registry.build(name, size, **arguments)
    if system.count_parameters() == 0:
        raise ValueError(f"--system: expected one that learns, got {name}")
    if configuration.noisy_targets and (name == "noise2noise" or system.task != System.task):
        raise ValueError(f"--noisy-targets: expected a system that learns to denoise from clean targets, got {name}")
    if configuration.checkpoint is None:
        return system
    extra = read_state(configuration.checkpoint).get("extra", {})
    found = described(extra) if extra else None
    if found != (name, size, arguments):
        raise ValueError(f"--checkpoint: expected a model of {name}, {size}; {configuration.checkpoint} holds {found}")
    return load_model(configuration.checkpoint)
