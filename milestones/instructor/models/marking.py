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
"""Energy of the difference of two outputs that count as equal, relative to that of their errors."""

MAX_SCORE_DIFFERENCE = 0.002
"""Difference of two scores that count as equal; rounding to the type of the output makes less."""


def marks(
    records: Sequence[EntryRecord], out: Path, clips: dict[str, NDArray], max_delay_seconds: float
) -> dict[str, tuple[str, ...]]:
    """Find the marks of each submission, by its name.

    Models that were trained apart make different errors, however good they are. So outputs are equal if they differ by
    much less than their errors, on all clips, but for the ends, of which a delay has pushed one out.

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
            f"{what} equal those of {_title(other)}"
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


def _title(record: EntryRecord) -> str:
    return f"the {record.title}" if record.kind == "reference" else record.title


def _outputs(record: EntryRecord, out: Path, clips: Iterable[str], end: int) -> dict[str, NDArray]:
    """Read the clips of an entry, without their ends; none if it failed on one of them."""
    paths = {name: clip_path(out, record.hash, name) for name in clips}
    if record.refused is not None or not all(path.is_file() for path in paths.values()):
        return {}
    return {name: _without_ends(load(path)[0].numpy().astype(np.float64), end) for name, path in paths.items()}


def _without_ends(samples: NDArray, end: int) -> NDArray:
    return samples[end : len(samples) - end]


def _are_equal(one: Mapping[str, NDArray], other: Mapping[str, NDArray], targets: Mapping[str, NDArray]) -> bool:
    if not (one and other):
        return False
    for name, target in targets.items():
        errors = min(np.square(each[name] - target).sum() for each in (one, other))
        if np.square(one[name] - other[name]).sum() > MAX_DIFFERENCE * errors:
            return False
    return True
