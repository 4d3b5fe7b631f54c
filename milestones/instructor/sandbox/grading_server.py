"""A grading station: a process with judge and workers that grades one submission after another.

    python -m milestones.instructor.sandbox.grading_server MILESTONE FOLDER

The folder is for the submission and its scratch files, and is removed at the end. The station reads jobs from standard
input and writes records to standard output, one JSON object a line. Its first line says what confines its workers, and
what tests and libraries it grades with. It ends, and takes its workers with it, when its input ends.
"""

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from milestones.course import ROOT, Course, Milestone, load_course
from milestones.instructor import fingerprints
from milestones.instructor.records import Job, JobResult, ServerTerms, from_line, to_line
from milestones.instructor.sandbox import confinement

PACKAGE = ROOT / "speech_enhancement"
ATTEMPTS = 3
Shape = TypeVar("Shape")


def serve(number: int, folder: Path, jobs: Any, results: Any) -> None:
    """Grade each job of an open file, and write its record to another."""
    # Imported here: torch and pytest take seconds, and whoever only talks to a station needs neither.
    import torch

    from milestones.instructor.sandbox import judge, remote_package
    from milestones.instructor.sandbox.worker_client import Client
    from milestones.instructor.sandbox.worker_launcher import GraderFault, Nursery, Terms

    torch.set_num_threads(1)
    course = load_course()
    milestone = course.milestone(number)
    tests_hash = fingerprints.of_tests(milestone)
    scenarios = _scenarios(milestone)
    exchange = remote_package.install(PACKAGE, course.up_to(number).modules, scenarios)
    reference = {name: (PACKAGE / f"{name}.py").read_text("utf-8") for name in course.before(number).modules}
    package, scratch = folder / "package", folder / "scratch"
    package.mkdir()
    scratch.mkdir()
    nursery = Nursery(package, scratch)
    # An answer of an odd shape could make a comparison as large as this machine.
    confinement.limit_memory(milestone.memory_mebibytes * 2**20)
    try:
        terms = Terms(package, scratch, milestone.seconds_per_test, milestone.memory_mebibytes, 0, scenarios)
        bench = judge.Bench(exchange, milestone.tests, scratch)
        probe = Client(nursery, terms)
        probe.begin_test()
        with contextlib.suppress(Exception):
            probe.call("stft.none", (), {})
        probe.discard()
        isolation = tuple(probe.isolation)
        _write(results, ServerTerms(isolation, tests_hash, fingerprints.of_environment()))
        for line in jobs:
            job = from_line(Job, line)
            terms.seed, terms.seconds = job.seed, job.seconds_per_test
            client = Client(nursery, terms)
            second = Client(nursery, Terms(**{**vars(terms), "reference": reference})) if reference else None
            try:
                _lay_out(course, job.files, package, scratch)
                graded = bench.grade(job.tests, client, second, course.depending_on_earlier(number))
                result = JobResult(tuple(graded), isolation)
            except (GraderFault, Exception) as fault:
                result = JobResult.fault(job, f"{type(fault).__name__}: {fault}", isolation)
            _write(results, result)
    finally:
        nursery.close()
        confinement.remove(folder)


def _lay_out(course: Course, files: dict[str, str], package: Path, scratch: Path) -> None:
    """Put the submission's files, and those provided ones that it lacks, where the worker finds them."""
    confinement.remove(*package.iterdir(), *scratch.iterdir())
    ours = package / "speech_enhancement"
    for source in PACKAGE.rglob("*.py"):
        target = ours / source.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for name in course.modules:
        (ours / f"{name}.py").unlink()
    for name, text in files.items():
        target = ours / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", errors="surrogateescape")


def _scenarios(milestone: Milestone) -> str:
    path = milestone.tests / "scenarios.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _write(results: Any, shape: ServerTerms | JobResult) -> None:
    results.write(to_line(shape) + "\n")
    results.flush()


class StationFault(Exception):
    """A station ended or did not answer."""


class Station:
    """A station in a process of its own.

    Args:
        number: of the milestone.

    Attributes:
        terms: on which it grades.
    """

    def __init__(self, number: int):
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115, closed by close()
        self._folder = Path(tempfile.mkdtemp(prefix="grading_"))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "milestones.instructor.sandbox.grading_server", str(number), str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            text=True,
        )
        try:
            self.terms = self._read(ServerTerms, 120)
        except StationFault:
            self.close()
            raise

    def grade(self, job: Job, seconds: float) -> JobResult:
        """The result of one job.

        Raises:
            StationFault: it ended, or took longer.
        """
        try:
            self.process.stdin.write(to_line(job) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise StationFault(f"a grading station ended ({error})") from None
        return self._read(JobResult, seconds)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()
        confinement.remove(self._folder)

    def _read(self, kind: type[Shape], seconds: float) -> Shape:
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self._log.seek(0)
            last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
            raise StationFault(f"a grading station ended without an answer: {last[:300]}")
        return from_line(kind, line)


_idle: dict[int, queue.SimpleQueue] = {}


def grade(job: Job) -> JobResult:
    """Grade one submission on a station of this process that is idle, or on a new one.

    Returns:
        What came of it. A fault of the grader is tried again before it is told.
    """
    stations = _idle.setdefault(job.milestone, queue.SimpleQueue())
    for attempt in range(ATTEMPTS):
        station = None
        try:
            station = _take(stations, job)
            isolation = station.terms.isolation
            if not confinement.is_strong(isolation) and not job.allow_weak_isolation:
                raise StationFault(f"isolation: expected Landlock and seccomp, got {', '.join(isolation)}")
            result = station.grade(job, 60 + 3 * len(job.tests) * job.seconds_per_test)
            if result.has_fault and attempt + 1 < ATTEMPTS:
                station.close()
                continue
            stations.put(station)
            return result
        except StationFault as error:
            message = str(error)
            if station is not None:
                station.process.kill()
                station.close()
    return JobResult.fault(job, message)


def _take(stations: queue.SimpleQueue, job: Job) -> Station:
    """An idle station that grades as the job asks, or a new one; those from before a test was mended are closed."""
    while not stations.empty():
        with contextlib.suppress(queue.Empty):
            station = stations.get_nowait()
            if _differing(station, job) is None:
                return station
            station.close()
    station = Station(job.milestone)
    if name := _differing(station, job):
        station.close()
        raise StationFault(
            f"{name}: expected {getattr(job, name)[:12]}, as where grading began,"
            f" got {getattr(station.terms, name)[:12]}"
        )
    return station


def _differing(station: Station, job: Job) -> str | None:
    hashes = ("tests_hash", "environment_hash")
    return next((name for name in hashes if getattr(station.terms, name) != getattr(job, name)), None)


@contextlib.contextmanager
def local_executor(jobs: int) -> Iterator[Executor]:
    """Threads that each wait for a grading station; what has not begun is dropped where grading is broken off."""
    executor = ThreadPoolExecutor(jobs)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
        close_all()


def close_all() -> None:
    """End the idle stations of this process."""
    for stations in _idle.values():
        while not stations.empty():
            stations.get().close()


if __name__ == "__main__":
    # What tests and libraries print must not stand between the records.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(null, 0)
    serve(int(sys.argv[1]), Path(sys.argv[2]), lines, answers)
