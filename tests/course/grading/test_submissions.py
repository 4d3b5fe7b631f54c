"""The submissions of a class: which are found, and which stand in each other's way."""

import os

import pytest

from milestones.instructor.grading.submissions import find
from tests.course.grading.making import PACKAGE, write_folder, write_tar, write_zip


def names(folder):
    found, others = find(folder)
    return [each.name for each in found if not each.refused], [path.name for path in others]


def test_folders_archives_and_modules_are_found(tmp_path):
    """Hidden files and what a Mac leaves behind are not even told."""
    write_folder(tmp_path / "ada", PACKAGE)
    write_zip(tmp_path / "grace.ZIP", PACKAGE)
    write_tar(tmp_path / "edsger.tar.gz", PACKAGE, "w:gz")
    for file in ("linus_stft.py", "helpers.py", "notes.txt", "barbara.7z"):
        (tmp_path / file).write_bytes(b"")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "ada")
    (tmp_path / "link.zip").symlink_to(tmp_path / "grace.ZIP")
    os.mkfifo(tmp_path / "pipe.zip")
    found = ["ada", "barbara", "edsger", "grace", "linus_stft"]
    assert names(tmp_path) == (found, ["helpers.py", "link", "link.zip", "notes.txt", "pipe.zip"])


@pytest.mark.parametrize("pair", [("zo\u00eb", "zoe\u0308"), ("ada", "ADA"), ("stra\u00dfe", "STRASSE")])
def test_names_that_others_take_for_the_same_stop_the_pair(tmp_path, pair):
    for name in (*pair, "grace"):
        write_folder(tmp_path / name, PACKAGE)
    found, _ = find(tmp_path)
    refused = {each.name: each.refused for each in found if each.refused}
    assert set(refused) == set(pair) and names(tmp_path)[0] == ["grace"]
    assert all(repr(name) in reason for reason in refused.values() for name in pair)


def test_a_folder_and_an_archive_of_one_name_stop_each_other(tmp_path):
    write_folder(tmp_path / "ada", PACKAGE)
    write_zip(tmp_path / "ada.zip", PACKAGE)
    (submission,), _ = find(tmp_path)
    assert submission.refused == "expected one submission of each name, got 'ada', 'ada.zip'"


def test_an_archive_that_is_not_read_stops_nobody(tmp_path):
    write_zip(tmp_path / "ada.zip", PACKAGE)
    (tmp_path / "ada.rar").write_bytes(b"")
    assert names(tmp_path) == (["ada"], ["ada.rar"])


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: expected a folder of submissions, got none"):
        find(tmp_path / "nowhere")
