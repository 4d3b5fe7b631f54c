"""The worker client: the judge's calls into a submission, and their gradients.

Replies are trusted only to be bytes, which `protocol` checks.
"""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from milestones.graded_tests import TestState
from milestones.instructor.sandbox.failures import WorkerStopped, student_error
from milestones.instructor.sandbox.protocol import Decoder, Encoder, ProtocolError, RemoteReference
from milestones.instructor.sandbox.worker_launcher import WorkerLauncher, WorkerSettings
from milestones.instructor.sandbox.worker_process import WorkerProcess


@dataclass(frozen=True)
class Message:
    """A request as it travels.

    Attributes:
        number: random number that its reply must repeat.
        frame: its bytes.
        process: number of the process that gets it, see `WorkerProcess.speak_to`.
        tensors, generators: those in the request, in order.
    """

    number: int
    frame: bytes
    process: int
    tensors: list[Tensor]
    generators: list[torch.Generator]


class WorkerClient:
    """Calls into a submission; a worker is started if there is none.

    Args:
        launcher: launcher that starts workers.
        settings: settings of the submission's workers.

    Attributes:
        is_fresh: True if the worker had run no earlier test.
        writes_back: True if inputs that a call changes in place also change for the test, as they would without a
            worker.
        has_changed_inputs: True if a call within this test changed an input.
        has_started: True if a worker was started within this test.
        failed_imports: for each module that a fresh worker could not import, the exception that says why.
        doubtful_import: a module that a worker could not import which had done something else before.
    """

    def __init__(self, launcher: WorkerLauncher, settings: WorkerSettings):
        self.is_fresh = True
        self.writes_back = True
        self.has_changed_inputs = False
        self.failed_imports: dict[str, BaseException] = {}
        self.doubtful_import: str | None = None
        self._imported: tuple[object, set[str]] = (None, set())
        self._launcher = launcher
        self._process = WorkerProcess(launcher, settings)

    @property
    def stopped(self) -> WorkerStopped | None:
        """The exception that says why the worker ended within this test, None if it did not."""
        return self._process.stopped

    @property
    def running(self) -> object | None:
        """A value that differs from process to process, None if there is none."""
        return self._process.identity

    def find_isolation(self) -> tuple[str, ...]:
        """Start a worker to find the names of what confines it."""
        self._process.start()
        self._process.discard()
        return tuple(self._process.isolation)

    @property
    def seconds_starting(self) -> float:
        """Wall-clock time that workers took to start, in all; it is not the submission's."""
        return self._process.seconds_starting

    @property
    def has_started(self) -> bool:
        return self._process.has_started

    def begin_test(self, allow_fork: bool, seconds: float) -> None:
        """Start the clock, on a worker that has forgotten earlier calls or on a fresh one with empty scratch.

        Args:
            allow_fork: True to let the worker start processes.
            seconds: wall-clock limit of the test.
        """
        self.has_changed_inputs = False
        self._process.begin_test(allow_fork, seconds)
        self.is_fresh = not self._process.is_running
        if self.is_fresh:
            self._launcher.empty_scratch()
            return
        try:
            self.exchange({"forget": True})
            self._process.look()
        except WorkerStopped:
            self._process.begin_test(allow_fork, seconds)
            self.is_fresh = True
            self._launcher.empty_scratch()

    def discard(self) -> None:
        """End the worker; the next call starts another."""
        self._process.discard()

    def import_module(self, name: str) -> None:
        """Import a module of the submission, unless this worker has imported it.

        Raises:
            Exception: the student's code raised one.
            WorkerStopped: the worker ended meanwhile, now or when the module was imported before.
        """
        if name in self.failed_imports:
            raise self._as_stopped(self.failed_imports[name])
        worker, modules = self._imported
        if worker is not None and worker is self.running and name in modules:
            return
        is_first = not self._process.is_running
        try:
            self.exchange({"import": name})
        except (WorkerStopped, Exception) as error:
            if isinstance(error, WorkerStopped):
                error = WorkerStopped(error.state, f"importing {name}.py: {error}")
            if is_first:
                self.failed_imports[name] = error
            else:
                self.doubtful_import = name
            raise self._as_stopped(error) from None
        self._imported = (self.running, ({name} | modules) if worker is self.running else {name})

    def call(
        self, name: str, arguments: tuple, keywords: dict, target: RemoteReference | None = None, **parts: str
    ) -> Any:
        """Call a function of the submission, or a method of one of its objects.

        Raises:
            Exception: the student's code raised one, see `student_error`.
            WorkerStopped: the worker ended, or its time was up.
        """
        return self.request(
            {"call": name, "object": target, "arguments": list(arguments), "keywords": keywords, **parts}
        )

    def request(self, request: dict, may_change: tuple[Tensor, ...] = ()) -> Any:
        """Send a request whose result may have gradients; see `Worker` for the kinds of requests.

        Args:
            request: the request.
            may_change: tensors in it that the call is expected to change.

        Raises:
            Exception: the student's code raised one, see `student_error`.
            WorkerStopped: the worker ended, or its time was up.
        """
        message = self._encode({**request, "grad": torch.is_grad_enabled()})
        wanted = [tensor for tensor in message.tensors if tensor.requires_grad]
        if not wanted or not torch.is_grad_enabled():
            return self.call_with(message, may_change)[0]
        held: dict[str, Any] = {}
        outputs = _RemoteCall.apply(self, message, may_change, held, *wanted)
        return _replace(held["result"], dict(zip(map(id, held["outputs"]), outputs, strict=True)))

    def call_with(self, message: Message, may_change: tuple[Tensor, ...]) -> tuple[Any, Decoder]:
        """Carry out a call, and apply its changes to inputs and generators.

        Returns:
            The result, and the decoder that read it.
        """
        reply, decoder = self.send(message)
        with self.distrust(), torch.no_grad():
            for index, tensor in reply["changed"].items():
                mine = message.tensors[int(index)]
                is_expected = any(mine is each for each in may_change)
                self.has_changed_inputs |= not is_expected
                if is_expected or self.writes_back:
                    mine.copy_(tensor)
            for mine, theirs in zip(message.generators, reply["generators"], strict=True):
                mine.set_state(theirs.get_state())
            return reply["result"], decoder

    def exchange(self, request: dict) -> dict:
        """Send one request and return the reply."""
        return self.send(self._encode(request))[0]

    def send(self, message: Message) -> tuple[dict, Decoder]:
        """Send a message; return the reply, and the decoder that read it."""
        if not self._process.is_running:
            self._process.start()
        self._process.speak_to(message.process)
        decoder = Decoder()
        with self.distrust():
            self._process.send(message.frame)
            reply = decoder.read(self._process.receive)
            self._process.look_sometimes()
            if reply["id"] != message.number:
                raise ProtocolError("expected the reply to this request, got another")
            error = reply.get("error")
            if error is None:
                return reply, decoder
            # A student knows the files of the package by their names, and no folder of this machine.
            message = str(error["message"]).replace(f"{self._launcher.package}/", "")
            kind, builtin = str(error["type"])[:100], str(error["builtin"])
        raise student_error(kind, builtin, message)

    def _as_stopped(self, error: BaseException) -> BaseException:
        """End the worker if an exception says so, and return the exception."""
        is_end = isinstance(error, WorkerStopped)
        return self._process.stop(error.state, str(error)) if is_end else error.with_traceback(None)

    def _encode(self, request: dict) -> Message:
        number, encoder, target = secrets.randbits(60), Encoder(), request.get("object")
        try:
            frame = encoder.frame({**request, "id": number})
        except ProtocolError as error:
            # Tests call with small values of their own, or with those that the submission has returned.
            raise self._process.stop(TestState.REFUSED, f"what it returned cannot travel back: {error}") from None
        process = 0 if target is None else target.process
        return Message(number, frame, process, encoder.tensors, encoder.generators)

    @contextlib.contextmanager
    def distrust(self) -> Iterator[None]:
        """Refuse an answer that cannot be read, for any reason."""
        try:
            yield
        except Exception as error:
            raise self._process.stop(TestState.REFUSED, f"its answer is not one: {error}") from None


