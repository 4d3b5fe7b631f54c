"""Marks on entries whose outputs are those of another one, up to gain, offset and delay.

Outputs are compared on public recordings, which alone are kept. A model could know these and answer otherwise there, so
scores on hidden recordings are compared as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from milestones.instructor.models.records import EntryRecord, RecordingState, clip_path
from milestones.model_scoring import normalised
from milestones.model_terms import METRICS
from speech_enhancement.audio import SAMPLE_RATE, load

MAX_DIFFERENCE = 0.01
"""Energy of the difference of two outputs that count as equal, relative to that of their errors, or of them if less."""

EQUAL_THOSE_OF = " equal those of "
"""Words of a mark between what is equal and whose it is."""

MAX_SCORE_DIFFERENCE = 0.002
"""Difference of two scores that count as equal; rounding to the type of the output makes less."""


def marks(
    records: Sequence[EntryRecord], out: Path, clips: dict[str, NDArray], max_delay_seconds: float
) -> dict[str, tuple[str, ...]]:
    """Find the marks of each submission, by its name.

    Models that were trained apart make different errors, however good they are. So outputs are equal if they differ by
    much less than their errors, on all clips that both have, but for the ends, of which a delay has pushed one out.

    Args:
        records: records of all entries.
        out: folder of the grades, with the clips of each entry, which are normalised.
        clips: the clean recordings of these clips by name, `(time,)`.
        max_delay_seconds: longest delay that was removed.
    """
    end = round(max_delay_seconds * SAMPLE_RATE)
    targets = {name: _without_ends(normalised(clean, clean, 0.0)[1], end) for name, clean in clips.items()}
    outputs = {record.entry: _outputs(record, out, clips, end) for record in records}
    return {
        record.entry: tuple(
            f"{what}{EQUAL_THOSE_OF}{title(other)}"
            for other in records
            if other is not record
            and (what := _in_common(record, other, outputs[record.entry], outputs[other.entry], targets))
        )
        for record in records
        if record.kind == "submission"
    }


def _in_common(
    record: EntryRecord,
    other: EntryRecord,
    outputs: Mapping[str, NDArray],
    others: Mapping[str, NDArray],
    targets: Mapping[str, NDArray],
) -> str:
    """Name what two entries have in common, "" for nothing."""
    if _are_equal(outputs, others, targets):
        return "outputs"
    return "scores on hidden recordings" if _score_equally(record, other) else ""


def _score_equally(record: EntryRecord, other: EntryRecord) -> bool:
    """Return True if two entries have the same scores on every hidden recording, and failed on none."""
    pairs = list(zip(record.recordings, other.recordings, strict=False))
    values = [(getattr(one, metric), getattr(two, metric)) for one, two in pairs for metric in METRICS]
    return (
        bool(pairs)
        and all(score.state == RecordingState.SCORED for pair in pairs for score in pair)
        and all(None not in pair and abs(pair[0] - pair[1]) <= MAX_SCORE_DIFFERENCE for pair in values)
    )


def title(record: EntryRecord) -> str:
    """Return what marks call an entry."""
    return f"the {record.title}" if record.kind == "reference" else record.title


def _outputs(record: EntryRecord, out: Path, clips: Iterable[str], end: int) -> dict[str, NDArray]:
    """Read the clips of an entry, without their ends; those on which it failed are missing."""
    paths = {} if record.refused is not None else {name: clip_path(out, record.hash, name) for name in clips}
    found = {name: path for name, path in paths.items() if path.is_file()}
    return {name: _without_ends(load(path)[0].numpy().astype(np.float64), end) for name, path in found.items()}


def _without_ends(samples: NDArray, end: int) -> NDArray:
    return samples[end : len(samples) - end]


def _are_equal(one: Mapping[str, NDArray], other: Mapping[str, NDArray], targets: Mapping[str, NDArray]) -> bool:
    common = one.keys() & other.keys()
    for name in common:
        pair = one[name], other[name]
        errors = min(np.square(each - targets[name]).sum() for each in pair)
        # Outputs that have nothing of the recording are scaled to near silence, where all are near one another.
        energies = min(np.square(each).sum() for each in pair)
        if np.square(pair[0] - pair[1]).sum() > MAX_DIFFERENCE * min(errors, energies):
            return False
    return bool(common)
