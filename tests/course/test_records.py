"""The log of a grading: nothing that was written is lost, whenever the grader was killed."""

import pytest

from milestones.instructor import records
from tests.course.records import record


@pytest.fixture
def log(tmp_path):
    return tmp_path / "results.jsonl"


def test_written_and_read(log):
    """Names in any script come back as they were, halves of characters too."""
    written = [record("ada"), record("李雷"), record("new\nline \udcff")]
    for each in written:
        records.append(log, each)
    assert records.read(log) == written


def test_no_log_yet(log):
    """A grading that has not begun has no records."""
    assert records.read(log) == []
    assert records.latest([]) == {}


@pytest.mark.parametrize("name", ["bob", "李雷"])
def test_killed_while_writing(log, name):
    """Wherever a kill cuts the last line off, the lines before it stay, and the next ones are not spoilt."""
    records.append(log, record("ada"))
    whole = log.read_bytes()
    records.append(log, record(name))
    last = log.read_bytes()[len(whole) :]
    for kept in (1, 2, 17, 25, len(last) // 2, len(last) - 2):
        log.write_bytes(whole + last[:kept])
        assert records.read(log) == [record("ada")]
        records.append(log, record("eve"))
        assert records.read(log) == [record("ada"), record("eve")]


def test_killed_before_the_end_of_the_line(log):
    """A record that lacks nothing but the end of its line counts."""
    records.append(log, record("ada"))
    log.write_bytes(log.read_bytes()[:-1])
    records.append(log, record("eve"))
    assert records.read(log) == [record("ada"), record("eve")]


def test_later_records_replace_earlier_ones():
    """Of the same submission and milestone; another milestone's record is another."""
    first, second, other = record(seed=1), record(seed=2), record(milestone=2)
    assert records.latest([first, other, second]) == {("ada", 1): second, ("ada", 2): other}
