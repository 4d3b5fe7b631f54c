"""The entries of a grading: the submissions of a class, and the references that are graded beside them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from milestones.course import PACKAGE, ROOT
from milestones.instructor.grading.reading import Reading
from milestones.instructor.grading.submissions import Submission
from milestones.instructor.models.archive import ModelReading, hash_of, read_apart
from milestones.instructor.models.records import NOISY, EntryRecord, reference_name
from speech_enhancement.evaluation.scoring import ABOVE_50_HZ
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.registry import build

CLASSICAL = ("wiener", "log-mmse")
"""Systems without training that take part as references."""

SHIPPED = "shipped model"
"""Title of the model that comes with the package."""


@dataclass(frozen=True)
class Entry:
    """A model to grade.

    Attributes:
        record: its record without results.
        files: sources of its package, by path within the package.
        weights: its file of weights; None for a reference without a model.
        method: function that enhances samples `(time,)` for a reference without a model, None for others.
    """

    record: EntryRecord
    files: dict[str, str]
    weights: Path | None
    method: Callable[[NDArray], NDArray] | None = None


def read_submissions(found: Sequence[Submission], folder: Path, mebibytes: int) -> Iterator[Entry]:
    """Read the submissions of a class.

    Args:
        found: the submissions.
        folder: folder for their weights.
        mebibytes: most that an archive may take.
    """
    for number, submission in enumerate(tqdm(found, desc="reading", unit="submission")):
        weights = folder / f"{number}.safetensors"
        if submission.refused is None:
            made = read_apart(submission.path, weights, mebibytes)
        else:
            made = ModelReading(Reading.refusal(submission.path, submission.refused))
        submitted = datetime.fromtimestamp(made.reading.submitted, tz=timezone.utc)
        record = _record(submission.name, "submission", submission.name, made)
        yield Entry(replace(record, submitted=submitted), made.reading.files, weights)


def references(folder: Path) -> Iterator[Entry]:
    """Make the references: doing nothing with and without rumble, classical systems, the model of the package.

    Args:
        folder: folder for their weights.
    """
    package = ROOT / PACKAGE
    files = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in sorted(package.rglob("*.py"))}
    for title, method in ((NOISY, lambda noisy: noisy), (ABOVE_50_HZ, _without_rumble)):
        made = ModelReading(Reading({}, 0.0, None), title)
        yield Entry(_record(reference_name(title), "reference", title, made), {}, None, method)
    systems = {system.title: system for system in map(build, CLASSICAL)} | {SHIPPED: load_model()}
    for number, (title, system) in enumerate(systems.items()):
        weights = folder / f"reference {number}.safetensors"
        system.save(weights, epoch=0)
        content, reading = weights.read_bytes(), Reading(files, 0.0, None)
        numbers = sum(tensor.numel() for tensor in system.state_dict().values())
        made = ModelReading(reading, hash_of(reading, content), numbers, len(content))
        yield Entry(_record(reference_name(title), "reference", title, made), files, weights)


def _without_rumble(noisy: NDArray) -> NDArray:
    return remove_rumble(torch.from_numpy(noisy)).numpy()


def _record(name: str, kind: Literal["submission", "reference"], title: str, made: ModelReading) -> EntryRecord:
    """Make the record of an entry before it is graded."""
    return EntryRecord(
        entry=name,
        kind=kind,
        title=title,
        hash=made.hash,
        recordings_hash="",
        environment_hash="",
        refused=made.reading.refused,
        notes=made.reading.notes,
        parameters=made.parameters,
        model_bytes=made.model_bytes,
        real_time_factor=None,
        isolation=(),
        recordings=(),
        public=(),
        marks=(),
        submitted=None,
    )
