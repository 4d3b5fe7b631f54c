"""Submissions as students hand them in: what lies beside the package costs nothing, and every choice is told."""

import io
import os
import zipfile

import pytest

from milestones.instructor.grading import archives
from tests.course.grading.making import (
    MODULES,
    PACKAGE,
    read,
    refusal,
    taken,
    under,
    write_folder,
    write_tar,
    write_zip,
)

OTHER = MODULES | {"stft.py": b"other"}
BESIDE = {
    "Mac": {"__MACOSX/speech_enhancement/._stft.py": b"\0", "speech_enhancement/.DS_Store": b"\0", "Icon\r": b""},
    "Mac within the package": {"speech_enhancement/._stft.py": b"\0", "speech_enhancement/Icon\r": b""},
    "time in a name": {"Screenshot at 10:15:00.png": b""},
    "two cases": {"README.md": b"1", "Readme.md": b"2"},
    "built by pip": under("build/lib/speech_enhancement", OTHER),
    "environment": under(".venv/lib/python3.11/site-packages/speech_enhancement", OTHER),
    "another environment": under("env/Lib/site-packages/speech_enhancement", OTHER),
    "checkpoints": {
        "speech_enhancement/.ipynb_checkpoints/stft-checkpoint.py": b"",
        "speech_enhancement/__pycache__/x.py": b"",
    },
    "repository": under(".git/speech_enhancement", OTHER),
    "stray archives": {"data.zip": b"no archive", "report.rar": b"Rar!"},
}


def zipped(files):
    return write_zip(io.BytesIO(), files).getvalue()


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE.keys())
@pytest.mark.parametrize("write", [write_folder, write_zip], ids=["folder", "zip"])
def test_what_lies_beside_costs_nothing(tmp_path, write, beside):
    assert taken(write(tmp_path / ("ada.zip" if write is write_zip else "ada"), PACKAGE | beside)) == MODULES


def test_windows_archive(tmp_path):
    """Back slashes separate folders; a name in Shift-JIS may end in the byte of one."""
    files = {name.replace("/", "\\"): content for name, content in under("ada", PACKAGE).items()}
    path = write_zip(tmp_path / "ada.zip", files | {"ada\\speech_enhancement\\": b"", "XXXXXX.txt": b""})
    path.write_bytes(path.read_bytes().replace(b"XXXXXX.txt", "報告表".encode("shift_jis") + b".txt"))
    assert taken(path) == MODULES


def test_many_files_beside_cost_nothing(tmp_path):
    assert (
        taken(write_zip(tmp_path / "a.zip", PACKAGE | {f"notes/{number}.py": b"" for number in range(11_000)}))
        == MODULES
    )


def test_a_project_with_the_name_of_the_package(tmp_path):
    project = {**PACKAGE, "tests/milestone1/test_stft.py": b"", "README.md": b""}
    assert taken(write_zip(tmp_path / "ada.zip", under("speech_enhancement", project))) == MODULES
    assert taken(write_folder(tmp_path / "ada", under("speech_enhancement", project))) == MODULES


@pytest.mark.parametrize(
    "place", ["old/speech_enhancement", "speech_enhancement (1)", "speech_enhancement/speech_enhancement"]
)
def test_two_packages(tmp_path, place):
    """Equal ones are one, and one that has less is a part of the other; different ones are both named."""
    assert taken(write_zip(tmp_path / "equal.zip", PACKAGE | under(place, MODULES))) == MODULES
    assert taken(write_zip(tmp_path / "less.zip", PACKAGE | {f"{place}/stft.py": MODULES["stft.py"]})) == MODULES
    reason = refusal(write_zip(tmp_path / "other.zip", PACKAGE | under(place, OTHER)))
    assert "expected one folder speech_enhancement, got different modules in" in reason
    assert f"'{place}'" in reason and "'speech_enhancement'" in reason


def test_different_loose_modules_are_refused(tmp_path):
    path = write_folder(tmp_path / "ada", under("first", MODULES) | under("second", OTHER))
    assert "got different modules in 'first' and 'second'" in refusal(path)


def test_modules_beside_the_package_are_told(tmp_path):
    result = read(write_folder(tmp_path / "ada", PACKAGE | {"backup/stft.py": b"older"}))
    assert result.files["stft.py"].encode() == MODULES["stft.py"]
    assert result.notes == ("'speech_enhancement' was graded, and not 'backup/stft.py'",)


def test_archive_in_a_folder(tmp_path):
    """Notebooks and stray files may lie beside it, as nbgrader and mail programs leave them."""
    beside = {"milestone1.ipynb": b"{}", "mine.py": b"", "data.zip": b"no archive", "old.7z": b"7z"}
    path = write_folder(tmp_path / "ada", under("milestone1", {"submission.zip": zipped(PACKAGE), **beside}))
    assert taken(path) == MODULES
    (note,) = read(path).notes
    assert note.startswith("not graded: milestone1/data.zip: expected a submission that can be read")


def test_archive_in_an_archive(tmp_path):
    once = {"submission.zip": zipped(PACKAGE), "milestone1.ipynb": b"{}"}
    twice = {"ada/ada.zip": zipped(once)}
    assert taken(write_zip(tmp_path / "once.zip", once)) == MODULES
    assert taken(write_tar(tmp_path / "twice.tar", twice)) == MODULES
    assert "got none" in refusal(write_zip(tmp_path / "often.zip", {"a.zip": zipped(twice)}))


def test_a_large_archive_in_an_archive_is_not_read(tmp_path, monkeypatch):
    """It is held in memory."""
    monkeypatch.setattr(archives, "MAX_BYTES", 100)
    path = write_zip(tmp_path / "ada.zip", {"submission.zip": zipped(PACKAGE)})
    assert refusal(path).startswith("submission.zip: expected at most 0 MB for an archive within another")


