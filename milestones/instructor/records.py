"""The data that passes between processes or is stored in a file: a job, its result, and the log of a grading.

A grading server receives a `Job`, and answers with a `TestResult` for each test and a `JobEnd`; a line of
`results.jsonl` is a `Record`. Only this module reads and writes them as JSON. Reading checks entries and types, since a
log may come from another version of the grader.
"""

import contextlib
import functools
import json
import os
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from milestones.course import CourseError
from milestones.graded_tests import GradedTest, TestState

LOG_NAME = "results.jsonl"
"""Name of a grading's log, in the folder of its grades."""

Shape = TypeVar("Shape")
_PLAIN_TYPES = {str: str, int: int, bool: bool, float: int | float, NoneType: NoneType}


@dataclass(frozen=True)
class FailedImport:
    """A module of a submission whose import ended the worker.

    Attributes:
        module: its name.
        state: state of each test that needs the module.
        message: the reason.
    """

    module: str
    state: TestState
    message: str


@dataclass(frozen=True)
class Job:
    """A submission, and the tests to grade it with.

    Attributes:
        milestone: number of the milestone.
        files: sources of the submission's package, by path within the package.
        seed: of what the tests draw; that of the workers follows from it.
        tests: the expected tests, in the order in which they are to run.
        tests_hash, environment_hash: those of the process that sends the job, see `fingerprints`.
        seconds_per_test: wall-clock limit of one test.
        seconds: wall-clock limit of all tests together.
        allow_weak_isolation: True to grade it even if Landlock or seccomp is missing.
        tells: True if messages may be shown; no server that ran a hidden test or the reference may take such a job.
        on_reference: True to run the tests on the reference's modules of earlier milestones.
        failed_imports: modules that earlier jobs could not import.
    """

    milestone: int
    files: dict[str, str]
    seed: int
    tests: tuple[GradedTest, ...]
    tests_hash: str
    environment_hash: str
    seconds_per_test: float
    seconds: float
    allow_weak_isolation: bool
    tells: bool = False
    on_reference: bool = False
    failed_imports: tuple[FailedImport, ...] = ()


@dataclass(frozen=True)
class TestResult:
    """The outcome of one test, as a record holds it.

    Attributes:
        id, task, points, sentence, category, hint: of the test, see `GradedTest`.
        hidden: True for a hidden test.
        state: of the test.
        message: the reason, "" if it could reveal what a hidden test checks.
        seconds: wall-clock time.
        on_reference: True if it failed on the student's modules of an earlier milestone, and passed on the reference's.
    """

    # Keep pytest from collecting the class if a test imports it.
    __test__ = False

    id: str
    task: str
    points: float
    hidden: bool
    sentence: str
    category: str | None
    hint: str | None
    state: TestState
    message: str
    seconds: float
    on_reference: bool

    @classmethod
    def of(
        cls, test: GradedTest, state: TestState, message: str = "", seconds: float = 0.0, on_reference: bool = False
    ) -> "TestResult":
        """Make the result of a test, without a message that the student must not read."""
        tells = state == TestState.GRADER_FAULT or not (test.is_hidden or on_reference)
        return cls(
            id=test.id,
            task=test.task,
            points=test.points,
            hidden=test.is_hidden,
            sentence=test.sentence,
            category=test.category,
            hint=test.hint,
            state=state,
            message=message if tells else "",
            seconds=round(seconds, 3),
            on_reference=on_reference,
        )


@dataclass(frozen=True)
class JobEnd:
    """The end of a job.

    Attributes:
        seconds: wall-clock time of its tests.
        failed_imports: modules that it could not import.
        fault: the reason for which the grader failed before all tests had a result; None if it did not.
    """

    seconds: float
    failed_imports: tuple[FailedImport, ...] = ()
    fault: str | None = None


@dataclass(frozen=True)
class JobResult:
    """The results of a job's tests.

    Attributes:
        tests: one result for each test of the job, in its order.
        end: its end; the seconds are those of all attempts, and the fault is the grader's.
        isolation: names of what confined the workers.
        notes: remarks for the record.
    """

    tests: tuple[TestResult, ...]
    end: JobEnd
    isolation: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def fault(cls, job: Job, message: str, isolation: tuple[str, ...] = ()) -> "JobResult":
        """Make the result of a job that could not be graded."""
        tests = (TestResult.of(test, TestState.GRADER_FAULT, message) for test in job.tests)
        return cls(tuple(tests), JobEnd(0.0, fault=message), isolation)

    @property
    def has_fault(self) -> bool:
        """Return True if the grader failed on a test."""
        return any(test.state == TestState.GRADER_FAULT for test in self.tests)


