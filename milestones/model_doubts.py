"""Doubts of a model that is handed in, for its author: none of them keeps the archive from being written.

Each function yields one line for each doubt.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from milestones.model_check import Pairs, Trial
from milestones.model_scoring import fault
from milestones.model_terms import ModelTerms
from speech_enhancement.audio import SAMPLE_RATE

_NO_RUN = re.compile(r"^RUN = None\b", re.MULTILINE)


def doubts_of_trial(trial: Trial, pairs: Pairs, terms: ModelTerms) -> Iterator[str]:
    """Yield results that earn nothing, and limits that the model exceeds on this machine.

    Args:
        trial: what a fresh process found.
        pairs: the recordings that it enhanced, at least one.
        terms: the limits.
    """
    faults = [reason for name, (noisy, _) in pairs.items() if (reason := fault(trial.outputs[name], noisy))]
    if faults:
        yield f"results of {len(faults)} of {len(pairs)} public recordings: {faults[0]}"
    if trial.seconds_to_load > terms.seconds_to_load:
        yield f"loading: expected at most {terms.seconds_to_load:g} s, got {trial.seconds_to_load:.1f} s"
    slowest = max(trial.seconds[name] * SAMPLE_RATE / len(noisy) for name, (noisy, _) in pairs.items())
    if slowest > terms.seconds_per_second:
        yield f"time: expected at most {terms.seconds_per_second:g} s for each second of sound, got {slowest:.2f} s"
    if trial.memory is not None and trial.memory > terms.memory_mebibytes * 2**20:
        most = f"expected at most {terms.memory_mebibytes} MiB beyond PyTorch's own"
        yield f"memory: {most}, got {trial.memory / 2**20:.0f} MiB in all"


def doubts_of_training(run: Path, log: bytes, kept: int, training: dict[str, Any] | None) -> Iterator[str]:
    """Yield a log that is that of another model, and a training that was stopped before its end.

    Args:
        run: folder of the training run, for messages.
        log: its log, a line of JSON for each epoch.
        kept: epoch of its model, counted from 0.
        training: its configuration; None if it has no last checkpoint.
    """
    try:
        records = [json.loads(line) for line in log.splitlines()]
        best = min(records, key=lambda record: record["validation_loss"])["epoch"]
        number, seconds = best + 1, sum(record.get("seconds", 0) for record in records)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield f"{run / 'log.jsonl'}: expected a record of each epoch, got something else"
        return
    if kept != best:
        yield f"{run / 'best.ckpt'}: expected the model of epoch {number}, the best in log.jsonl, got that of another"
    if training is None:
        return
    in_minutes = training["minutes"] is not None
    done, asked = (seconds / 60, training["minutes"]) if in_minutes else (len(records), training["epochs"])
    if done < asked:
        unit = "minutes" if in_minutes else "epochs"
        yield f"{run}: expected a training of {asked:g} {unit}, got {done:.3g}; the same command goes on with it"


def doubts_of_report(name: str, notebook: bytes) -> Iterator[str]:
    """Yield a report that was not run from top to bottom, and one that shows the model that comes with the package.

    Args:
        name: path of the notebook, for messages.
        notebook: its content; nothing is yielded if it is no notebook, of which `submit` warns.
    """
    try:
        cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
        counts = [cell["execution_count"] for cell, source in zip(cells, sources, strict=True) if source.strip()]
    except (ValueError, KeyError, TypeError):
        return
    if any(map(_NO_RUN.search, sources)):
        yield f"{name}: expected the folder of your run in RUN, got None, which shows the model of the package"
    if None in counts or counts != sorted(counts):
        yield f"{name}: expected cells that were run from top to bottom, got some that were not, or in another order"