class _RemoteCall(torch.autograd.Function):
    """A call whose gradient is computed by another call."""

    @staticmethod
    def forward(
        ctx,
        worker: WorkerClient,
        message: Message,
        may_change: tuple,
        held: dict,
        *wanted: Tensor,
    ):
        held["result"], decoder = worker.call_with(message, may_change)
        ctx.number = message.number
        pairs = zip(decoder.tensors, decoder.wanted, strict=True)
        results = set(map(id, _tensors(held["result"])))
        held["outputs"] = [tensor for tensor, has_gradient in pairs if has_gradient and id(tensor) in results]
        ctx.worker = worker
        # Views are returned, so that the tensors in the result stay unchanged.
        return tuple(tensor.view_as(tensor) for tensor in held["outputs"])

    @staticmethod
    def backward(ctx, *gradients: Tensor):
        reply = ctx.worker.exchange({"backward": ctx.number, "gradients": list(gradients)})
        return None, None, None, None, *reply["gradients"]


def _tensors(value: Any) -> list[Tensor]:
    """List a tensor, or the tensors in lists and tuples."""
    if isinstance(value, Tensor):
        return [value]
    return [each for part in value for each in _tensors(part)] if isinstance(value, list | tuple) else []


def _replace(value: Any, others: dict[int, Tensor]) -> Any:
    """Replace tensors, known by their identity, in a value of nested lists and tuples."""
    if isinstance(value, Tensor):
        return others.get(id(value), value)
    return type(value)(_replace(each, others) for each in value) if isinstance(value, list | tuple) else value
