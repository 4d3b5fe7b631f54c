"""The judge's side of a worker: has it started, calls it with a deadline, and says how it ended.

Nothing that comes back is trusted to be more than bytes of the kinds in `wire`.
"""

import contextlib
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from milestones.graded_tests import TestState
from milestones.instructor.sandbox.protocol import Decoder, Encoder, RemoteReference, WireError
from milestones.instructor.sandbox.scratch import MAX_SCRATCH_BYTES, MAX_SCRATCH_FILES, empty, usage
from milestones.instructor.sandbox.worker_launcher import START_SECONDS, GraderFault, Nursery, Terms

MAX_PROCESSES = 16
_LOOK_EVERY = 0.25


class WorkerStopped(BaseException):
    """The worker is gone in the middle of a test. Not an Exception, so that no test takes it for a student's.

    Attributes:
        state: of the test.
    """

    def __init__(self, state: TestState, message: str):
        super().__init__(message)
        self.state = state


class StudentError(Exception):
    """An exception that the student's code raised; each is also of the builtin class that it was there.

    Attributes:
        type_name: its own class's name.
    """

    type_name = ""


_CLASSES = {
    kind.__name__: type(kind.__name__, (kind, StudentError), {"__module__": "builtins"})
    for kind in (
        *(ArithmeticError, AttributeError, BufferError, EOFError, FileExistsError, FileNotFoundError, ImportError),
        *(IndexError, KeyError, LookupError, MemoryError, ModuleNotFoundError, NameError, NotImplementedError),
        *(OSError, OverflowError, PermissionError, RecursionError, RuntimeError, SyntaxError, TypeError),
        *(ValueError, ZeroDivisionError, IndentationError),
    )
}


def student_error(kind: str, builtin: str, message: str) -> Exception:
    """The exception that stands in the judge for one that the student's code raised."""
    error = _CLASSES.get(builtin, StudentError)(message)
    error.type_name = kind
    return error


