"""The time of handing in: nbgrader's, where only nbgrader writes it, or that of the newest file."""

import os
from datetime import datetime, timezone

import pytest

from milestones.instructor.grading import handing_in
from tests.course.grading.making import PACKAGE, read, under, write_folder, write_zip

STAMP = {"timestamp.txt": b"2026-03-01 12:30:00.000000 UTC"}


def submitted(path):
    return datetime.fromtimestamp(read(path).submitted, tz=timezone.utc)


def set_times(path, seconds):
    for each in (path, *path.rglob("*")):
        os.utime(each, (seconds, seconds))


@pytest.mark.parametrize("files", [PACKAGE | STAMP, under("milestone1", PACKAGE | STAMP)])
def test_time_that_nbgrader_writes(tmp_path, files):
    assert submitted(write_folder(tmp_path / "ada", files)) == datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "files",
    [
        PACKAGE | under("speech_enhancement", STAMP),
        under("milestone1", PACKAGE | under("mine", STAMP)),
        under("milestone1", PACKAGE) | under("a", STAMP),
    ],
    ids=["in the package", "too deep", "beside"],
)
def test_time_that_a_student_may_have_written(tmp_path, files):
    path = write_folder(tmp_path / "ada", files)
    set_times(path, 1.8e9)
    assert submitted(path).timestamp() == 1.8e9


def test_time_within_an_archive_is_no_time(tmp_path):
    """The notebook beside it may be newer."""
    path = write_folder(tmp_path / "ada", {"milestone1.ipynb": b""})
    set_times(path, 1.9e9)
    for archive in (write_zip(path / "a.zip", PACKAGE | STAMP), write_zip(tmp_path / "ben.zip", PACKAGE | STAMP)):
        os.utime(archive, (1.8e9, 1.8e9))
    assert submitted(path).timestamp() == submitted(tmp_path / "ben.zip").timestamp() == 1.8e9


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "yesterday", "\0" * 5000])
def test_a_stamp_that_is_no_time(tmp_path, stamp):
    path = write_folder(tmp_path / "ada", PACKAGE | {"timestamp.txt": stamp.encode()})
    set_times(path, 1.8e9)
    assert submitted(path).timestamp() == 1.8e9


def test_time_of_the_newest_file(tmp_path):
    """What tools write later, such as a Mac's `.DS_Store`, does not make a submission late."""
    path = write_folder(tmp_path / "ada", PACKAGE | {".DS_Store": b""})
    for number, file in enumerate(sorted(path.rglob("*.py"))):
        os.utime(file, (1.7e9 - number, 1.7e9 - number))
    assert submitted(path).timestamp() == 1.7e9


@pytest.mark.parametrize("seconds", [-1e11, 3e11, 1e300, float("inf"), float("nan")])
def test_a_time_outside_of_the_calendar_does_not_count(tmp_path, seconds, monkeypatch):
    path = write_folder(tmp_path / "ada", PACKAGE)
    set_times(path, 1.8e9)
    folder = handing_in.Folder(path)
    object.__setattr__(folder.entries[-1], "modified", seconds)
    assert handing_in.of_folder(folder) == 1.8e9
    folder.close()
