"""The log of entries comes back as it was written, and a malformed one is refused."""

import json

import pytest

from milestones.course import CourseError
from milestones.instructor.models import records
from milestones.instructor.models.records import RecordingState
from tests.course.models.entries import entry, failed, score


@pytest.fixture
def log(tmp_path):
    return tmp_path / records.LOG_NAME


def test_written_and_read(log):
    """The last record of an entry counts, whatever its name and whatever has no value."""
    records.append(log, entry("ada"))
    written = [
        entry("ada", [score(), score("two", pesq=None), failed("three", RecordingState.TIME)]),
        entry("李雷", refused="expected a zip archive, got none", hash="", recordings=(), real_time_factor=None),
        entry("shipped", kind="reference", submitted=None, marks=("outputs equal those of ada",)),
    ]
    for each in written:
        records.append(log, each)
    assert records.read(log) == {each.entry: each for each in written}


def test_no_log_holds_no_records(log):
    assert records.read(log) == {}


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda entries: entries.pop("hash"), "one without hash"),
        (lambda entries: entries.update(kind="winner"), "kind = 'winner'"),
        (lambda entries: entries.update(submitted="yesterday"), "submitted = 'yesterday'"),
        (lambda entries: entries.update(real_time_factor="fast"), "real_time_factor = 'fast'"),
        (lambda entries: entries["recordings"][0].update(state="lost"), "recordings.state = 'lost'"),
        (lambda entries: entries["recordings"][0].update(pesq="4.5"), "recordings.pesq = '4.5'"),
    ],
)
def test_a_record_of_another_shape_is_named(log, change, got):
    records.append(log, entry())
    entries = json.loads(log.read_text())
    change(entries)
    log.write_text(f"{json.dumps(entries)}\n")
    with pytest.raises(CourseError) as caught:
        records.read(log)
    assert str(caught.value) == f"{log}:1: expected a record of this version of the grader, got {got}"
