"""Whether a run may go on from a checkpoint: only with the configuration that it began with."""

import json
from dataclasses import asdict
from pathlib import Path

from speech_enhancement.configuration import Train

# A run may go on with other values of these; all others decide the weights.
_FREE_TO_CHANGE = ("corpus", "out", "minutes", "workers", "device")


def plain(configuration: Train) -> dict:
    """The configuration with paths as strings and tuples as lists, as a checkpoint gives it back."""
    return json.loads(json.dumps(asdict(configuration), default=str))


def check_is_same_run(configuration: Train, before: dict, path: Path) -> None:
    """Compare with the configuration that a checkpoint holds.

    Raises:
        ValueError: an option that decides the weights was another one.
    """
    for name, now in plain(configuration).items():
        if name not in _FREE_TO_CHANGE and before.get(name) != now:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option}: {path} has {before.get(name)}, got {now}; choose another --out")
