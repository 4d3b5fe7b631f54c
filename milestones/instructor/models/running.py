"""Models in confined workers: a fresh worker for each recording, which gets the noisy samples and the weights alone."""

import os
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from milestones.course import CourseError
from milestones.graded_tests import TestState
from milestones.instructor.models.records import RecordingState
from milestones.instructor.sandbox import confinement, cores
from milestones.instructor.sandbox.failures import GraderFault, WorkerStopped, is_out_of_memory
from milestones.instructor.sandbox.package_layout import lay_out
from milestones.instructor.sandbox.removal import remove
from milestones.instructor.sandbox.worker_client import WorkerClient
from milestones.instructor.sandbox.worker_launcher import WorkerLauncher, WorkerSettings
from milestones.model_check import LOADER
from milestones.model_terms import ModelTerms
from milestones.packing import WEIGHTS
from speech_enhancement.audio import SAMPLE_RATE

MAX_ATTEMPTS = 3

_STATES = {
    TestState.OUT_OF_TIME: RecordingState.TIME,
    TestState.OUT_OF_MEMORY: RecordingState.MEMORY,
    TestState.REFUSED: RecordingState.WRONG_OUTPUT,
}
_MESSAGES = {
    RecordingState.TIME: "took too long",
    RecordingState.MEMORY: "needed more memory than allowed",
    RecordingState.WRONG_OUTPUT: "expected an array of samples, got something that cannot be read",
    RecordingState.CRASH: "the model's code failed",
}


@dataclass(frozen=True)
class Output:
    """What a model made of a recording.

    Attributes:
        samples: an array of whatever shape and content the model returned; None if it failed.
        seconds: wall-clock time of enhancing.
        state: `SCORED` as long as nothing is known against the samples.
        message: reason of a failure, in the grader's words.
        said: what the model's code said to that, "" if nothing.
    """

    samples: NDArray | None
    seconds: float
    state: RecordingState = RecordingState.SCORED
    message: str = ""
    said: str = ""


class ModelRunner:
    """Workers on one core, which run one model after another; the core is their own unless all are taken.

    The thread that makes a runner is kept to this core until it closes it, together with the processes that it starts.

    Args:
        terms: the limits.
        students_modules: names of the modules that students write.
        allow_weak_isolation: True to run models even if Landlock or seccomp is missing.

    Attributes:
        isolation: names of what confines the workers.

    Raises:
        CourseError: workers do not start, or are not confined.
    """

    def __init__(self, terms: ModelTerms, students_modules: Sequence[str], allow_weak_isolation: bool = False):
        self._terms = terms
        self._allow_weak_isolation = allow_weak_isolation
        self._students_modules = students_modules
        self._loader = LOADER.read_text(encoding="utf-8")
        self._core = cores.take()
        if hasattr(os, "sched_setaffinity"):
            self._cores_before = os.sched_getaffinity(0)
            # On several cores, a model with several threads would seem faster than it is.
            number = random.choice(sorted(self._cores_before)) if self._core is None else self._core.number
            os.sched_setaffinity(0, {number})
        self._folder = Path(tempfile.mkdtemp(prefix="models_"))
        self._package = self._folder / "package"
        self._package.mkdir()
        self._files: Mapping[str, str] = {}
        self._weights = b""
        self._start()

    def close(self) -> None:
        """End the workers, and remove their folder."""
        self._launcher.close()
        remove(self._folder)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self._cores_before)
        if self._core is not None:
            self._core.give_back()

    def take(self, files: Mapping[str, str], weights: bytes) -> None:
        """Take another model.

        Args:
            files: sources of its package, by path within the package.
            weights: its file of weights.
        """
        self._files, self._weights = files, weights

    def enhance(self, noisy: NDArray) -> Output:
        """Enhance a recording by the model, in a fresh worker.

        If the grader itself fails three times on it, although it can start workers, the model is to blame.

        Args:
            noisy: float32, `(time,)`.

        Raises:
            CourseError: the grader cannot start workers.
        """
        for _ in range(MAX_ATTEMPTS):
            try:
                return self._attempt(noisy)
            except GraderFault:
                self._launcher.close()
                self._start()
        return Output(None, 0.0, RecordingState.CRASH, f"the grader failed {MAX_ATTEMPTS} times on it")

    def _start(self) -> None:
        scratch = Path(tempfile.mkdtemp(prefix="scratch_", dir=self._folder))
        try:
            self._launcher = WorkerLauncher(self._package, scratch, self._terms.memory_mebibytes)
            self.isolation = WorkerClient(self._launcher, self._settings(1.0)).find_isolation()
        except GraderFault as fault:
            raise CourseError(f"workers: {fault}") from None
        if not (confinement.is_strong(self.isolation) or self._allow_weak_isolation):
            raise CourseError(f"isolation: expected Landlock and seccomp, got {', '.join(self.isolation)}")

    def _settings(self, seconds: float) -> WorkerSettings:
        return WorkerSettings(seconds, self._terms.memory_mebibytes)

    def _attempt(self, noisy: NDArray) -> Output:
        # Anew, since the last worker could have told the next one by which files it read, whose times of access show.
        lay_out(self._package, self._files, self._students_modules)
        (self._package / WEIGHTS).write_bytes(self._weights)
        seconds = self._terms.seconds_per_second * len(noisy) / SAMPLE_RATE
        client = WorkerClient(self._launcher, self._settings(self._terms.seconds_to_load + seconds))
        client.writes_back = False
        client.begin_test(allow_fork=False, seconds=self._terms.seconds_to_load + seconds)
        begin, starting = time.perf_counter(), client.seconds_starting
        try:
            self._call(client, "load", self._package / WEIGHTS)
            loaded = time.perf_counter()
            if loaded - begin - (client.seconds_starting - starting) > self._terms.seconds_to_load:
                return Output(None, 0.0, RecordingState.TIME, _MESSAGES[RecordingState.TIME], "loading")
            result = self._call(client, "enhance", torch.from_numpy(noisy))
            took = time.perf_counter() - loaded
        except WorkerStopped as stopped:
            state = _STATES.get(stopped.state, RecordingState.CRASH)
            return Output(None, 0.0, state, _MESSAGES[state], str(stopped))
        # A student's exception is of any builtin class.
        except Exception as error:
            state = RecordingState.MEMORY if is_out_of_memory(error) else RecordingState.CRASH
            said = f"{getattr(error, 'type_name', '') or type(error).__name__}: {error}"
            return Output(None, 0.0, state, _MESSAGES[state], said)
        finally:
            client.discard()
        if took > seconds:
            return Output(None, took, RecordingState.TIME, _MESSAGES[RecordingState.TIME])
        try:
            return Output(result.detach().numpy(), took)
        # No tensor, one on the device "meta", of numbers that NumPy has not, or of a size that it cannot count.
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return Output(None, took, RecordingState.WRONG_OUTPUT, _MESSAGES[RecordingState.WRONG_OUTPUT])

    def _call(self, client: WorkerClient, name: str, argument: Any) -> Any:
        with torch.no_grad():
            return client.call(f"scenarios.{name}", (argument,), {}, scenarios=self._loader)