def test_archive_beside_the_package(tmp_path):
    path = write_folder(tmp_path / "ada", PACKAGE | {"submission.zip": zipped(under("speech_enhancement", OTHER))})
    assert taken(path) == MODULES
    assert read(path).notes == ("'speech_enhancement' was graded, and not 'submission.zip'",)


def test_newest_of_two_archives(tmp_path):
    """The number of a second download decides where the times do not."""
    path = write_folder(tmp_path / "ada", {"submission.zip": zipped(under("speech_enhancement", OTHER))})
    write_folder(path, {"submission (1).zip": zipped(PACKAGE)})
    for first, second, expected in ((1e9, 1e9 + 9, MODULES), (1e9, 1e9, MODULES), (1e9 + 9, 1e9, OTHER)):
        os.utime(path / "submission.zip", (first, first))
        os.utime(path / "submission (1).zip", (second, second))
        assert taken(path) == expected
    assert read(path).notes == ("'submission.zip' was graded, since it is newer than 'submission (1).zip'",)
    (path / "submission.zip").write_bytes(b"PK\x03\x04 cut off")
    assert taken(path) == MODULES


def test_the_last_download_of_an_archive(tmp_path):
    """In an archive without times, numbers decide; what lies in deeper folders is older work."""
    other = zipped(under("speech_enhancement", OTHER))
    names = ("submission.zip", "submission (9).zip", "submission (10).zip", "old/submission.zip")
    files = {name: zipped(PACKAGE) if "10" in name else other for name in names}
    assert taken(write_zip(tmp_path / "ada.zip", files)) == MODULES


def test_more_copies_than_anybody_has_are_refused(tmp_path):
    path = write_zip(tmp_path / "ada.zip", {f"{number}/speech_enhancement/stft.py": b"" for number in range(9)})
    assert refusal(path) == "ada.zip: expected one folder speech_enhancement, got 9"


def test_a_folder_within_loose_modules_is_theirs(tmp_path):
    files = MODULES | {"filters/data.py": b"x = 1\n"}
    assert taken(write_folder(tmp_path / "ada", files)) == files


def test_archives_of_two_assignments_are_refused(tmp_path):
    other = zipped(under("speech_enhancement", OTHER))
    path = write_folder(tmp_path / "ada", {"milestone1/a.zip": zipped(PACKAGE), "milestone2/a.zip": other})
    assert "got different modules in" in refusal(path)


def test_modules_renamed_by_a_learning_management_system(tmp_path):
    files = {f"student_123_456_{name}": content for name, content in {"stft.py": b"1", "masking.py": b"2"}.items()}
    result = read(write_folder(tmp_path / "ada", files | {"test_1_metrics.py": b""}))
    assert (result.files["stft.py"], result.files["masking.py"]) == ("1", "2") and "metrics.py" not in result.files
    assert "'student_123_456_stft.py' was graded as stft.py" in result.notes


def test_links_beside_loose_modules_are_not_told(tmp_path):
    path = write_folder(tmp_path / "ada", MODULES)
    (path / "python").symlink_to("/usr/bin/python")
    assert read(path).notes == ()


@pytest.mark.parametrize("name", ["stft (1).py", "stft-1.py", "stft copy 2.py", "stft - Kopie.py", "STFT.py"])
def test_names_of_a_second_copy(tmp_path, name):
    result = read(write_folder(tmp_path / "ada", {f"speech_enhancement/{name}": b"1"}))
    assert result.files["stft.py"] == "1" and result.notes == (f"'{name}' was graded as stft.py",)


def test_second_download_of_a_module(tmp_path):
    """It is the module where there is no other; two that differ are refused."""
    renamed = {"speech_enhancement/masking.py": b"", "speech_enhancement/stft (1).py": b"1"}
    result = read(write_zip(tmp_path / "a.zip", renamed))
    assert result.files["stft.py"] == "1" and result.notes == ("'stft (1).py' was graded as stft.py",)
    result = read(write_zip(tmp_path / "b.zip", renamed | {"speech_enhancement/stft.py": b"2"}))
    assert result.files["stft.py"] == "2"
    assert result.notes == ("'stft (1).py': not graded, since stft.py lies beside it",)
    reason = refusal(write_zip(tmp_path / "c.zip", renamed | {"speech_enhancement/stft (2).py": b"2"}))
    assert "expected one stft.py, got different ones in 'stft (1).py', 'stft (2).py'" in reason


def test_a_single_module(tmp_path):
    (tmp_path / "ada_stft.py").write_bytes(b"1")
    result = read(tmp_path / "ada_stft.py")
    assert result.files == {"stft.py": "1"} and result.notes == ("'ada_stft.py' was graded as stft.py",)


def test_kinds_of_archives_that_are_not_read(tmp_path):
    (tmp_path / "ada.rar").write_bytes(b"Rar!\x1a\7\1\0")
    path = write_folder(tmp_path / "ben", {"submission.7z": b"7z\xbc\xaf"})
    for each in (tmp_path / "ada.rar", path):
        assert "expected an archive with the ending .zip, .tar, " in refusal(each)


@pytest.mark.parametrize("is_beside", [True, False])
def test_a_password(tmp_path, is_beside):
    """It is asked for only where the package has one."""
    files = {"secret.txt": b"1"} if is_beside else {}
    path = write_zip(tmp_path / "a.zip", files | PACKAGE, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    if is_beside:
        assert taken(path) == MODULES
    else:
        assert "expected files without a password, got 'speech_enhancement/__init__.py'" in refusal(path)
