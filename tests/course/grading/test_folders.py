"""Folders as submissions: nothing in them is followed, waited for, or able to end the grading."""

import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from milestones.instructor.grading import folders, packages
from tests.course.grading.making import COURSE, MODULES, PACKAGE, read, refusal, taken, write_folder


def bind_socket(path):
    """Make a socket; the system limits the length of its path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)
        socket.socket(socket.AF_UNIX).bind(path.name)


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, bind_socket], ids=["link", "pipe", "socket"]
)
def test_a_link_or_device_is_left_out(tmp_path, make):
    path = write_folder(tmp_path / "ada", PACKAGE)
    make(path / "speech_enhancement" / "masking.py")
    make(path / "submission.zip")
    result = read(path)
    assert set(result.files) == set(MODULES)
    (note,) = result.notes
    assert note.startswith("'speech_enhancement/masking.py': expected a regular file, got a link or device")


def test_the_package_may_not_be_a_link(tmp_path):
    write_folder(tmp_path / "grace", PACKAGE)
    path = write_folder(tmp_path / "ada", {"README.md": b""})
    (path / "speech_enhancement").symlink_to(tmp_path / "grace" / "speech_enhancement")
    assert "got a link or device, 'speech_enhancement'" in refusal(path)


@pytest.mark.parametrize("swapped", ["speech_enhancement/stft.py", "speech_enhancement"])
def test_a_file_that_becomes_a_link_while_it_is_read(tmp_path, swapped):
    secret = write_folder(tmp_path / "grace", {"stft.py": b"secret"})
    folder = folders.Folder(write_folder(tmp_path / "ada", PACKAGE))
    (tmp_path / "ada" / swapped).rename(tmp_path / "before")
    (tmp_path / "ada" / swapped).symlink_to(secret / "stft.py" if swapped.endswith(".py") else secret)
    package = packages.find_package(folder, COURSE)
    folder.close()
    assert b"secret" not in package.files.values() and "stft.py" not in package.files
    assert any("'speech_enhancement/stft.py': expected a file that can be read" in note for note in package.notes)


def test_a_file_that_becomes_a_pipe_while_it_is_read(tmp_path):
    """Opening it does not wait."""
    folder = folders.Folder(write_folder(tmp_path / "ada", PACKAGE))
    (tmp_path / "ada" / "speech_enhancement" / "stft.py").unlink()
    os.mkfifo(tmp_path / "ada" / "speech_enhancement" / "stft.py")
    assert "stft.py" not in packages.find_package(folder, COURSE).files
    folder.close()


@pytest.fixture
def deep_folder(tmp_path):
    """A folder that pytest could not remove, since a function that calls itself does not come so deep."""
    path = write_folder(tmp_path / "ada", PACKAGE)
    yield path
    subprocess.run(["rm", "-r", path], check=True)


@pytest.mark.parametrize(("name", "depth"), [("d", 1500), ("d" * 250, 20)])
def test_a_deep_folder(deep_folder, name, depth):
    """A path may be longer than the system takes."""
    descriptor = os.open(deep_folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    assert taken(deep_folder) == MODULES
    folder = folders.Folder(deep_folder)
    folder.close()
    assert max(len(entry.parts) for entry in folder.entries) <= 40


def test_names_that_are_no_text(tmp_path):
    path = write_folder(tmp_path / "ada", PACKAGE | {b"\xff\xfe.txt".decode(errors="surrogateescape"): b""})
    assert taken(path) == MODULES


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MAX_ENTRIES", 10)
    path = write_folder(tmp_path / "ada", PACKAGE | {f"{number}.txt": b"" for number in range(10)})
    assert refusal(path) == "ada: expected at most 10 files, got more"


@pytest.fixture
def folder_of_an_account():
    """A folder of an account that permissions bind, as which this process acts; the superuser may read everything."""
    user = os.geteuid() or 65534
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user, -1)
        before = os.geteuid()
        os.seteuid(user)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("speech_enhancement", "got none ('speech_enhancement' cannot be read: Permission denied)"),
        ("", "expected a submission that can be read, got PermissionError: Permission denied"),
    ],
)
def test_a_package_that_cannot_be_read(folder_of_an_account, closed, expected):
    folder = write_folder(folder_of_an_account / "ada", PACKAGE)
    (folder / closed).chmod(0)
    assert refusal(folder).endswith(expected)
    (folder / closed).chmod(0o700)


def test_files_that_cannot_be_read(folder_of_an_account):
    """One of the package is left out, and all others cost nothing."""
    folder = write_folder(folder_of_an_account / "ada", PACKAGE | {"notes/a.txt": b""})
    closed = [folder / "notes", folder / "speech_enhancement" / "stft.py"]
    for path in closed:
        path.chmod(0)
    result = read(folder)
    assert set(result.files) == set(MODULES) - {"stft.py"}
    left_out = "expected a file that can be read, got: Permission denied; it was left out"
    assert result.notes == (f"'speech_enhancement/stft.py': {left_out}",)
    closed[0].chmod(0o700)
