"""A process that reads submissions, so that none of them can hold up or end the grading of the others.

    python -m milestones.instructor.grading.reader SECONDS BYTES

It reads the path of a submission from each line of its standard input, and writes two lines of JSON: a `Reading`, and
a list of notes on modules that cannot be compiled, which may end Python itself. The kernel ends it if a submission
takes more processor time than the given seconds, and refuses it more memory than the given bytes; then another process
reads the next submission.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from milestones.course import ROOT, CourseError, load_course
from milestones.instructor.grading import compiling
from milestones.instructor.grading.entries import MAX_BYTES
from milestones.instructor.grading.reading import Reading, read
from milestones.instructor.records import from_line, to_line

SECONDS = 10
"""Processor time for reading one submission."""
MEMORY = 2**30
"""Memory of the process, in bytes."""

_WALL_SECONDS_PER_SECOND = 6
_READY = "ready\n"
# JSON writes a byte that is not UTF-8 as six characters.
_MAX_LINE = 6 * MAX_BYTES + 2**20
_OUT_OF_TIME = (-signal.SIGPROF, -signal.SIGALRM)


class SubmissionReader(contextlib.AbstractContextManager):
    """A process that reads one submission after another; it is replaced if a submission ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, path: Path) -> Reading:
        """Read a submission.

        Raises:
            CourseError: no process could be started.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            self._process.stdin.write(json.dumps(str(path.absolute())) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline(_MAX_LINE)
        except OSError:
            line = ""
        if line.endswith("\n"):
            return self._with_faults(from_line(Reading, line))
        if self._end() in _OUT_OF_TIME:
            limit = f"within {SECONDS} seconds, got one that takes longer"
        else:
            limit = f"in {MEMORY >> 20} MiB of memory, got one that needs more"
        return Reading.refusal(path, f"{path.name}: expected a submission that can be read {limit}")

    def _with_faults(self, reading: Reading) -> Reading:
        line = self._process.stdout.readline(_MAX_LINE)
        if line.endswith("\n"):
            notes = tuple(json.loads(line))
        else:
            self._end()
            notes = ("expected modules that Python can compile, got one that ended it",)
        return replace(reading, notes=(*reading.notes, *notes))

    def _start(self) -> None:
        self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "milestones.instructor.grading.reader", str(SECONDS), str(MEMORY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            encoding="ascii",
        )
        if self._process.stdout.readline() != _READY:
            raise CourseError(f"expected a process that reads submissions, got one that ended with {self._end()}")

    def _end(self) -> int | None:
        """End the process, and return its exit status, which is negative if a signal ended it."""
        if self._process is None:
            return None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.stdout.close()
        status = self._process.wait()
        self._process = None
        return status


def main(seconds: int, memory: int) -> None:
    """Read submissions until the input ends."""
    modules = load_course().modules
    for limit, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))
    sys.stdout.write(_READY)
    sys.stdout.flush()
    for line in sys.stdin:
        # The default action of both signals ends the process, even within a call that never returns to Python.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, _WALL_SECONDS_PER_SECOND * seconds)
        reading = read(Path(json.loads(line)), modules)
        sys.stdout.write(to_line(reading) + "\n")
        sys.stdout.flush()
        sys.stdout.write(json.dumps(compiling.faults(reading.files, modules)) + "\n")
        sys.stdout.flush()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
