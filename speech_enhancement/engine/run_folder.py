"""The folder of a training run: its last and its best checkpoint, its log, and the curves of the log."""

import json
from pathlib import Path

from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.state_file import read_state
from speech_enhancement.plotting import save_training_curves


class RunFolder:
    """Paths of one run, and a record of each of its epochs.

    Args:
        path: of the folder.

    Attributes:
        last: checkpoint to go on from.
        best: checkpoint of the epoch with the lowest validation loss.
        log: a record of each epoch, with its `epoch` and its `validation_loss`.
    """

    def __init__(self, path: Path):
        self.path = path
        self.last = path / "last.ckpt"
        self.best = path / "best.ckpt"
        self.log: list[dict] = []

    def check_has_last(self) -> None:
        """Whether what the folder holds can be gone on from.

        Raises:
            ValueError: there is a model of a later epoch than the first without its last checkpoint.
        """
        # A run that was killed within its first epoch's writing may have the best alone.
        if self.best.exists() and not self.last.exists() and read_state(self.best)["epoch"] > 0:
            raise ValueError(f"{self.best}: expected last.ckpt beside it to go on from; choose another --out")

    def improves(self, record: dict) -> bool:
        """Whether the validation loss is lower than in all epochs so far."""
        return all(record["validation_loss"] < earlier["validation_loss"] for earlier in self.log)

    def write_log(self) -> None:
        """Write `log.jsonl`, a line for each epoch, and `curves.png`."""
        with replacing(self.path / "log.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in self.log), encoding="utf-8")
        save_training_curves(self.path / "curves.png", self.log)

    def print_best(self) -> None:
        """Say which epoch was the best, and where its checkpoint is."""
        best = min(self.log, key=lambda record: record["validation_loss"])
        print(f"best epoch {best['epoch'] + 1}, validation loss {best['validation_loss']:.4f}: {self.best}")
