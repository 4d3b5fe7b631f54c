"""The process of a worker as the judge sees it: bytes are sent and received, and the process is watched meanwhile."""

import signal
import socket
import time

from milestones.graded_tests import TestState
from milestones.instructor.sandbox.failures import GraderFault, WorkerStopped
from milestones.instructor.sandbox.protocol import Decoder, ProtocolError
from milestones.instructor.sandbox.shared_memory import SharedMemory
from milestones.instructor.sandbox.watch import Watch, memory_of_group
from milestones.instructor.sandbox.worker_launcher import START_SECONDS, WorkerLauncher, WorkerSettings

_LOOK_EVERY, _LOOK_THOROUGHLY_EVERY = 0.02, 0.25


class WorkerProcess:
    """The current process of a worker, if any, which is started, watched and ended as often as needed.

    Args:
        launcher: launcher that starts it.
        settings: settings of the submission's workers.

    Attributes:
        isolation: names of what confined the last process.
        stopped: the exception that says why it ended within this test, None if it did not.
        has_started: True if one was started within this test.
        seconds_starting: wall-clock time that processes took to start, in all.
    """

    def __init__(self, launcher: WorkerLauncher, settings: WorkerSettings):
        self.launcher = launcher
        self.settings = settings
        self.isolation: list[str] = []
        self.stopped: WorkerStopped | None = None
        self._pid: int | None = None
        self._sockets: list[socket.socket] = []
        self._socket: socket.socket | None = None
        self.has_started = False
        self.seconds_starting = 0.0
        self._allow_fork = False
        self._seconds = settings.seconds
        self._deadline = float("inf")
        self._watch: Watch | None = None
        self._looked = self._looked_thoroughly = 0.0

    @property
    def is_running(self) -> bool:
        """True from the start to the end of the process."""
        return self._pid is not None

    @property
    def identity(self) -> object | None:
        """The socket to the process, which no other process has; None if it does not run."""
        return self._sockets[0] if self._sockets else None

    def speak_to(self, number: int) -> None:
        """Choose the process that gets the next frame: 0 for the worker, 1 for the process that it has started."""
        self._socket = self._sockets[number]

    def begin_test(self, allow_fork: bool, seconds: float) -> None:
        """Start the clock; a test that may start processes gets its own worker."""
        self.stopped = None
        self.has_started = False
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
        self.has_started = True
        begin, until = time.monotonic(), self._deadline
        self._pid, self._sockets = self.launcher.fork(self.settings, self._allow_fork)
        self.speak_to(0)
        self._deadline = time.monotonic() + START_SECONDS
        self._watch = None
        try:
            first = Decoder().read(self.receive)
        except (WorkerStopped, ProtocolError) as error:
            raise GraderFault(f"expected a worker to start, got none ({error})") from None
        if "ready" not in first:
            raise GraderFault(f"expected a worker to start, got none ({first['failed']})")
        self.isolation = first["ready"]
        self._watch = self._begin_watch()
        # The time to start does not count as the submission's.
        took = time.monotonic() - begin
        self.seconds_starting += took
        self._deadline = until + took

    def discard(self) -> None:
        """End it if it runs."""
        if self._pid is not None:
            self.launcher.reap(self._hang_up())

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
            self.look(thoroughly=now >= self._looked_thoroughly + _LOOK_THOROUGHLY_EVERY)

    def look(self, thoroughly: bool = True) -> None:
        """Stop it if its time is up, or if it takes more of something than allowed."""
        self._looked = time.monotonic()
        if self._looked >= self._deadline:
            raise self.stop(TestState.OUT_OF_TIME, f"took more than {self._seconds:g} s")
        if self._watch is not None and (excess := self._watch.find_excess(thoroughly)):
            raise self.stop(*excess)
        if thoroughly:
            self._looked_thoroughly = time.monotonic()

    def _begin_watch(self) -> Watch:
        memory_bytes = memory_of_group(self.settings.memory_mebibytes)
        shared_memory = None if "namespaces" in self.isolation else SharedMemory()
        return Watch(self._pid, self.launcher.scratch, memory_bytes, self._allow_fork, shared_memory)

    def _hang_up(self) -> int:
        """Close the sockets, and return the number of the process, which is no longer this one."""
        for each in self._sockets:
            each.close()
        pid, self._pid, self._socket, self._sockets = self._pid, None, None, []
        return pid

    def _patience(self) -> float:
        return max(0.001, min(_LOOK_EVERY, self._deadline - time.monotonic()))

    def _ended(self) -> WorkerStopped:
        """Make the exception that says how it ended, after it has closed its side."""
        status = self.launcher.reap(self._hang_up(), patience=2.0)
        if status == -signal.SIGKILL:
            self.stopped = WorkerStopped(TestState.OUT_OF_MEMORY, "the process was killed by the system")
        elif status < 0:
            self.stopped = WorkerStopped(TestState.CRASHED, f"the process ended by {signal.Signals(-status).name}")
        else:
            self.stopped = WorkerStopped(TestState.CRASHED, "the process ended instead of answering")
        return self.stopped
