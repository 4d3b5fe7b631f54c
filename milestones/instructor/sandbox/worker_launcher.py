"""Where workers come from: one process that has loaded PyTorch already, and that each worker is forked from."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60.0


class GraderFault(BaseException):
    """The grader itself failed; nothing is known of the submission."""


@dataclass
class Terms:
    """On what terms a submission's code runs.

    Attributes:
        package: folder that holds its `speech_enhancement`.
        scratch: folder that it may write.
        seconds: wall-clock limit of each test.
        memory_mebibytes: what it may allocate.
        seed: of the worker's random states.
        scenarios: source of the suite's scenarios.
        reference: sources of modules that are put in the place of the submission's.
    """

    package: Path
    scratch: Path
    seconds: float
    memory_mebibytes: int
    seed: int
    scenarios: str = ""
    reference: dict[str, str] = field(default_factory=dict)


class Nursery:
    """The process that workers are forked from, and the way to it.

    Args:
        package, scratch: folders whose contents may change from submission to submission.
    """

    def __init__(self, package: Path, scratch: Path):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [
            sys.executable,
            "-m",
            "milestones.instructor.sandbox.fork_server",
            str(theirs.fileno()),
            str(package),
            str(scratch),
        ]
        self.process = subprocess.Popen(
            words,
            pass_fds=[theirs.fileno()],
            env=_clean_environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=scratch,
        )
        theirs.close()
        self.control.settimeout(START_SECONDS)

    def fork(self, terms: Terms, allow_fork: bool) -> tuple[int, socket.socket]:
        """A new worker: its process number, and the socket to it."""
        ours, theirs = socket.socketpair()
        order = {
            "seed": terms.seed,
            "memory_mebibytes": terms.memory_mebibytes,
            "cpu_seconds": int(20 * terms.seconds) + 1,
            "allow_fork": allow_fork,
            "scenarios": terms.scenarios,
            "reference": terms.reference,
        }
        with theirs:
            answer = self._ask(order, [theirs.fileno()])
        return answer["pid"], ours

    def reap(self, pid: int, patience: float = 0.0) -> int:
        """Kill a worker and what it started; its exit status, or minus the number of the signal that ended it."""
        return self._ask({"reap": pid, "patience": patience})["status"]

    def close(self) -> None:
        self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()

    def _ask(self, order: dict, descriptors: list[int] = ()) -> dict:
        try:
            socket.send_fds(self.control, [json.dumps(order).encode()], descriptors)
            return json.loads(self.control.recv(2**16))
        except (OSError, ValueError) as error:
            raise GraderFault(f"the process that workers are forked from does not answer ({error})") from None


def _clean_environment(scratch: Path) -> dict[str, str]:
    """What a worker's environment holds; nothing of the instructor's."""
    return {
        "PATH": os.defpath,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "USER": "student",
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
