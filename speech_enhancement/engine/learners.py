"""Learners, one for each kind of system: the trainer asks them for an epoch of training and for a validation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.precision import Precision, autocast, default_precision
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
        average: moving average of the weights, or None.
        result: what is validated and kept: the average, or the system itself.
        optimizers: of the system's parameters.
        precision: of its steps.
        has_plain_steps: True if the steps may run in any precision.
    """

    system: System
    average: AveragedModel | None
    result: System
    optimizers: list[Optimizer]
    precision: Precision
    has_plain_steps: bool

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Prepare for the first step, with endless batches."""

    def train_epoch(self, batches: WatchedBatches) -> float:
        """Take a step for each batch; return the mean loss over examples."""

    def validate(self, batches: WatchedBatches) -> float:
        """Return the mean loss over examples, without learning from them."""


class UNetLearner:
    """The course's U-Net, trained by the students' `train_epoch` and `validate` (tasks 2.7 and 2.8)."""

    average = None
    has_plain_steps = True

    def __init__(self, system: MaskingUNet, process: Process, noisy_targets: bool):
        self.system = self.result = system.to(memory_format=torch.channels_last)
        self.device = process.device
        self.noisy_targets = noisy_targets
        self.optimizers = list(system.optimizers())
        self.model = process.parallel(system)
        self.precision = default_precision(process.device)

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.system.pretrain(batches)

    def train_epoch(self, batches: WatchedBatches) -> float:
        (optimizer,) = self.optimizers
        loss_fn = WatchedLoss(self.system.loss, batches)
        return train_epoch(self._in_precision(), self._shown(batches), loss_fn, optimizer, self.device)

    def validate(self, batches: WatchedBatches) -> float:
        loss_fn = WatchedLoss(self.system.loss, batches)
        return validate(self._in_precision(), self._shown(batches), loss_fn, self.device)

    def _in_precision(self) -> nn.Module:
        return Autocast(self.model, self.device, self.precision)

    def _shown(self, batches: WatchedBatches) -> Iterable[tuple[Tensor, Tensor]]:
        """Return the batches, with noisy targets if those were asked for."""
        if not self.noisy_targets:
            return batches
        return ((noisy, noisy_target(noisy, clean)) for noisy, clean in batches)


class SystemLearner:
    """A system with its own objective and, if plain supervised steps are not enough, its own training steps.

    Plain steps run in the faster precision, and in several processes.

    Raises:
        ValueError: there are several processes and the system needs steps of its own.
    """

    def __init__(self, system: System, process: Process, noisy_targets: bool):
        self.system = system
        self.device = process.device
        self.has_plain_steps = system.learns_by_plain_steps()
        if process.world_size > 1 and not self.has_plain_steps:
            raise ValueError(
                f"--system: expected one process for a system with training steps of its own, {system.title}, "
                f"got {process.world_size}"
            )
        self.precision = default_precision(process.device)
        self.optimizers = list(system.optimizers())
        self.average = averaged(system)
        self.result = system if self.average is None else self.average.module
        self.tuned, self.validated = (
            NoisyTargetTuning(each) if noisy_targets else each for each in (system, self.result)
        )
        if self.has_plain_steps:
            self.objective = process.parallel(Objective(self.tuned))

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.tuned.pretrain(self._moved(batches))

    def train_epoch(self, batches: WatchedBatches) -> float:
        self.tuned.train()
        total = 0.0
        for noisy, clean in self._moved(batches):
            loss = self._step(noisy, clean)
            batches.note(loss)
            total += loss * len(noisy)
            if self.average is not None:
                self.average.update_parameters(self.system)
        return total / batches.count

    @torch.no_grad()
    def validate(self, batches: WatchedBatches) -> float:
        self.validated.eval()
        total = 0.0
        for noisy, clean in self._moved(batches):
            loss = self.validated.validation_loss(noisy, clean).item()
            batches.note(loss)
            total += loss * len(noisy)
        return total / batches.count

    def _step(self, noisy: Tensor, clean: Tensor) -> float:
        if not self.has_plain_steps:
            return self.tuned.training_step(noisy, clean, self.optimizers)
        with autocast(self.device, self.precision):
            loss = self.objective(noisy, clean)
        (optimizer,) = self.optimizers
        descend(optimizer, loss)
        return loss.item()

    def _moved(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        for noisy, clean in batches:
            yield noisy.to(self.device), clean.to(self.device)


class Autocast(nn.Module):
    """A model that runs in a precision, in the operations that allow it."""

    def __init__(self, model: nn.Module, device: torch.device, precision: Precision):
        super().__init__()
        self.model = model
        self.device = device
        self.precision = precision

    def forward(self, noisy: Tensor) -> Tensor:
        with autocast(self.device, self.precision):
            return self.model(noisy)


class Objective(nn.Module):
    """A system's objective as a module's `forward`, the form in which gradients are averaged over processes."""

    def __init__(self, system: System):
        super().__init__()
        self.system = system

    def forward(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.system.objective(noisy, clean)


def averaged(system: System) -> AveragedModel | None:
    """Make the exponential moving average of a system's weights, if the system asks for one."""
    if system.average_decay is None:
        return None
    return AveragedModel(system, multi_avg_fn=get_ema_multi_avg_fn(system.average_decay), use_buffers=True)


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
    found = described(extra) if "system" in extra or "sizes" in extra else None
    if found != (name, size, arguments):
        asked, held = _in_words(name, size, arguments), _in_words(*found) if found else "none"
        raise ValueError(f"--checkpoint: {configuration.checkpoint}: expected a model of {asked}, got {held}")
    return load_model(configuration.checkpoint)


def _in_words(name: str, size: str, arguments: Mapping[str, Any]) -> str:
    """Write what a system was built from, for a message."""
    return ", ".join([name, size, *(f"{key}={value}" for key, value in arguments.items())])
