"""Marks on entries whose outputs are those of another one, up to gain, offset and delay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from milestones.instructor.models.records import EntryRecord, clip_path
from milestones.model_scoring import normalised
from speech_enhancement.audio import load

MAX_DIFFERENCE = 0.01
"""Energy of the difference of two outputs that count as equal, relative to that of their errors."""


def marks(records: Sequence[EntryRecord], out: Path, clips: dict[str, NDArray]) -> dict[str, tuple[str, ...]]:
    """Find the marks of each submission, by its name.

    Models that were trained apart make different errors, however good they are. So outputs are equal if they differ by
    much less than their errors, on all clips.

    Args:
        records: records of all entries.
        out: folder of the grades, with the clips of each entry, which are normalised.
        clips: the clean recordings of these clips by name, `(time,)`.
    """
    outputs = {record.entry: _outputs(record, out, clips) for record in records}
    found = {}
    for record in records:
        if record.kind == "submission":
            others = [each for each in records if each is not record and _are_equal(record, each, outputs, clips)]
            found[record.entry] = tuple(f"outputs equal those of {_title(other)}" for other in others)
    return found


def _title(record: EntryRecord) -> str:
    return f"the {record.title}" if record.kind == "reference" else record.title


def _outputs(record: EntryRecord, out: Path, clips: dict[str, NDArray]) -> dict[str, NDArray]:
    """Read the clips of an entry; none if it failed on one of them."""
    paths = {name: clip_path(out, record.hash, name) for name in clips}
    if record.refused is not None or not all(path.is_file() for path in paths.values()):
        return {}
    return {name: load(path)[0].numpy().astype(np.float64) for name, path in paths.items()}


def _are_equal(
    one: EntryRecord, other: EntryRecord, outputs: dict[str, dict[str, NDArray]], clips: dict[str, NDArray]
) -> bool:
    if not (outputs[one.entry] and outputs[other.entry]):
        return False
    for name, clean in clips.items():
        target = normalised(clean, clean, 0.0)[1]
        first, second = outputs[one.entry][name], outputs[other.entry][name]
        errors = min(np.square(first - target).sum(), np.square(second - target).sum())
        if np.square(first - second).sum() > MAX_DIFFERENCE * errors:
            return False
    return True
