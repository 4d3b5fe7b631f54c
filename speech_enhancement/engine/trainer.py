"""Training: one epoch after another until the run is done, for every system."""

import itertools
import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.learners import Learner, make_learner
from speech_enhancement.engine.loaders import make_batches
from speech_enhancement.engine.precision import faster_precision
from speech_enhancement.engine.progress import NonFiniteLossError, WatchedBatches, clip_gradients
from speech_enhancement.engine.run_folder import RunFolder

_FIRST_EPOCH_OF_PRETRAINING = 1_000_000


def train(configuration: Train, process: Process) -> None:
    """Train in a run's folder, or resume there.

    Raises:
        ValueError: the configuration cannot be carried out, or the folder holds another run or is trained in.
        NonFiniteLossError: a loss or a gradient was NaN or infinite.
    """
    learner = make_learner(configuration, process)
    batches = [make_batches(configuration, process, split) for split in ("train", "validation")]
    try:
        Trainer(configuration, process, learner, *batches, RunFolder(configuration, process.is_first)).run()
    except torch.OutOfMemoryError:
        message = f"expected a batch of {configuration.batch_size} to fit the GPU's memory, got too little of it"
        raise ValueError(f"{message}; --batch-size takes a smaller number") from None


class Trainer:
    """One training run, which resumes where it was stopped.

    Each epoch has its own random state, so a run that is stopped and resumed ends with the weights of an undisturbed
    one. A run with a time budget ends with the epoch in which the budget is used up.

    Args:
        configuration: epochs or minutes, learning rate, clipping and seed.
        process: this process, one of several if torchrun started them.
        learner: system to train, with its steps.
        train_batches, validation_batches: batches to learn from and to validate on.
        folder: of the run.
    """

    def __init__(
        self,
        configuration: Train,
        process: Process,
        learner: Learner,
        train_batches: WatchedBatches,
        validation_batches: WatchedBatches,
        folder: RunFolder,
    ):
        self.configuration = configuration
        self.process = process
        self.learner = learner
        self.train_batches = train_batches
        self.validation_batches = validation_batches
        self.folder = folder
        self.learning_rates = [self._initial_rates(optimizer) for optimizer in learner.optimizers]
        norm = learner.system.clip_norm if configuration.clip_norm is None else configuration.clip_norm
        for optimizer in learner.optimizers:
            clip_gradients(optimizer, norm, train_batches)

    def run(self) -> None:
        """Run the epochs to the last, or until the time is used up."""
        with self.folder.held():
            self.folder.resume(self.learner)
            if not self.folder.log:
                self._choose_precision()
            while self._progress() < 1:
                self.folder.keep(self._epoch(len(self.folder.log)), self.learner)
        self.folder.print_best()

    def _choose_precision(self) -> None:
        """Set the precision that was asked for, or the faster one if the system's steps may run in either."""
        configuration, learner = self.configuration, self.learner
        if configuration.precision != "auto":
            learner.precision = configuration.precision
        elif learner.has_plain_steps:
            shape = (configuration.batch_size, 1, round(configuration.segment_seconds * SAMPLE_RATE))
            is_faster = faster_precision(learner.system, shape, self.process.device) == "bfloat16"
            # Processes must agree, since they average their gradients.
            learner.precision = "bfloat16" if self.process.mean(is_faster, 1) > 0.5 else "float32"

    def _progress(self) -> float:
        """Compute the share of the epochs, or of the time, that is used up; the last epoch ends at 1 or beyond."""
        if self.configuration.minutes is None:
            return len(self.folder.log) / self.configuration.epochs
        return sum(record["seconds"] for record in self.folder.log) / (60 * self.configuration.minutes)

    def _epoch(self, epoch: int) -> dict:
        begin = time.perf_counter()
        # Processes draw different numbers, since they see different data.
        torch.manual_seed(self.configuration.seed + epoch + _FIRST_EPOCH_OF_PRETRAINING * self.process.rank)
        if epoch == 0 and self.configuration.checkpoint is None:
            self.learner.pretrain(self._endless_batches())
        learning_rate = self._set_learning_rates()
        self.train_batches.set_epoch(epoch)
        self.train_batches.description = f"epoch {epoch + 1}"
        try:
            train_loss = self.learner.train_epoch(self.train_batches)
            # Validation draws the same numbers in each epoch, so that none is the best by luck.
            torch.manual_seed(self.configuration.seed)
            validation_loss = self.learner.validate(self.validation_batches)
        except NonFiniteLossError as error:
            good = self.folder.last if self.folder.last.exists() else "none"
            raise NonFiniteLossError(f"epoch {epoch + 1}: {error}; last good checkpoint: {good}") from None
        return {
            "epoch": epoch,
            "train_loss": self.process.mean(train_loss, self.train_batches.count),
            "validation_loss": self.process.mean(validation_loss, self.validation_batches.count),
            "learning_rate": learning_rate,
            # The mean, since all processes must end with the same epoch.
            "seconds": round(self.process.mean(time.perf_counter() - begin, 1), 2),
            "audio_seconds_per_second": round(self.train_batches.audio_rate * self.process.world_size, 2),
            "waiting_share": round(self.train_batches.waiting_share, 4),
        }

    def _initial_rates(self, optimizer: torch.optim.Optimizer) -> list[float]:
        """Return the learning rates of an optimizer's groups, or the one that the configuration asks for instead."""
        asked = self.configuration.learning_rate
        if asked is not None and len(self.learner.optimizers) > 1:
            raise ValueError(
                f"--learning-rate: expected none for {self.configuration.system}, whose optimizers bring their own, "
                f"got {asked}"
            )
        return [group["lr"] if asked is None else asked for group in optimizer.param_groups]

    def _set_learning_rates(self) -> float:
        """Set the rates of the next epoch; return the first one."""
        factor = 1.0
        if self.configuration.schedule == "cosine":
            factor = (1 + math.cos(math.pi * self._progress())) / 2
        for optimizer, rates in zip(self.learner.optimizers, self.learning_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        return self.learner.optimizers[0].param_groups[0]["lr"]

    def _endless_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches for pre-training, from epochs that training itself does not reach."""
        self.train_batches.description = "before the first epoch"
        for epoch in itertools.count(_FIRST_EPOCH_OF_PRETRAINING):
            self.train_batches.set_epoch(epoch)
            yield from self.train_batches
