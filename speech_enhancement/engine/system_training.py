"""The command `train --system`: a system of the literature, trained by its own steps for some epochs or minutes."""

import itertools
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from speech_enhancement.files.atomic import replacing
from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.loaders import batches
from speech_enhancement.engine.progress import WatchedBatches
from speech_enhancement.engine.resuming import check_is_same_run, plain
from speech_enhancement.engine.run_folder import RunFolder
from speech_enhancement.files.state_file import read_state, write_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.model_file import load_model, save_system
from speech_enhancement.systems.noise2noise import NoisyTargetTuning
from speech_enhancement.systems.system import System


class SystemTraining:
    """One training run of a system in one folder, which goes on where it was stopped.

    Each epoch draws from a random state of its own, so that a run that was stopped ends in the weights of one that
    was not. A run with a time budget ends with the epoch in which the budget is used up.

    Args:
        configuration: what to train on what.
        process: this process, which must be the only one.

    Raises:
        ValueError: the system is unknown, does not learn or not from noisy targets, the model to go on from is of
            another system, or there are several processes.
        StateFileError: the model to go on from is none of this package.
    """

    def __init__(self, configuration: Train, process: Process):
        if process.world_size > 1:
            raise ValueError(f"--system: expected one process, got {process.world_size}; systems train in one")
        self.configuration = configuration
        self.device = process.device
        torch.manual_seed(configuration.seed)
        self.system = initial_system(configuration).to(self.device)
        self.learner = NoisyTargetTuning(self.system) if configuration.noisy_targets else self.system
        self.optimizers = self.system.optimizers()
        self.train_batches = batches(configuration, process, "train")
        self.validation_batches = batches(configuration, process, "validation")
        self.folder = RunFolder(configuration.out)
        # Once, as the corpus is read for it.
        self.kept_configuration = plain(configuration)

    def run(self) -> None:
        """Epochs to the last, or until the time is used up."""
        self._resume()
        while not self._is_done():
            self._keep(self._epoch(len(self.folder.log)))
        self.folder.print_best()

    def _is_done(self) -> bool:
        minutes = self.configuration.minutes
        if minutes is None:
            return len(self.folder.log) >= self.configuration.epochs
        return sum(record["seconds"] for record in self.folder.log) >= 60 * minutes

    def _epoch(self, epoch: int) -> dict:
        begin = time.perf_counter()
        torch.manual_seed(self.configuration.seed + epoch)
        if epoch == 0 and self.configuration.checkpoint is None:
            self.learner.pretrain(self._endless())
        self._set_epoch(epoch)
        self.train_batches.description = f"epoch {epoch + 1}"
        train_loss = self._train()
        validation_loss = self._validate()
        return {
            "epoch": epoch,
            "train_loss": train_loss,
            "validation_loss": validation_loss,
            "seconds": round(time.perf_counter() - begin, 2),
            "audio_seconds_per_second": round(self.train_batches.audio_rate, 2),
            "waiting_share": round(self.train_batches.waiting_share, 4),
        }

    def _train(self) -> float:
        self.learner.train()
        total = 0.0
        for noisy, clean in self._moved(self.train_batches):
            loss = self.learner.training_step(noisy, clean, self.optimizers)
            self.train_batches.note(loss)
            total += loss * len(noisy)
        return total / self.train_batches.count

    @torch.no_grad()
    def _validate(self) -> float:
        self.learner.eval()
        # What a system draws is the same for all epochs, so that none is the best by luck.
        torch.manual_seed(self.configuration.seed)
        total = 0.0
        for noisy, clean in self._moved(self.validation_batches):
            loss = self.learner.validation_loss(noisy, clean).item()
            self.validation_batches.note(loss)
            total += loss * len(noisy)
        return total / self.validation_batches.count

    def _moved(self, pairs: WatchedBatches) -> Iterator[tuple[Tensor, Tensor]]:
        for noisy, clean in pairs:
            yield noisy.to(self.device), clean.to(self.device)

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches for pre-training, from epochs that training itself does not reach."""
        self.train_batches.description = "before the first epoch"
        for epoch in itertools.count(1_000_000):
            self._set_epoch(epoch)
            yield from self._moved(self.train_batches)

    def _set_epoch(self, epoch: int) -> None:
        self.train_batches.losses.clear()
        self.train_batches.dataset.set_epoch(epoch)
        self.train_batches.loader.batch_sampler.sampler.set_epoch(epoch)

    def _keep(self, record: dict) -> None:
        """Checkpoints first, the log after: the last checkpoint has it, too, and a run that goes on writes it again."""
        if self.folder.improves(record):
            name, size = self.configuration.system, self.configuration.size
            save_system(self.folder.best, self.system, name, size, record["epoch"])
        self.folder.log.append(record)
        run_state = {
            "model": self.system.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "log": self.folder.log,
            "configuration": self.kept_configuration,
        }
        with replacing(self.folder.last) as temporary:
            write_state(temporary, run_state)
        self.folder.write_log()

    def _resume(self) -> None:
        """Restore what the folder's last checkpoint holds, where there is one.

        Raises:
            ValueError: the folder holds a run of another configuration, or a model without its last checkpoint.
        """
        self.folder.check_has_last()
        self.folder.path.mkdir(parents=True, exist_ok=True)
        if not self.folder.last.exists():
            return
        state = read_state(self.folder.last)
        try:
            # The learning rate of systems does not fall towards a last epoch, so that more epochs may follow.
            before = state["configuration"] | {"epochs": self.configuration.epochs}
            check_is_same_run(self.configuration, before, self.folder.last)
            self.system.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.folder.log = state["log"]
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(
                f"{self.folder.last}: expected a checkpoint of this system, got another ({reason})"
            ) from None
        self.folder.write_log()


def initial_system(configuration: Train) -> System:
    """The system before its first step: with random weights, or those of a trained model.

    Raises:
        ValueError: it is unknown, does not learn or not from noisy targets, or the model is of another system.
        StateFileError: the model is none of this package.
    """
    name, size = configuration.system, configuration.size
    system = registry.build(name, size)
    if system.count_parameters() == 0:
        raise ValueError(f"--system: expected one that learns, got {name}")
    if configuration.noisy_targets and (name == "noise2noise" or system.task != System.task):
        raise ValueError(f"--noisy-targets: expected a system that learns to denoise from clean targets, got {name}")
    if configuration.checkpoint is None:
        return system
    found = read_state(configuration.checkpoint).get("extra")
    if found != {"system": name, "size": size}:
        raise ValueError(f"--checkpoint: expected a model of {name}, {size}; {configuration.checkpoint} holds {found}")
    return load_model(configuration.checkpoint)[0]
