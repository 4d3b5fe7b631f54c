"""The log of a grading of models, `models.jsonl`: an entry on each line, with its scores on every recording."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Literal, NamedTuple

from milestones.instructor import records
from milestones.model_terms import METRICS

LOG_NAME = "models.jsonl"
"""Name of the log, in the folder of the grades."""

CLIPS_FOLDER = "clips"
"""Folder of enhanced public recordings, in the folder of the grades."""


NOISY = "noisy recordings"
"""Title of the reference that does nothing."""


class RecordingState(str, Enum):
    """The outcome of a model on one recording; converted to text, it is its value."""

    SCORED = "scored"
    WRONG_OUTPUT = "wrong output"
    CRASH = "crash"
    TIME = "time"
    MEMORY = "memory"

    __str__ = str.__str__


@dataclass(frozen=True)
class RecordingScore:
    """The scores of a model on one recording.

    Attributes:
        recording: its name.
        si_sdr: decibels; None if it has no value.
        pesq: mean opinion score; None if it has no value.
        stoi: 0 to 1; None if it has no value.
        seconds: wall-clock time in which the model enhanced it.
        duration: of the recording, seconds.
        state: outcome; all but `SCORED` have no values.
        message: reason for each missing value; of a hidden recording without anything that the model's code has said.
    """

    recording: str
    si_sdr: float | None
    pesq: float | None
    stoi: float | None
    seconds: float
    duration: float
    state: RecordingState
    message: str

    @property
    def fault(self) -> str | None:
        """Name what makes it count with a worst value; None for a score that is complete."""
        if self.state != RecordingState.SCORED:
            return self.state.value
        missing = [name.upper().replace("_", "-") for name in METRICS if getattr(self, name) is None]
        return f"no {' and no '.join(missing)}" if missing else None


@dataclass(frozen=True)
class EntryRecord:
    """The grading of one entry, a model.

    Attributes:
        entry: its name, unique in the log.
        kind: "submission", or "reference" for a model that the grader adds.
        title: name in tables.
        hash: SHA-256 of its package and its weights; "" where it was refused.
        recordings_hash: of the hidden and the public recordings.
        environment_hash: see `fingerprints`.
        refused: reason why it was not graded, None if it was.
        notes: what was chosen or left out when it was read, for the student to read.
        parameters: numbers in the file of its weights.
        model_bytes: size of that file.
        real_time_factor: computing time over duration, of all scored hidden recordings; None without any.
        isolation: names of what confined the workers.
        recordings: scores on the hidden recordings.
        public: scores on the public recordings.
        marks: remarks for the instructor, such as "outputs equal those of the shipped model".
        submitted: time of handing in; None for a reference.
    """

    entry: str
    kind: Literal["submission", "reference"]
    title: str
    hash: str
    recordings_hash: str
    environment_hash: str
    refused: str | None
    notes: tuple[str, ...]
    parameters: int
    model_bytes: int
    real_time_factor: float | None
    isolation: tuple[str, ...]
    recordings: tuple[RecordingScore, ...]
    public: tuple[RecordingScore, ...]
    marks: tuple[str, ...]
    submitted: datetime | None


class Interval(NamedTuple):
    """A mean over recordings, and the ends of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Standing:
    """The place of an entry among the others.

    Attributes:
        entry: its name.
        rank: by the ranking metric, 1 for the best; equal for entries that cannot be told apart; None for a reference
            and for an entry without any scored recording, or not better than the noisy recordings.
        fast_rank: likewise among the entries under the fast real-time factor; None for the others too.
        points: by thresholds and ranks, without those of the report.
        means: of each metric; empty for an entry that was refused.
    """

    entry: str
    rank: int | None
    fast_rank: int | None
    points: float
    means: dict[str, Interval]


def append(path: Path, record: EntryRecord) -> None:
    """Add a record to a log, and wait until it is on the disk."""
    records.append(path, record)


def read(path: Path) -> dict[str, EntryRecord]:
    """Read the last record of each entry of a log, by name; none without the file.

    Raises:
        CourseError: a complete line is not a record; the message names the line.
    """
    return {record.entry: record for record in records.read(path, EntryRecord)}


def reference_name(title: str) -> str:
    """Name of a reference, which no folder or archive of a student can have."""
    return f"reference/{title}"


def clip_path(grades: Path, submission_hash: str, recording: str) -> Path:
    """Path of an entry's enhanced version of a public recording."""
    return grades / CLIPS_FOLDER / submission_hash[:16] / f"{recording}.flac"
