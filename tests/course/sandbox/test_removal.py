"""Removal of what untrusted code may leave. All of it also runs as an ordinary account, for which modes matter."""

import mmap
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from milestones.instructor.sandbox import removal, shared_memory
from milestones.instructor.sandbox.removal import NotEmptied, empty, remove
from milestones.instructor.sandbox.shared_memory import SharedMemory

NOBODY = 65534


@pytest.fixture
def folder():
    """A folder that an ordinary account can reach, which tmp_path is not."""
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, *(NOBODY if os.getuid() == 0 else -1 for _ in range(2)))
    yield folder
    remove(folder)
    shutil.rmtree(folder, ignore_errors=True)


def without_rights(function):
    """Call a function in a process that has no rights beyond those of an ordinary account; True if it returns."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def locked_folders(folder):
    for number, mode in enumerate((0o000, 0o300, 0o500, 0o400, 0o100)):
        inner = folder / str(number) / "a" / "b"
        inner.mkdir(parents=True)
        (inner / "secret").write_text("hidden inputs")
        (inner / "folder").mkdir(mode)
        for each in (inner, inner.parent, inner.parent.parent):
            each.chmod(mode)


def deep_tree(folder):
    os.chdir(folder)
    for _ in range(2100):
        Path("d").mkdir(0o300)
        os.chdir("d")


def odd_names(folder):
    for name in (b"\xff\xfe", b"a\nb", b"-rf", b" ", b"x" * 255):
        inner = folder / os.fsdecode(name)
        inner.mkdir()
        (inner / inner.name).touch(0)


def no_rights_at_all(folder):
    (folder / "file").write_text("hidden inputs")
    folder.chmod(0)


@pytest.mark.parametrize("leave", [locked_folders, deep_tree, odd_names, no_rights_at_all])
def test_everything_goes(folder, leave):
    assert without_rights(lambda: leave(folder))
    assert without_rights(lambda: empty(folder))
    assert not list(folder.iterdir())


def test_links_are_not_followed(folder, tmp_path):
    (tmp_path / "kept").write_text("ours")
    (folder / "link").symlink_to(tmp_path)
    (folder / "a").mkdir()
    (folder / "a" / "link").symlink_to(tmp_path)
    empty(folder)
    remove(folder)
    assert not folder.exists() and (tmp_path / "kept").exists()


def test_what_is_left_is_named(folder, monkeypatch):
    def unlink(*arguments, **keywords):
        raise PermissionError(1, "Operation not permitted")

    (folder / "stays").write_text("")
    with monkeypatch.context() as patch:
        patch.setattr(removal.os, "unlink", unlink)
        with pytest.raises(NotEmptied, match="expected to be able to empty it, got .* for 'stays'"):
            empty(folder)


@pytest.fixture
def shared(folder, monkeypatch):
    """A folder in the place of `/dev/shm`, with a file of another program."""
    monkeypatch.setattr(shared_memory, "FOLDER", folder)
    (folder / "of another program").write_text("")
    return folder


def test_new_files_in_shared_memory_go(shared):
    memory = SharedMemory()
    (shared / "new").write_bytes(bytes(5000))
    (shared / "folder").mkdir(0o300)
    assert memory.usage() == (2, pytest.approx(2**13, abs=2**12))
    memory.clear()
    assert [path.name for path in shared.iterdir()] == ["of another program"] and memory.usage() == (0, 0)


def test_what_a_live_process_uses_stays(shared):
    """Another worker, perhaps, which has only just made it."""
    memory = SharedMemory()
    path = shared / "used"
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        memory.clear()
        assert path.exists()
    memory.clear()
    assert not path.exists()
