"""Files and folders that appear whole or not at all."""

import errno
import resource
import signal

import pytest

from speech_enhancement.files.atomic import new_folder, replacing
from tests.package.conftest import tree


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "target.txt"
    path.write_text("old")
    return path


@pytest.fixture
def full_disk():
    """Limit files to 10 bytes: writing fails as on a full disk, with an error that names no file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def assert_is_untouched(target):
    assert target.read_text() == "old"
    assert tree(target.parent) == ["target.txt"]


def test_file_is_replaced(target):
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert tree(target.parent) == ["target.txt"]


def test_missing_source_is_reported_as_it_is(target, tmp_path):
    with pytest.raises(FileNotFoundError) as raised, replacing(target) as temporary:
        temporary.write_text((tmp_path / "source.txt").read_text())
    assert raised.value.filename == str(tmp_path / "source.txt")
    assert_is_untouched(target)


@pytest.mark.parametrize("error", [OSError("no route to the server"), BrokenPipeError(errno.EPIPE, "Broken pipe")])
def test_error_that_names_no_file_and_is_not_of_writing_passes(target, error):
    with pytest.raises(OSError) as raised, replacing(target) as temporary:
        temporary.write_text("new")
        raise error
    assert raised.value is error
    assert_is_untouched(target)


def test_full_disk(target, full_disk):
    with pytest.raises(OSError) as raised, replacing(target) as temporary:
        temporary.write_text("much more than ten bytes")
    assert str(raised.value) == f"{target}: could not be written: File too large"
    assert_is_untouched(target)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_that_fills_up_while_writing(target, code):
    with pytest.raises(OSError, match="target.txt: could not be written: ") as raised, replacing(target) as temporary:
        temporary.write_text("half")
        raise OSError(code, "no space")
    assert str(raised.value) == f"{target}: could not be written: no space"
    assert_is_untouched(target)


@pytest.mark.parametrize(("name", "reason"), [("missing/file", "No such file or directory"), ("", "Is a directory")])
def test_target_that_cannot_be_opened_or_renamed(tmp_path, name, reason):
    target = tmp_path / "folder" / name
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as raised, replacing(target) as temporary:
        temporary.write_text("new")
    assert str(raised.value) == f"{target}: could not be written: {reason}"
    assert tree(tmp_path) == []


def test_outer_target_is_not_blamed_for_the_inner_one(target, tmp_path):
    inner = tmp_path / "missing" / "file"
    with pytest.raises(OSError) as raised, replacing(target), replacing(inner) as temporary:
        temporary.write_text("new")
    assert str(raised.value).startswith(f"{inner}: could not be written")
    assert_is_untouched(target)


def test_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "new") as folder:
        (folder / "half").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".new.part").mkdir()
    (tmp_path / ".new.part" / "left by a killed process").touch()
    (tmp_path / "new").mkdir()
    with new_folder(tmp_path / "new") as folder:
        (folder / "whole").touch()
    assert tree(tmp_path) == ["new/whole"]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127 + "x", "y" * 249])
def test_names_as_long_as_the_disk_allows(tmp_path, name):
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert (tmp_path / name).read_text() == "new" and tree(tmp_path) == [name]
