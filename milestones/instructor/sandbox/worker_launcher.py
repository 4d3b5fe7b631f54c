"""The worker launcher, which starts the fork server and asks it to fork and reap workers."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from milestones.course import ROOT
from milestones.instructor.sandbox import cgroups, scratch
from milestones.instructor.sandbox.failures import GraderFault
from milestones.instructor.sandbox.removal import NotEmptied
from milestones.instructor.sandbox.watch import memory_of_group

START_SECONDS = 60.0


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of a submission's workers.

    Attributes:
        seconds: wall-clock limit of each test.
        memory_mebibytes: memory that may be allocated.
        seed: seed of the random states.
        reference: sources of modules that replace the submission's, by module name.
    """

    seconds: float
    memory_mebibytes: int
    seed: int = 0
    reference: dict[str, str] = field(default_factory=dict)


class WorkerLauncher:
    """A fork server, and the socket to it.

    Each order and each answer is one JSON object. An order to fork has the settings of the worker, and comes with
    sockets; the answer has the worker's `pid`. An order to `reap` a worker has the `patience` in seconds; the answer
    has the `status` with which the worker ended, and what of it is `left` that could not be ended or removed, or null.
    What is left stays out of the reach of later workers, which come from another fork server and write elsewhere.

    Args:
        package: folder that holds the submission's `speech_enhancement`; its content may change between submissions.
        folder: the scratch folder, which is empty.
        memory_mebibytes: the most that a worker may allocate.
    """

    def __init__(self, package: Path, folder: Path, memory_mebibytes: int):
        self.scratch = folder
        self.package = package
        self._scope = cgroups.scope(memory_of_group(memory_mebibytes))
        self._start()

    def _start(self) -> None:
        scratch.lay_out(self.scratch)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [*self._scope, sys.executable, "-m", "milestones.instructor.sandbox.fork_server"]
        words += [str(theirs.fileno()), str(self.package), str(self.scratch)]
        self.process = subprocess.Popen(
            words,
            pass_fds=[theirs.fileno()],
            env=_clean_environment(self.scratch / scratch.HOME) | (cgroups.session() if self._scope else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.scratch,
        )
        theirs.close()
        self.control.settimeout(START_SECONDS)

    def fork(self, settings: WorkerSettings, allow_fork: bool) -> tuple[int, list[socket.socket]]:
        """Start a worker; return its process number, and sockets to it and to the process that it may start."""
        pairs = [socket.socketpair() for _ in range(1 + allow_fork)]
        order = {
            "seed": settings.seed,
            "memory_mebibytes": settings.memory_mebibytes,
            "cpu_seconds": int(20 * settings.seconds) + 1,
            "allow_fork": allow_fork,
            "reference": settings.reference,
        }
        try:
            answer = self._ask(order, [theirs.fileno() for _, theirs in pairs])
        finally:
            for _, theirs in pairs:
                theirs.close()
        return answer["pid"], [ours for ours, _ in pairs]

    def reap(self, pid: int, patience: float = 0.0) -> int:
        """Kill a worker and its children; return its exit status, or minus the number of the signal that ended it."""
        answer = self._ask({"reap": pid, "patience": patience})
        if answer["left"] is not None:
            self._replace()
        return answer["status"]

    def empty_scratch(self) -> None:
        """Remove all files of workers and tests, while no worker runs."""
        try:
            scratch.empty(self.scratch)
        except NotEmptied:
            self._replace()

    def close(self) -> None:
        """End the fork server and its workers."""
        self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()

    def _replace(self) -> None:
        """Start another fork server, in other folders."""
        self.close()
        self._start()

    def _ask(self, order: dict, descriptors: list[int] = ()) -> dict:
        try:
            socket.send_fds(self.control, [json.dumps(order).encode()], descriptors)
            return json.loads(self.control.recv(2**16))
        except (OSError, ValueError) as error:
            raise GraderFault(f"expected an answer of the fork server, got {error}") from None


def _clean_environment(home: Path) -> dict[str, str]:
    """Make the environment of workers, which holds nothing of the instructor's."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "USER": "student",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
