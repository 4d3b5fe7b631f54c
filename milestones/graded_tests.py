"""The tests of a milestone: their tasks, points, texts for students and possible outcomes."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import pytest

from milestones.course import CourseError


class TestState(str, Enum):
    """The outcome of a test; converted to text, it is its value."""

    # Keep pytest from collecting the class if a test imports it.
    __test__ = False

    PASSED = "passed"
    NOT_IMPLEMENTED = "not implemented"

    # On a student's machine, where a wrong result and a crash are the same state.
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_RUN = "not run"

    # In a grading.
    WRONG = "wrong"
    CRASHED = "crashed"
    OUT_OF_TIME = "out of time"
    OUT_OF_MEMORY = "out of memory"
    REFUSED = "refused"
    GRADER_FAULT = "grader fault"

    __str__ = str.__str__


@dataclass(frozen=True)
class GradedTest:
    """A test as pytest collects it: each set of parameters is a test of its own.

    Attributes:
        id: file and name below the suite's folder, "test_stft.py::test_shape".
        task: id of the task it belongs to.
        points: earned by passing it.
        sentence: first line of its docstring, for the student to read.
        category: kind of a hidden test's inputs; None for a visible test.
        hint: the only text about a failed hidden test that a student reads; None for a visible test.
        line: number of its line in the file.
    """

    id: str
    task: str
    points: float
    sentence: str
    category: str | None
    hint: str | None
    line: int

    @property
    def is_hidden(self) -> bool:
        """Return True if students get neither the test nor its message."""
        return self.hint is not None

    @classmethod
    def of(cls, item: pytest.Item) -> "GradedTest | None":
        """Make the graded test of a collected one; None if it has no `task` marker."""
        marker = item.get_closest_marker("task")
        if marker is None:
            return None
        (task,) = marker.args
        sentence = (item.function.__doc__ or "").strip().partition("\n")[0]
        return cls(
            id=f"{item.path.name}::{item.name}",
            task=task,
            points=marker.kwargs["points"],
            sentence=sentence,
            category=marker.kwargs.get("category"),
            hint=marker.kwargs.get("hint"),
            line=item.location[1] + 1,
        )


class _Listing:
    """Pytest plugin that writes the collected tests to a file."""

    def __init__(self, out: Path):
        self.out = out

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        unmarked = [item.nodeid for item in session.items if GradedTest.of(item) is None]
        tests = [asdict(GradedTest.of(item)) for item in session.items if item.nodeid not in unmarked]
        self.out.write_text(json.dumps({"tests": tests, "unmarked": unmarked}), encoding="utf-8")


def collect(folder: Path, out: Path) -> list[GradedTest]:
    """Collect the tests of a suite, in order, without running any.

    Args:
        folder: `tests/milestone1` of this repository or of a template.
        out: file for the list; a separate process imports the tests and writes it.

    Raises:
        CourseError: a file cannot be imported, or a test has no `task` marker.
    """
    words = [sys.executable, "-m", "milestones.graded_tests", str(folder), str(out)]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CourseError(f"{folder}: expected tests that can be collected, got {result.stdout.strip()[-2000:]}")
    listing = json.loads(out.read_text(encoding="utf-8"))
    if listing["unmarked"]:
        raise CourseError(f"{listing['unmarked'][0]}: expected a marker task(id, points), got none")
    return [GradedTest(**test) for test in listing["tests"]]


if __name__ == "__main__":
    words = [sys.argv[1], "--collect-only", "-q", "-p", "no:cacheprovider"]
    raise SystemExit(pytest.main(words, plugins=[_Listing(Path(sys.argv[2]))]))
