"""Processes that work on one file after another; if one of them dies, it takes no other file with it."""

import contextlib
import functools
import io
import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, TypeVar

from tqdm.auto import tqdm

from speech_enhancement.files.failures import missing_task

Item = TypeVar("Item")
_SECONDS_TO_END = 10
_CAN_HOLD = hasattr(signal, "pthread_sigmask")  # not on Windows


class ProcessDiedError(ValueError):
    """A process that ended in the middle of its work; the message gives the reason."""


@dataclass(frozen=True)
class Outcome:
    """Result of a call in another process, or its error, and what the call wrote to stderr."""

    result: Any = None
    error: Exception | None = None
    messages: str = ""

    def __call__(self) -> Any:
        """Write the messages here; return the result or raise the error."""
        if self.messages:
            tqdm.write(self.messages, end="", file=sys.stderr)
        if self.error is not None:
            raise self.error
        return self.result


def count_cores() -> int:
    """Count the cores on which this process may run, or those of the machine if the host cannot tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def calls_in_order(
    function: Callable[[Item], Any], items: Iterable[Item], n_processes: int
) -> Iterator[Callable[[], Any]]:
    """Call a function for each item, several at a time.

    Args:
        function: is pickled, unless processes are forked, as on Linux.
        items: are pickled.
        n_processes: with 1, all runs in this process.

    Yields:
        For each item, in their order, a function that returns the result or raises the error. The error is a
        `ProcessDiedError` where a process was killed; another one takes its place.
    """
    items = deque(items)
    if n_processes == 1:
        yield from (functools.partial(function, item) for item in items)
        return
    n_items, n_yielded, outcomes = len(items), 0, {}
    workers = [_Worker(function) for _ in range(min(n_processes, n_items))]
    try:
        while n_yielded < n_items:
            for worker in workers:
                if items and worker.number is None:
                    worker.give(n_items - len(items), items.popleft())
            busy = {worker.connection: worker for worker in workers if worker.number is not None}
            for ready in connection.wait(list(busy)):
                number, outcome = busy[ready].take()
                outcomes[number] = outcome
            while n_yielded in outcomes:
                yield outcomes.pop(n_yielded)
                n_yielded += 1
    finally:
        for worker in workers:
            worker.interrupt()
        # A process holds copies of the connections to those before it, so all are closed before one is waited for.
        for worker in workers:
            worker.connection.close()
        for worker in workers:
            worker.join()


class _Worker:
    """A process, and the number of the item on which it works."""

    def __init__(self, function: Callable[[Any], Any]):
        self.number: int | None = None
        self._function = function
        self._start()

    def give(self, number: int, item: Any) -> None:
        self.number = number
        # A process that has died meanwhile is noticed when its outcome is taken.
        with contextlib.suppress(OSError):
            self.connection.send(item)

    def take(self) -> tuple[int, Outcome]:
        """Return the number of the item and its outcome; start anew if the process has died."""
        number, self.number = self.number, None
        try:
            return number, self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            self._start()
        reason = f"by {signal.Signals(-code).name}" if code < 0 else f"with the status {code}"
        return number, Outcome(error=ProcessDiedError(f"the process that worked on it was ended {reason}"))

    def interrupt(self) -> None:
        """Have the process break off, and remove what it has not finished."""
        if self.number is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGINT)

    def join(self) -> None:
        """Wait for the end of the process; end it by force if it takes too long."""
        self._process.join(_SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _start(self) -> None:
        # On Linux the model is shared with the processes, and they start at once; elsewhere forking is not safe.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._function, other, self.connection), daemon=True)
        # An interrupt before the process handles it would run on into the caller's code, in its copy of the caller.
        with _interrupts_held():
            self._process.start()
        other.close()


def _serve(function: Callable[[Any], Any], pipe: connection.Connection, other_end: connection.Connection) -> None:
    """Call the function for each item that comes, until the other end is closed."""
    # A copy of the other end would keep it open when the parent process has ended.
    other_end.close()
    signal.signal(signal.SIGINT, _interrupt)
    tqdm.__init__ = functools.partialmethod(tqdm.__init__, disable=True)
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        if _CAN_HOLD:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while True:
            outcome = _call(function, pipe.recv())
            try:
                pipe.send(outcome)
            except (pickle.PicklingError, TypeError, AttributeError):
                error = RuntimeError(f"{type(outcome.error).__name__}: {outcome.error}")
                pipe.send(Outcome(error=error, messages=outcome.messages))


def _call(function: Callable[[Any], Any], item: Any) -> Outcome:
    with contextlib.redirect_stderr(io.StringIO()) as messages:
        try:
            return Outcome(result=function(item), messages=messages.getvalue())
        except Exception as error:
            if isinstance(error, NotImplementedError):
                # The frame that tells it is not sent.
                error.missing_task = missing_task(error)
            return Outcome(error=error, messages=messages.getvalue())


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let an interrupt wait, here until the end and in processes that start meanwhile until they let it come."""
    if not _CAN_HOLD:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _interrupt(*_: Any) -> None:
    """Break off once: a second signal must not disturb the cleaning up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
