"""Processes that work on one file after another."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from speech_enhancement.files.failures import missing_task
from speech_enhancement.files.processes import ProcessDiedError, calls_in_order

pytestmark = pytest.mark.processes


def work(item):
    """Do what the item says, and a line on stderr."""
    print(f"working on {item}", file=sys.stderr)
    if item == "bad":
        raise ValueError("bad: expected audio")
    if item == "missing":
        raise FileNotFoundError(2, "No such file or directory", "missing")
    if item == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "ended":
        os._exit(3)
    if item == "bug":
        raise TypeError("a bug")
    return item, os.getpid()


def outcomes(items, n_processes):
    """The result or the error of each item."""
    for call in calls_in_order(work, items, n_processes):
        try:
            yield call()[0]
        except (ValueError, OSError, TypeError) as error:
            yield type(error), str(error)


@pytest.mark.parametrize("n_processes", [1, 2, 9])
def test_results_errors_and_messages_come_in_the_order_of_the_items(n_processes, capsys):
    items = ["a", "bad", "b", "missing", "bug", "c", "d"]
    assert list(outcomes(items, n_processes)) == [
        "a",
        (ValueError, "bad: expected audio"),
        "b",
        (FileNotFoundError, "[Errno 2] No such file or directory: 'missing'"),
        (TypeError, "a bug"),
        "c",
        "d",
    ]
    assert capsys.readouterr().err == "".join(f"working on {item}\n" for item in items)


def test_several_processes_work(capsys):
    """Each waits for the other before it goes on, so they must work at the same time."""
    barrier_files = os.pipe(), os.pipe()

    def meet(number):
        os.write(barrier_files[number][1], b"x")
        return os.read(barrier_files[1 - number][0], 1), os.getpid()

    found = [call() for call in calls_in_order(meet, [0, 1], 2)]
    assert [message for message, _ in found] == [b"x", b"x"]
    assert len({process for _, process in found} | {os.getpid()}) == 3


@pytest.mark.parametrize(("item", "reason"), [("killed", "by SIGKILL"), ("ended", "with the status 3")])
def test_a_process_that_dies_costs_one_item(item, reason):
    died = (ProcessDiedError, f"the process that worked on it was ended {reason}")
    assert list(outcomes(["a", item, "b", item, item, "c"], 2)) == ["a", died, "b", died, died, "c"]


def test_processes_without_work_end_by_themselves(monkeypatch):
    def kill(process):
        raise AssertionError(f"{process.name}: expected it to end when its connection was closed")

    monkeypatch.setattr(multiprocessing.context.ForkProcess, "kill", kill)
    assert list(outcomes(["a", "b", "c", "d"], 3)) == ["a", "b", "c", "d"]


class Unsendable(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}", threading.Lock())


def raise_unsendable(item):
    raise Unsendable(item, "b")


def test_an_error_that_cannot_be_sent_is_told():
    with pytest.raises(RuntimeError, match="Unsendable"):
        next(calls_in_order(raise_unsendable, ["a", "b"], 2))()


def stub(item):
    """Task 1.3. A stub."""
    raise NotImplementedError()


def test_a_stub_is_told_from_other_errors_there_too():
    with pytest.raises(NotImplementedError) as caught:
        next(calls_in_order(stub, ["a", "b"], 2))()
    assert "expected task 1.3 of milestone 1" in missing_task(caught.value)


INTERRUPTED = """
import os, sys, time
from pathlib import Path
from speech_enhancement.files.processes import calls_in_order

def work(path):
    try:
        Path(path).touch()
        time.sleep(600)
    finally:
        Path(path).unlink()

try:
    list(calls_in_order(work, sys.argv[1:], 2))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_interrupted_processes_clean_up(tmp_path):
    """The parent alone is told, as by a kill command."""
    paths = [tmp_path / "a", tmp_path / "b"]
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, *map(str, paths)], cwd=Path(__file__).parents[3])
    while not all(path.exists() for path in paths):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert not any(path.exists() for path in paths)


INTERRUPTED_AT_ONCE = """
import os, signal
from multiprocessing import popen_fork
from speech_enhancement.files.processes import calls_in_order

fork, n_forks = os.fork, 0

def wait_for_interrupt():
    global n_forks
    n_forks += 1
    child = fork()
    while child == 0 and n_forks == 2 and signal.SIGINT not in signal.sigpending():
        pass
    return child

popen_fork.os.fork = wait_for_interrupt
try:
    next(calls_in_order(print, ["a", "b"], 2))()
except KeyboardInterrupt:
    print("went on into the caller's code")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_a_process_that_is_interrupted_as_it_starts_runs_none_of_the_code_that_called():
    """The second process comes to itself only when the interrupt is there."""
    command = [sys.executable, "-c", INTERRUPTED_AT_ONCE]
    run = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "a\n", "")
