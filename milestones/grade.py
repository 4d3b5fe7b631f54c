"""The command `grade`: all submissions of a milestone, in parallel, and again from where it was when it was stopped."""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm.auto import tqdm

from milestones import reports, results, scores, station, submissions, suite
from milestones.configuration import Grade
from milestones.course import CourseError, Milestone, load_milestone
from milestones.verdict import Verdict

_LIBRARIES = ("torch", "torchaudio", "numpy", "scipy", "soundfile", "pytest")


def run(configuration: Grade) -> int:
    """Grade what is not graded yet, and write grades and pages; 1 where the grader itself failed on a submission."""
    milestone = load_milestone(configuration.milestone)
    paths = submissions.find(configuration.submissions)
    if not paths:
        raise CourseError(f"{configuration.submissions}: expected submissions, folders or archives, got none")
    configuration.out.mkdir(parents=True, exist_ok=True)
    exam = Exam.of(milestone)
    log = configuration.out / "results.jsonl"
    before = results.latest(results.read(log))
    jobs = []
    for path in paths:
        record, job = exam.prepare(path, configuration.allow_weak_isolation)
        if not _is_done(before.get((record["submission"], milestone.number)), record):
            jobs.append((record, job))
    with _executor(configuration) as executor:
        grade_all(jobs, executor, log)
    after = results.latest(results.read(log))
    names = {submissions.name(path) for path in paths}
    records = [record for (name, number), record in after.items() if number == milestone.number and name in names]
    _print(configuration, milestone, before, after, records)
    return int(any(test["state"] == "grader fault" for record in records for test in record["tests"]))


@dataclass(frozen=True)
class Exam:
    """What all submissions are asked.

    Attributes:
        milestone: which one.
        tests: those that are expected.
        tests_hash: of all that decides what is asked.
        environment_hash: of the versions of Python and the libraries.
    """

    milestone: Milestone
    tests: list[suite.GradedTest]
    tests_hash: str
    environment_hash: str

    @classmethod
    def of(cls, milestone: Milestone) -> "Exam":
        with tempfile.TemporaryDirectory() as folder:
            tests = suite.collect(milestone.tests, Path(folder, "tests.json"))
        files = [*sorted(milestone.tests.glob("*.py")), milestone.folder / "milestone.toml"]
        if milestone.number > 1:
            files += [station.PACKAGE / f"{name}.py" for name in load_milestone(1).modules]
        versions = [platform.python_version(), *map(importlib.metadata.version, _LIBRARIES)]
        return cls(milestone, tests, _hash(*(path.read_bytes() for path in files)), _hash(*map(str.encode, versions)))

    def prepare(self, path: Path, allow_weak_isolation: bool) -> tuple[dict, dict | None]:
        """The head of a submission's record, and the job that completes it; no job where the submission is refused."""
        record = {
            "submission": submissions.name(path),
            "milestone": self.milestone.number,
            "submission_hash": "",
            "tests_hash": self.tests_hash,
            "environment_hash": self.environment_hash,
            "isolation": [],
            "seed": 0,
            "submitted": submissions.submitted(path).isoformat(),
            "refused": None,
            "tests": [],
        }
        with tempfile.TemporaryDirectory() as folder:
            try:
                record["submission_hash"] = submissions.unpack(path, Path(folder))
            except submissions.Refused as reason:
                tests = [Verdict("refused").line(test) for test in self.tests]
                return record | {"refused": str(reason), "tests": tests}, None
            package = Path(folder, "speech_enhancement")
            files = {
                str(file.relative_to(package)): file.read_bytes().decode("utf-8", errors="surrogateescape")
                for file in sorted(package.rglob("*.py"))
            }
        seed = int(_hash(record["submission_hash"].encode(), bytes([self.milestone.number]))[:8], 16)
        return record | {"seed": seed}, self.job(files, seed, allow_weak_isolation)

    def job(self, files: dict[str, str], seed: int = 0, allow_weak_isolation: bool = False) -> dict:
        """What a station is told."""
        return {
            "milestone": self.milestone.number,
            "files": files,
            "seed": seed,
            "tests": [asdict(test) for test in self.tests],
            "seconds_per_test": self.milestone.seconds_per_test,
            "allow_weak_isolation": allow_weak_isolation,
        }


def grade_all(jobs: list[tuple[dict, dict | None]], executor: Executor, log: Path) -> None:
    """Grade jobs, and append each record to the log as it is done."""
    futures = {}
    with tqdm(total=len(jobs), desc="grading", unit="submission", disable=not jobs) as bar:
        for record, job in jobs:
            if job is None:
                results.append(log, record)
                bar.update()
            else:
                futures[executor.submit(station.grade, job)] = record
        for future in as_completed(futures):
            results.append(log, futures[future] | future.result())
            bar.update()


@contextlib.contextmanager
def local_executor(jobs: int) -> Iterator[Executor]:
    """Threads that each wait for a grading station; what has not begun is dropped where grading is broken off."""
    executor = ThreadPoolExecutor(jobs)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
        station.close_all()


@contextlib.contextmanager
def _executor(configuration: Grade) -> Iterator[Executor]:
    if configuration.dask is None:
        with local_executor(configuration.jobs or len(os.sched_getaffinity(0))) as executor:
            yield executor
        return
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--dask: expected the package distributed, which is not installed") from None
    with Client(configuration.dask) as client:
        yield client.get_executor(pure=False)


def _is_done(before: dict | None, now: dict) -> bool:
    """Whether a record of the same submission on the same tests in the same environment is there, and no fault in it."""
    hashes = ("submission_hash", "tests_hash", "environment_hash", "refused")
    if before is None or any(before[name] != now[name] for name in hashes):
        return False
    return not any(test["state"] == "grader fault" for test in before["tests"])


def _print(configuration: Grade, milestone: Milestone, before: dict, after: dict, records: list[dict]) -> None:
    all_scores = reports.write(configuration.out, records, milestone)
    print(reports.table(all_scores, milestone))
    known = {key: record for key, record in before.items() if key[1] == milestone.number}
    for line in scores.changes(known, {key: after[key] for key in known}, milestone):
        print(line)
    print(f"{configuration.out / 'grades.csv'}, {configuration.out / 'class.html'}, {configuration.out / 'feedback'}")


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