@dataclass(frozen=True)
class ServerTerms:
    """The terms on which a grading server grades; it states them before it takes a job.

    Attributes:
        isolation: names of what confines its workers.
        tests_hash, environment_hash: see `fingerprints`.
    """

    isolation: tuple[str, ...]
    tests_hash: str
    environment_hash: str


@dataclass(frozen=True)
class Record:
    """The grading of one submission.

    Attributes:
        submission: its name.
        milestone: number of the milestone.
        submission_hash: of its files; "" where it was refused.
        tests_hash, environment_hash: see `fingerprints`.
        isolation: names of what confined the workers.
        seed: of what the tests draw; that of the workers follows from it.
        submitted: time of handing in.
        refused: reason why it was not graded, None if it was.
        notes: what was chosen or left out when it was read, for the student to read.
        tests: one result for each test.
    """

    submission: str
    milestone: int
    submission_hash: str
    tests_hash: str
    environment_hash: str
    isolation: tuple[str, ...]
    seed: int
    submitted: datetime
    refused: str | None
    notes: tuple[str, ...]
    tests: tuple[TestResult, ...]

    @property
    def has_fault(self) -> bool:
        """Return True if the grader failed on a test."""
        return any(test.state == TestState.GRADER_FAULT for test in self.tests)


def append(path: Path, record: Any) -> None:
    """Add a record, a dataclass, to a log, and wait until it is on the disk.

    If a kill has cut off the last line, that line is ended first, so that it does not spoil the next one.
    """
    line = json.dumps(asdict(record), ensure_ascii=False, default=datetime.isoformat)
    with path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode("utf-8", errors="surrogatepass") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, kind: type[Shape] = Record) -> list[Shape]:
    """Read all records of a log, in order, without lines that a kill has cut off.

    Args:
        path: the log; without it, there are no records.
        kind: dataclass of its lines.

    Raises:
        CourseError: a complete line is not a record; the message names the line.
    """
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entries = json.loads(line.decode("utf-8", errors="surrogatepass"))
        except ValueError:
            continue
        try:
            records.append(_checked(kind, entries))
        except ValueError as error:
            raise CourseError(
                f"{path}:{number}: expected a record of this version of the grader, got {error}"
            ) from None
    return records


def latest(records: list[Record]) -> dict[tuple[str, int], Record]:
    """Keep the last record of each submission and milestone."""
    return {(record.submission, record.milestone): record for record in records}


def to_line(shape: Job | TestResult | JobEnd | ServerTerms) -> str:
    """Write a dataclass as one line of ASCII, which any pipe accepts."""
    return json.dumps(asdict(shape))


def from_line(kind: type[Shape], line: str) -> Shape:
    """Read a dataclass from its line.

    Raises:
        ValueError: the line holds something else.
    """
    return _checked(kind, json.loads(line))


def _checked(kind: Any, value: Any, place: str = "") -> Any:
    """Convert a JSON value to an instance of a type.

    Args:
        kind: a dataclass, or the type of a field of one.
        value: value read from JSON.
        place: path of the value, such as "tests.state".

    Raises:
        ValueError: the value does not fit the type; the message continues a sentence after "got".
    """
    if is_dataclass(kind) and isinstance(value, dict):
        types = _types(kind)
        for name in sorted(types.keys() ^ value.keys()):
            raise ValueError(f"one {'with' if name in value else 'without'} {_below(place, name)}")
        return kind(**{name: _checked(types[name], value[name], _below(place, name)) for name in types})
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_checked(get_args(kind)[0], each, place) for each in value)
    if get_origin(kind) is dict and isinstance(value, dict):
        return {name: _checked(get_args(kind)[1], each, place) for name, each in value.items()}
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if isinstance(kind, UnionType):
        for each in get_args(kind):
            with contextlib.suppress(ValueError):
                return _checked(each, value, place)
    if isinstance(value, _PLAIN_TYPES.get(kind, ())):
        return value
    if isinstance(value, str) and isinstance(kind, type) and issubclass(kind, Enum | datetime):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(value) if kind is datetime else kind(value)
    raise ValueError(f"{place or 'one'} = {value!r:.60}")


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


@functools.cache
def _types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