class Client:
    """Calls into a submission; a worker is started where there is none.

    Args:
        nursery: where workers come from.
        terms: of this submission.

    Attributes:
        isolation: what confined the last worker.
        is_fresh: whether the worker had run no earlier test.
        writes_back: whether inputs that a call changed in place are changed for the test, too, as they would be
            without a worker.
        has_changed_inputs: whether a call within this test changed one.
        stopped: how the worker ended within this test, None while it lives.
    """

    def __init__(self, nursery: Nursery, terms: Terms):
        self.nursery = nursery
        self.terms = terms
        self.isolation: list[str] = []
        self.is_fresh = True
        self.writes_back = True
        self.has_changed_inputs = False
        self.stopped: WorkerStopped | None = None
        self._pid: int | None = None
        self._socket: socket.socket | None = None
        self._allow_fork = False
        self._deadline = float("inf")
        self._looked = 0.0

    def begin_test(self, allow_fork: bool = False) -> None:
        """Start the clock, on a worker that keeps nothing of earlier calls, or on a fresh one that finds no notes."""
        self.stopped = None
        self.has_changed_inputs = False
        self._deadline = time.monotonic() + self.terms.seconds
        if self._pid is not None and (allow_fork or self._allow_fork):
            self.discard()
        self.is_fresh = self._pid is None
        if self.is_fresh:
            empty(self.terms.scratch)
        self._allow_fork = allow_fork
        if self._pid is not None:
            try:
                self._exchange({"forget": True})
                self._look()
            except WorkerStopped:
                self.stopped, self.is_fresh = None, True
                empty(self.terms.scratch)

    def discard(self) -> None:
        """End the worker; the next call starts another."""
        if self._pid is not None:
            self._socket.close()
            pid, self._pid, self._socket = self._pid, None, None
            self.nursery.reap(pid)

    def call(self, name: str, arguments: tuple, keywords: dict, target: RemoteReference | None = None) -> Any:
        """Call a function of the submission, or a method of one of its objects.

        Raises:
            Exception: what the student's code raised, as `student_error` makes it.
            WorkerStopped: the worker ended, or its time.
        """
        request = {"call": name, "object": target, "arguments": list(arguments), "keywords": keywords}
        encoder = Encoder()
        encoder.frame(request)
        inputs = encoder.tensors
        wanted = [tensor for tensor in inputs if tensor.requires_grad]
        if not wanted or not torch.is_grad_enabled():
            return self._call(request, inputs, encoder.generators)[0]
        held: dict[str, Any] = {}
        outputs = _Remote.apply(self, request, inputs, encoder.generators, held, *wanted)
        return _replace(held["result"], dict(zip(map(id, held["outputs"]), outputs, strict=True)))

    def _call(self, request: dict, inputs: list[Tensor], generators: list) -> tuple[Any, Decoder, int]:
        reply, decoder, number = self._exchange(request)
        with self._distrust(), torch.no_grad():
            for index, tensor in reply["changed"].items():
                self.has_changed_inputs = True
                if self.writes_back:
                    inputs[int(index)].copy_(tensor)
            for mine, theirs in zip(generators, reply["generators"], strict=True):
                mine.set_state(theirs.get_state())
            return reply["result"], decoder, number

    def _exchange(self, request: dict) -> tuple[dict, Decoder, int]:
        """One request and its reply."""
        number = secrets.randbits(60)
        try:
            frame = Encoder().frame({**request, "id": number})
        except WireError as error:
            raise GraderFault(f"a test calls with what cannot travel: {error}") from None
        if self._pid is None:
            self._start()
        decoder = Decoder()
        with self._distrust():
            self._send(frame)
            reply = decoder.read(self._receive)
            self._look_sometimes()
            if reply["id"] != number:
                raise WireError("expected the reply to this request, got another")
            error = reply.get("error")
            if error is None:
                return reply, decoder, number
            kind, builtin, message = str(error["type"])[:100], str(error["builtin"]), str(error["message"])
        raise student_error(kind, builtin, message)

    @contextlib.contextmanager
    def _distrust(self) -> Iterator[None]:
        """Whatever goes wrong in reading an answer is the answer's fault."""
        try:
            yield
        except Exception as error:
            raise self._stop(TestState.REFUSED, f"its answer is not one: {error}") from None

    def _start(self) -> None:
        if self.stopped is not None:
            raise self.stopped
        self._pid, self._socket = self.nursery.fork(self.terms, self._allow_fork)
        until = self._deadline
        self._deadline = time.monotonic() + START_SECONDS
        try:
            first = Decoder().read(self._receive)
        except (WorkerStopped, WireError) as error:
            raise GraderFault(f"a worker did not start ({error})") from None
        if "ready" not in first:
            raise GraderFault(f"a worker did not start ({first['failed']})")
        self.isolation = first["ready"]
        # Starting is not the submission's time.
        self._deadline = max(until, time.monotonic() + 0.5 * self.terms.seconds)

    def _send(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            self._look_sometimes()
            self._socket.settimeout(self._patience())
            try:
                view = view[self._socket.send(view[: 2**20]) :]
            except TimeoutError:
                continue
            except OSError:
                raise self._ended() from None

    def _receive(self, size: int) -> bytearray:
        data, start = bytearray(size), 0
        while start < size:
            self._look_sometimes()
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

    def _patience(self) -> float:
        return max(0.001, min(_LOOK_EVERY, self._deadline - time.monotonic()))

    def _look_sometimes(self) -> None:
        now = time.monotonic()
        if now >= min(self._deadline, self._looked + _LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        """Is there time left, and does the worker keep to its room?"""
        self._looked = time.monotonic()
        if self._looked >= self._deadline:
            raise self._stop(TestState.OUT_OF_TIME, f"took more than {self.terms.seconds:g} s")
        n_files, n_bytes = usage(self.terms.scratch)
        if n_bytes > MAX_SCRATCH_BYTES or n_files > MAX_SCRATCH_FILES:
            raise self._stop(
                TestState.CRASHED, f"wrote more than {MAX_SCRATCH_BYTES >> 20} MB or {MAX_SCRATCH_FILES} files"
            )
        if self._allow_fork and _group_size(self._pid) > MAX_PROCESSES:
            raise self._stop(TestState.CRASHED, f"started more than {MAX_PROCESSES} processes")

    def _stop(self, state: TestState, message: str) -> WorkerStopped:
        self.stopped = WorkerStopped(state, message)
        self.discard()
        return self.stopped

    def _ended(self) -> WorkerStopped:
        """The worker has closed its end: tell how it ended."""
        self._socket.close()
        pid, self._pid, self._socket = self._pid, None, None
        status = self.nursery.reap(pid, patience=2.0)
        if status == -signal.SIGKILL:
            self.stopped = WorkerStopped(TestState.OUT_OF_MEMORY, "the process was killed by the system")
        elif status < 0:
            self.stopped = WorkerStopped(TestState.CRASHED, f"the process ended by {signal.Signals(-status).name}")
        else:
            self.stopped = WorkerStopped(TestState.CRASHED, "the process ended instead of answering")
        return self.stopped


class _Remote(torch.autograd.Function):
    """A call whose gradient is asked for by another call."""

    @staticmethod
    def forward(ctx, client: Client, request: dict, inputs: list, generators: list, held: dict, *wanted: Tensor):
        held["result"], decoder, ctx.number = client._call(request, inputs, generators)
        pairs = zip(decoder.tensors, decoder.wanted, strict=True)
        results = set(map(id, _tensors(held["result"])))
        held["outputs"] = [tensor for tensor, has_gradient in pairs if has_gradient and id(tensor) in results]
        ctx.client = client
        # The very tensors are returned as views, so that those in the result stay as they came.
        return tuple(tensor.view_as(tensor) for tensor in held["outputs"])

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        reply, _, _ = ctx.client._exchange({"backward": ctx.number, "gradients": list(gradients)})
        return None, None, None, None, None, *reply["gradients"]


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [each for part in value for each in _tensors(part)] if isinstance(value, list | tuple | dict) else []


def _replace(value: Any, others: dict[int, Tensor]) -> Any:
    """The value with each tensor of a known identity replaced."""
    if isinstance(value, Tensor):
        return others.get(id(value), value)
    if isinstance(value, list | tuple):
        return type(value)(_replace(each, others) for each in value)
    if isinstance(value, dict):
        return {key: _replace(each, others) for key, each in value.items()}
    return value


def _group_size(group: int) -> int:
    """Number of processes of a process group."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text()
                count += int(stat.rpartition(")")[2].split()[2]) == group
    return count
