"""The folder of a training run: its last and its best checkpoint, its log, and the curves of the log."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from filelock import Timeout

from speech_enhancement.configuration import Train
from speech_enhancement.corpora.manifest import MANIFEST
from speech_enhancement.engine.learners import Learner
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.lock import locked
from speech_enhancement.files.state_file import read_state, write_state
from speech_enhancement.plotting import save_training_curves

# A run may resume with other values of these. A corpus may have been moved, and with more minutes a falling learning
# rate rises again.
_FREE_TO_CHANGE = ("corpus", "out", "minutes", "workers", "device")
_CORPUS_HASH = "corpus_hash"


class RunFolder:
    """The files of one run, and a record of each of its epochs.

    Args:
        configuration: of the run; its `out` is the folder.
        is_writer: False in all processes but the first.

    Attributes:
        last: checkpoint from which the run resumes.
        best: model of the epoch with the lowest validation loss.
        log: a record of each epoch, with its `epoch` and its `validation_loss`.
    """

    def __init__(self, configuration: Train, is_writer: bool):
        self.path = configuration.out
        self.last = self.path / "last.ckpt"
        self.best = self.path / "best.ckpt"
        self.log: list[dict] = []
        self._is_writer = is_writer
        self._epochs = configuration.epochs if configuration.minutes is None else None
        self._configuration = as_saved(configuration)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder if there is none, and keep other trainings from it.

        Raises:
            ValueError: another process trains in it.
        """
        if not self._is_writer:
            yield
            return
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.path / ".lock", seconds=0):
                yield
        except Timeout:
            raise ValueError(f"--out: expected a run that nobody trains, got {self.path}, which is trained") from None

    def resume(self, learner: Learner) -> None:
        """Restore learner and log from the last checkpoint, if there is one.

        Raises:
            ValueError: the folder holds a run of another configuration, or a model without its last checkpoint.
        """
        if not self.last.exists():
            self._check_no_model_is_lost()
            return
        state = read_state(self.last)
        try:
            state = _of_today(state)
            before = state["configuration"]
            if self._configuration["schedule"] == "constant":
                # The learning rate does not depend on the number of epochs, so more epochs may follow.
                before = before | {"epochs": self._configuration["epochs"]}
            self._check_is_same_run(before)
            learner.system.load_state_dict(state["model"])
            if learner.average is not None:
                learner.average.load_state_dict(state["average"])
            for optimizer, saved in zip(learner.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            learner.precision = state.get("precision", learner.precision)
            self.log = state["log"]
        except (AttributeError, KeyError, RuntimeError, TypeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"{self.last}: expected a checkpoint of this system, got another ({reason})") from None
        if self._is_writer:
            self._write_log()

    def keep(self, record: dict, learner: Learner) -> None:
        """Add an epoch to the log, and write the checkpoints and the log.

        The log file is written last: the last checkpoint holds the log too, and a run that resumes writes the file
        again.
        """
        is_best = all(record["validation_loss"] < earlier["validation_loss"] for earlier in self.log)
        self.log.append(record)
        if not self._is_writer:
            return
        if is_best:
            learner.result.save(self.best, record["epoch"])
        with replacing(self.last) as temporary:
            write_state(temporary, self._run_state(learner))
        self._write_log()
        of_all = f"/{self._epochs}" if self._epochs else ""
        print(
            f"epoch {record['epoch'] + 1}{of_all}: training loss {record['train_loss']:.4f}, "
            f"validation loss {record['validation_loss']:.4f}, {record['audio_seconds_per_second']:.1f} audio-s/s",
            flush=True,
        )

    def print_best(self) -> None:
        """Print which epoch was the best, and where its model is."""
        if not self._is_writer:
            return
        best = min(self.log, key=lambda record: record["validation_loss"])
        print(f"best epoch {best['epoch'] + 1}, validation loss {best['validation_loss']:.4f}: {self.best}")

    def _run_state(self, learner: Learner) -> dict[str, Any]:
        return {
            **learner.system.state(self.log[-1]["epoch"]),
            "optimizers": [optimizer.state_dict() for optimizer in learner.optimizers],
            **({} if learner.average is None else {"average": learner.average.state_dict()}),
            "precision": learner.precision,
            "log": self.log,
            "configuration": self._configuration,
        }

    def _check_no_model_is_lost(self) -> None:
        """Raise `ValueError` if there is a best model without the last checkpoint."""
        # A run that was killed while it wrote its first epoch may have only the best model.
        if self.best.exists() and read_state(self.best)["epoch"] > 0:
            raise ValueError(f"{self.best}: expected last.ckpt beside it to resume from; choose another --out")

    def _check_is_same_run(self, before: dict) -> None:
        """Raise `ValueError` if an option that affects the weights, or the files of the corpus, have changed."""
        for name, value in self._configuration.items():
            # An option that a checkpoint lacks was added later, so the run used its default.
            earlier = before.get(name, getattr(Train, name, None))
            if name == _CORPUS_HASH and earlier != value:
                corpus = self._configuration["corpus"]
                raise ValueError(
                    f"--corpus: {self.last} was trained on other files than {corpus}; choose another --out"
                )
            if name not in _FREE_TO_CHANGE and earlier != value:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(f"{option}: {self.last} has {earlier}, got {value}; choose another --out")

    def _write_log(self) -> None:
        """Write `log.jsonl`, a line for each epoch, and `curves.png`."""
        with replacing(self.path / "log.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in self.log), encoding="utf-8")
        save_training_curves(self.path / "curves.png", self.log)


def as_saved(configuration: Train) -> dict[str, Any]:
    """Convert the configuration to the form that a checkpoint holds: paths as strings, and a hash of the corpus."""
    digest = hashlib.sha256((configuration.corpus / MANIFEST).read_bytes()).hexdigest()
    return json.loads(json.dumps(asdict(configuration), default=str)) | {_CORPUS_HASH: digest}


def _of_today(state: dict[str, Any]) -> dict[str, Any]:
    """Convert a run's state to the current form, from which that of version 0.1 differs."""
    if "optimizer" in state:
        state = {
            "model": {f"enhancer.{name}": tensor for name, tensor in state["model"].items()},
            "optimizers": [state["optimizer"]],
            # Its log has no times, which only a run with a time budget needs.
            "log": [{"seconds": 0.0, **record} for record in state["extra"]["log"]],
            "configuration": state["extra"]["configuration"],
        }
    elif "extra" in state:
        return state
    configuration = state["configuration"]
    # Options whose defaults are the system's own had numbers as defaults.
    own = {"learning_rate": 2e-3, "clip_norm": 1.0, "system": "masking-unet"}
    today = {"learning_rate": None, "clip_norm": None, "system": "unet"}
    changed = {name: today[name] for name, value in own.items() if configuration.get(name) == value}
    return state | {"configuration": configuration | changed}
