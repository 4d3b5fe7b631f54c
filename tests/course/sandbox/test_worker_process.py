"""Workers and what they leave: each call runs in a worker of its own, and the next one must find nothing of it."""

import os
import signal

import pytest

from milestones.graded_tests import TestState
from milestones.instructor.sandbox import confinement, fork_server, scratch
from milestones.instructor.sandbox.failures import WorkerStopped
from milestones.instructor.sandbox.removal import NotEmptied
from milestones.instructor.sandbox.worker_client import WorkerClient
from milestones.instructor.sandbox.worker_launcher import WorkerLauncher, WorkerSettings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp"),
]

SUBMISSION = """
import mmap, os, threading, time
from pathlib import Path

def left():
    return [name for folder in (".", "../tests") for name in os.listdir(folder)] + [
        name for name in ("file", "folder") if os.path.exists(f"/dev/shm/{name}")]

def leave_locked_folders():
    os.makedirs("a/b")
    for path in ("a/b/c", "../tests/c", "/dev/shm/folder"):
        try:
            os.mkdir(path, 0o300)
            Path(path, "file").write_text("hidden inputs")
        except PermissionError:
            assert path.startswith("/dev/shm")
    os.umask(0o777)
    os.mkdir("d")
    Path("/dev/shm/file").write_text("hidden inputs")

def leave_a_child_that_writes():
    if os.fork() == 0:
        for number in range(10**9):
            Path(f"file{number % 1000}").write_text("hidden inputs")

def many_threads():
    threading.stack_size(2**16)
    for _ in range(2000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

def some_threads():
    for _ in range(100):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(0.3)
    return True

def many_processes():
    for _ in range(24):
        if os.fork() == 0:
            break
    time.sleep(60)

def many_zombies():
    for _ in range(24):
        if os.fork() == 0:
            os._exit(0)
    time.sleep(60)

def memory_of_children():
    for _ in range(4):
        if os.fork() == 0:
            kept = bytearray(200 * 2**20)
            kept[:: 4096] = bytes(len(kept[:: 4096]))
            time.sleep(60)
    time.sleep(60)

def many_names_in_shared_memory():
    for number in range(10_000):
        os.close(os.open(f"/dev/shm/{number}", os.O_CREAT | os.O_WRONLY))
    time.sleep(60)

def deleted_files():
    kept, block = [], bytes(2**20)
    for _ in range(12):
        file = os.open("file", os.O_CREAT | os.O_RDWR)
        for _ in range(60):
            os.write(file, block)
        kept.append(mmap.mmap(file, 4096))
        os.unlink("file")
        os.close(file)
    time.sleep(60)

def move(path):
    moved = []
    for other in ("../gone", "gone", "../home/gone", "../tests/gone"):
        try:
            os.rename(path, other)
            moved.append(other)
        except OSError:
            pass
    return moved

def write_among_the_files_of_a_test():
    Path("new").write_text("1")
    os.replace("new", "../tests/new")
    os.mkdir("../tests/folder")
    os.rename("../tests/folder", "../tests/other")
    os.rmdir("../tests/other")
    return sorted(os.listdir("../tests"))

def cores():
    try:
        os.sched_setaffinity(0, range(os.cpu_count()))
    except PermissionError:
        pass
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, bytes(sorted(os.sched_getaffinity(0))))
        os._exit(0)
    return [sorted(os.sched_getaffinity(0)), list(os.read(reading, 100))]
"""


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "package" / "speech_enhancement").mkdir(parents=True)
    (folder / "scratch").mkdir()
    (folder / "package" / "speech_enhancement" / "stft.py").write_text(SUBMISSION)
    launcher = WorkerLauncher(folder / "package", folder / "scratch", memory_mebibytes=512)
    yield launcher
    launcher.close()


@pytest.fixture
def run(launcher):
    """Function that calls a function of the submission in a worker of its own."""

    def run_once(name, *arguments, allow_fork=False, memory_mebibytes=512):
        worker = WorkerClient(launcher, WorkerSettings(20, memory_mebibytes))
        worker.begin_test(allow_fork, seconds=20)
        try:
            return worker.call(f"stft.{name}", arguments, {})
        finally:
            worker.discard()

    return run_once


@pytest.mark.parametrize("leave", ["leave_locked_folders", "leave_a_child_that_writes"])
def test_nothing_is_left_for_the_next_worker(run, leave):
    run(leave, allow_fork=True)
    assert run("left") == []


EXCESSES = {
    "many_threads": (TestState.CRASHED, "started more than 128 threads"),
    "many_processes": (TestState.CRASHED, "started more than 16 processes"),
    "many_zombies": (TestState.CRASHED, "started more than 16 processes"),
    "memory_of_children": (TestState.OUT_OF_MEMORY, "its processes took more than 640 MB together"),
    "deleted_files": (TestState.CRASHED, "kept more than 512 MB in deleted files"),
}


@pytest.mark.parametrize("function", EXCESSES)
def test_a_worker_that_takes_too_much_is_stopped(run, function):
    with pytest.raises(WorkerStopped) as stopped:
        run(function, allow_fork=True)
    assert (stopped.value.state, str(stopped.value)) == EXCESSES[function]


def test_there_is_room_for_few_names_in_shared_memory(run, launcher):
    with pytest.raises((OSError, WorkerStopped), match=r"No space left|wrote more than"):
        run("many_names_in_shared_memory")
    assert run("left") == []


def test_as_many_threads_as_honest_code_may_have(run):
    assert run("some_threads", memory_mebibytes=2048)


@pytest.mark.parametrize("folder", ["../tests", "../home", "../../scratch"])
def test_folders_of_tests_stay_where_they_are(run, folder):
    assert run("move", folder) == []


def test_files_of_a_test_may_be_replaced(run):
    assert run("write_among_the_files_of_a_test") == ["new"]


def test_workers_and_their_children_keep_to_the_servers_cores(run, launcher):
    (expected,) = {frozenset(os.sched_getaffinity(launcher.process.pid))}
    core = min(expected)
    os.sched_setaffinity(launcher.process.pid, {core})
    try:
        assert run("cores", allow_fork=True) == [[core], [core]]
    finally:
        os.sched_setaffinity(launcher.process.pid, expected)


@pytest.fixture
def left(monkeypatch):
    """Let a folder seem as if something in it could not be removed, once."""

    def empty(folder):
        monkeypatch.undo()
        raise NotEmptied(str(folder))

    monkeypatch.setattr(scratch, "empty", empty)


def test_a_place_that_cannot_be_emptied_is_replaced(run, launcher, left):
    before = launcher.process.pid
    (launcher.scratch / scratch.TESTS / "of the last submission").write_text("hidden inputs")
    assert run("left") == [] and launcher.process.pid != before
    assert run("write_among_the_files_of_a_test") == ["new"]


def test_a_fork_server_that_cannot_end_a_worker_is_replaced(run, launcher, monkeypatch):
    before, ask = launcher.process.pid, launcher._ask
    with monkeypatch.context() as patch:
        patch.setattr(launcher, "_ask", lambda *order: ask(*order) | {"left": "a process that does not end"})
        run("left")
    assert launcher.process.pid != before and run("left") == []


def test_a_process_that_does_not_end_is_named(monkeypatch):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.pause()
    os.setpgid(pid, pid)
    with monkeypatch.context() as patch:
        patch.setattr(fork_server, "_SECONDS_TO_END", 0.01)
        with pytest.raises(NotEmptied, match=f"process group {pid}: expected it to end within 0.01 s, got more"):
            fork_server._reap_group(pid)
    os.kill(pid, signal.SIGKILL)
    fork_server._reap_group(pid)
