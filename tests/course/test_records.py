"""The log of a grading: no record is lost, even if the grader is killed, and malformed records are refused."""

import json
from dataclasses import replace

import pytest

from milestones.course import CourseError
from milestones.graded_tests import GradedTest, TestState
from milestones.instructor import records
from milestones.instructor.records import FailedImport, Job, JobEnd, JobResult
from tests.course.records import record


@pytest.fixture
def log(tmp_path):
    return tmp_path / "results.jsonl"


def test_written_and_read(log):
    """Names in any script come back as they were, lone surrogates too."""
    written = [record("ada"), record("李雷"), record("new\nline \udcff")]
    for each in written:
        records.append(log, each)
    assert records.read(log) == written


def test_the_format_of_a_line(log):
    """Logs are read by other versions and by instructors' own scripts, so entries and their order stay."""
    whole = record("ada", {"louder": "out of time"})
    records.append(log, replace(whole, tests=whole.tests[:1]))
    test = (
        '{"id": "test_gain.py::test_louder", "task": "1.1", "points": 2, "hidden": false, '
        '"sentence": "Each sample is multiplied.", "category": null, "hint": null, "state": "out of time", '
        '"message": "expected 2, got 3", "seconds": 0.02, "on_reference": false}'
    )
    assert log.read_text() == (
        f'{{"submission": "ada", "milestone": 1, "submission_hash": "{"5" * 64}", "tests_hash": "{"7" * 64}", '
        f'"environment_hash": "{"9" * 64}", "isolation": ["landlock 7", "seccomp"], "seed": 123, '
        f'"submitted": "2026-12-18T22:59:00+01:00", "refused": null, "notes": [], "tests": [{test}]}}\n'
    )


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda entries: entries.pop("seed"), "one without seed"),
        (lambda entries: entries["tests"][1].pop("on_reference"), "one without tests.on_reference"),
        (lambda entries: entries.update(grader="2"), "one with grader"),
        (lambda entries: entries.update(milestone="1"), "milestone = '1'"),
        (lambda entries: entries.update(isolation="none"), "isolation = 'none'"),
        (lambda entries: entries.update(submitted="yesterday"), "submitted = 'yesterday'"),
        (lambda entries: entries["tests"][2].update(state="lost"), "tests.state = 'lost'"),
        (lambda entries: entries["tests"][2].update(points="2"), "tests.points = '2'"),
        (lambda entries: entries.clear(), "one without environment_hash"),
    ],
)
def test_a_record_of_another_shape_is_named(log, change, got):
    """The message is one line with file, line and entry; the submission is not simply graded again."""
    for name in ("ada", "ben"):
        records.append(log, record(name))
    first, second = log.read_text().splitlines()
    entries = json.loads(second)
    change(entries)
    log.write_text(f"{first}\n{json.dumps(entries)}\n")
    with pytest.raises(CourseError) as caught:
        records.read(log)
    assert str(caught.value) == f"{log}:2: expected a record of this version of the grader, got {got}"


def test_what_crosses_a_pipe_comes_back():
    """A shape is one line of ASCII, lone surrogates in a submission's files included."""
    tests = (GradedTest("test_gain.py::test_louder", "1.1", 0.5, "It is louder.", None, None, 12),)
    failed = (FailedImport("gain", TestState.OUT_OF_TIME, "importing gain.py: took more than 20 s"),)
    job = Job(1, {"gain.py": "x = 'é\udcff'\n"}, 7, tests, "7" * 64, "9" * 64, 20, 60, False, failed_imports=failed)
    line = records.to_line(job)
    assert line.isascii() and "\n" not in line and records.from_line(Job, line) == job
    end = JobEnd(1.5, failed, "no memory")
    assert records.from_line(JobEnd, records.to_line(end)) == end
    result = JobResult.fault(job, "no memory")
    assert result.has_fault and result.tests[0].state is TestState.GRADER_FAULT


def test_states_are_text():
    """Reports, tables and JSON show the value of a state, in every version of Python."""
    for state in TestState:
        assert f"{state}" == f"{state:<1}" == str(state) == state.value == json.loads(json.dumps(state))


def test_no_log_yet(log):
    """A grading that has not begun has no records."""
    assert records.read(log) == []
    assert records.latest([]) == {}


@pytest.mark.parametrize("name", ["bob", "李雷"])
def test_killed_while_writing(log, name):
    """A kill may cut the last line off anywhere; earlier lines stay, and later ones are not spoilt."""
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
    """A record that lacks only the end of its line counts."""
    records.append(log, record("ada"))
    log.write_bytes(log.read_bytes()[:-1])
    records.append(log, record("eve"))
    assert records.read(log) == [record("ada"), record("eve")]


def test_later_records_replace_earlier_ones():
    """A record for another milestone is another one."""
    first, second, other = record(seed=1), record(seed=2), record(milestone=2)
    assert records.latest([first, other, second]) == {("ada", 1): second, ("ada", 2): other}
