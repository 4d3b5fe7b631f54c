"""The command `train`: data, model and optimizer wired together, and an epoch after the other until it is done."""

import math
from dataclasses import asdict

import torch
from torch import Tensor, nn

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.loaders import batches
from speech_enhancement.engine.progress import NonFiniteLossError, WatchedLoss, clip_gradients
from speech_enhancement.engine.resuming import check_is_same_run, plain
from speech_enhancement.engine.run_folder import RunFolder
from speech_enhancement.losses import EnhancementLoss
from speech_enhancement.systems.model_file import save_model
from speech_enhancement.systems.sizes import Sizes
from speech_enhancement.training import load_checkpoint, save_checkpoint, train_epoch, validate


class Experiment:
    """One training run in one folder.

    Args:
        configuration: what to train on what.
        process: this process, among others where torchrun started several.
    """

    def __init__(self, configuration: Train, process: Process):
        self.configuration = configuration
        self.process = process
        self.sizes = Sizes(configuration.channels, configuration.n_fft, configuration.hop_length)
        torch.manual_seed(configuration.seed)
        self.model = self.sizes.build().to(process.device, memory_format=torch.channels_last)
        self.parallel_model = Autocast(process.parallel(self.model), process.device)
        self.train_batches = batches(configuration, process, "train")
        self.validation_batches = batches(configuration, process, "validation")
        loss_fn = EnhancementLoss().to(process.device)
        self.train_loss = WatchedLoss(loss_fn, self.train_batches)
        self.validation_loss = WatchedLoss(loss_fn, self.validation_batches)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), configuration.learning_rate)
        clip_gradients(self.optimizer, self.model, configuration.clip_norm, self.train_batches)
        self.folder = RunFolder(configuration.out)
        # Once, as the corpus is read for it.
        self.kept_configuration = plain(configuration)

    def run(self) -> None:
        """Epochs to the last, from where the folder's last checkpoint stands."""
        start = self._resume()
        for epoch in range(start, self.configuration.epochs):
            record = self._epoch(epoch)
            if self.process.is_first:
                self._keep(record)
        if self.process.is_first:
            self.folder.print_best()

    def _epoch(self, epoch: int) -> dict:
        learning_rate = (
            self.configuration.learning_rate * (1 + math.cos(math.pi * epoch / self.configuration.epochs)) / 2
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.train_batches.dataset.set_epoch(epoch)
        self.train_batches.loader.batch_sampler.sampler.set_epoch(epoch)
        self.train_batches.description = f"epoch {epoch + 1}/{self.configuration.epochs}"
        try:
            train_loss = train_epoch(
                self.parallel_model, self.train_batches, self.train_loss, self.optimizer, self.process.device
            )
            validation_loss = validate(
                self.parallel_model, self.validation_batches, self.validation_loss, self.process.device
            )
        except NonFiniteLossError as error:
            good = self.folder.last if self.folder.last.exists() else "none"
            raise NonFiniteLossError(f"epoch {epoch + 1}: {error}; last good checkpoint: {good}") from None
        return {
            "epoch": epoch,
            "train_loss": self.process.mean(train_loss, self.train_batches.count),
            "validation_loss": self.process.mean(validation_loss, self.validation_batches.count),
            "learning_rate": learning_rate,
            "audio_seconds_per_second": round(self.train_batches.audio_rate * self.process.world_size, 2),
            "waiting_share": round(self.train_batches.waiting_share, 4),
        }

    def _keep(self, record: dict) -> None:
        """Checkpoints first, the log after: the last checkpoint has it, too, and a run that goes on writes it again."""
        if self.folder.improves(record):
            save_model(self.folder.best, self.model, self.sizes, record["epoch"])
        self.folder.log.append(record)
        save_checkpoint(
            self.folder.last,
            self.model,
            self.optimizer,
            record["epoch"],
            sizes=asdict(self.sizes),
            configuration=self.kept_configuration,
            log=self.folder.log,
        )
        self.folder.write_log()
        print(
            f"epoch {record['epoch'] + 1}/{self.configuration.epochs}: training loss {record['train_loss']:.4f}, "
            f"validation loss {record['validation_loss']:.4f}, {record['audio_seconds_per_second']:.1f} audio-s/s",
            flush=True,
        )

    def _resume(self) -> int:
        """The first epoch to run: 0 in a new folder, else the one after the last checkpoint's, which is restored.

        Raises:
            ValueError: the folder holds a run of another configuration, or a model without its last checkpoint.
        """
        self.folder.check_has_last()
        if not self.folder.last.exists():
            self.folder.path.mkdir(parents=True, exist_ok=True)
            return 0
        try:
            checkpoint = load_checkpoint(self.folder.last, self.model, self.optimizer)
            check_is_same_run(self.configuration, checkpoint["configuration"], self.folder.last)
            self.folder.log = checkpoint["log"]
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(
                f"{self.folder.last}: expected a checkpoint of this model, got another ({reason})"
            ) from None
        if self.process.is_first:
            self.folder.write_log()
        return checkpoint["epoch"] + 1


class Autocast(nn.Module):
    """A model that runs in bfloat16 on a GPU, where its operations allow it, and as it is elsewhere."""

    def __init__(self, model: nn.Module, device: torch.device):
        super().__init__()
        self.model = model
        self.device_type = device.type

    def forward(self, noisy: Tensor) -> Tensor:
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.device_type == "cuda"):
            return self.model(noisy)
