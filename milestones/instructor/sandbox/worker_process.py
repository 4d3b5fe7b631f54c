"""The process of a worker as the judge sees it: bytes are sent and received, and the process is watched meanwhile."""

import contextlib
import signal
import socket
import time
from pathlib import Path

from milestones.graded_tests import TestState
from milestones.instructor.sandbox.failures import GraderFault, WorkerStopped
from milestones.instructor.sandbox.protocol import Decoder, ProtocolError
from milestones.instructor.sandbox.scratch import MAX_SCRATCH_BYTES, MAX_SCRATCH_FILES, usage
from milestones.instructor.sandbox.worker_launcher import START_SECONDS, WorkerLauncher, WorkerSettings

MAX_PROCESSES = 16
_LOOK_EVERY = 0.25


class WorkerProcess:
    """The current process of a worker, if any, which is started, watched and ended as often as needed.

    Args:
        launcher: launcher that starts it.
        settings: settings of the submission's workers.

    Attributes:
        isolation: names of what confined the last process.
        stopped: the exception that says why it ended within this test, None if it did not.
        seconds_starting: wall-clock time that processes took to start, in all.
    """

    def __init__(self, launcher: WorkerLauncher, settings: WorkerSettings):
        self.launcher = launcher
        self.settings = settings
        self.isolation: list[str] = []
        self.stopped: WorkerStopped | None = None
        self._pid: int | None = None
        self._socket: socket.socket | None = None
        self.seconds_starting = 0.0
        self._allow_fork = False
        self._seconds = settings.seconds
        self._deadline = float("inf")
        self._looked = 0.0

    @property
    def is_running(self) -> bool:
        """True from the start to the end of the process."""
        return self._pid is not None

    @property
    def identity(self) -> object | None:
        """The socket to the process, which no other process has; None if it does not run."""
        return self._socket

    def begin_test(self, allow_fork: bool, seconds: float) -> None:
        """Start the clock; a test that may start processes gets its own worker."""
        self.stopped = None
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        if allow_fork or self._allow_fork:
            self.discard()
        self._allow_fork = allow_fork

    def start(self) -> None:
        """Start it, unless it has ended within this test.

        Raises:
            GraderFault: it did not start.
            WorkerStopped: it has ended within this test.
        """
        if self.stopped is not None:
            raise self.stopped
        begin, until = time.monotonic(), self._deadline
        self._pid, self._socket = self.launcher.fork(self.settings, self._allow_fork)
        self._deadline = time.monotonic() + START_SECONDS
        try:
            first = Decoder().read(self.receive)
        except (WorkerStopped, ProtocolError) as error:
            raise GraderFault(f"expected a worker to start, got none ({error})") from None
        if "ready" not in first:
            raise GraderFault(f"expected a worker to start, got none ({first['failed']})")
        self.isolation = first["ready"]
        # The time to start does not count as the submission's.
        took = time.monotonic() - begin
        self.seconds_starting += took
        self._deadline = until + took

    def discard(self) -> None:
        """End it if it runs."""
        if self._pid is not None:
            self._socket.close()
            pid, self._pid, self._socket = self._pid, None, None
            self.launcher.reap(pid)

    def stop(self, state: TestState, message: str) -> WorkerStopped:
        """End it within a test, and return the exception that says why."""
        self.stopped = WorkerStopped(state, message)
        self.discard()
        return self.stopped

    def send(self, frame: bytes) -> None:
        """Send a whole frame."""
        view = memoryview(frame)
        while view:
            self.look_sometimes()
            self._socket.settimeout(self._patience())
            try:
                view = view[self._socket.send(view[: 2**20]) :]
            except TimeoutError:
                continue
            except OSError:
                raise self._ended() from None

    def receive(self, size: int) -> bytearray:
        """Receive exactly `size` bytes."""
        data, start = bytearray(size), 0
        while start < size:
            self.look_sometimes()
            self._socket.settimeout(self._patience())
            try:
                n_read = self._socket.recv_into(memoryview(data)[start:], min(size - start, 2**20))
            except TimeoutError:
                continue
            except OSError:
                n_read = 0
            if n_read == 0:
                raise self._ended()
            start += n_read
        return data

    def look_sometimes(self) -> None:
        """Check it if its time is up, or if it has not been checked for a while."""
        now = time.monotonic()
        if now >= min(self._deadline, self._looked + _LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """Stop it if its time is up, or if it takes more space or processes than allowed."""
        self._looked = time.monotonic()
        if self._looked >= self._deadline:
            raise self.stop(TestState.OUT_OF_TIME, f"took more than {self._seconds:g} s")
        n_files, n_bytes = usage(self.launcher.scratch)
        if n_bytes > MAX_SCRATCH_BYTES or n_files > MAX_SCRATCH_FILES:
            limits = f"{MAX_SCRATCH_BYTES >> 20} MB or {MAX_SCRATCH_FILES} files"
            raise self.stop(TestState.CRASHED, f"wrote more than {limits}")
        if self._allow_fork and _group_size(self._pid) > MAX_PROCESSES:
            raise self.stop(TestState.CRASHED, f"started more than {MAX_PROCESSES} processes")

    def _patience(self) -> float:
        return max(0.001, min(_LOOK_EVERY, self._deadline - time.monotonic()))

    def _ended(self) -> WorkerStopped:
        """Make the exception that says how it ended, after it has closed its side."""
        self._socket.close()
        pid, self._pid, self._socket = self._pid, None, None
        status = self.launcher.reap(pid, patience=2.0)
        if status == -signal.SIGKILL:
            self.stopped = WorkerStopped(TestState.OUT_OF_MEMORY, "the process was killed by the system")
        elif status < 0:
            self.stopped = WorkerStopped(TestState.CRASHED, f"the process ended by {signal.Signals(-status).name}")
        else:
            self.stopped = WorkerStopped(TestState.CRASHED, "the process ended instead of answering")
        return self.stopped


def _group_size(group: int) -> int:
    """Count the processes of a process group."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text()
                count += int(stat.rpartition(")")[2].split()[2]) == group
    return count
