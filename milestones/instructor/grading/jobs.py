"""The tests for all submissions of a milestone, and the job that is made of each submission."""

import tempfile
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from milestones import graded_tests
from milestones.course import Milestone
from milestones.instructor import fingerprints
from milestones.instructor.grading.reading import Reading
from milestones.instructor.records import Job, Record, TestResult


@dataclass(frozen=True)
class Exam:
    """A milestone, its tests, and the hashes of everything on which its grades depend.

    Attributes:
        milestone: the milestone.
        tests: its tests, hidden ones included.
        tests_hash, environment_hash: see `fingerprints`.
    """

    milestone: Milestone
    tests: list[graded_tests.GradedTest]
    tests_hash: str
    environment_hash: str

    @classmethod
    def of(cls, milestone: Milestone) -> "Exam":
        """Collect the tests of a milestone; a model has none."""
        with tempfile.TemporaryDirectory() as folder:
            tests = graded_tests.collect(milestone.tests, Path(folder, "tests.json")) if milestone.tasks else []
        return cls(milestone, tests, fingerprints.of_tests(milestone), fingerprints.of_environment())

    def prepare(self, name: str, reading: Reading, allow_weak_isolation: bool) -> tuple[Record, Job | None]:
        """Make a submission's record without results, and the job that gives them; no job if it is refused."""
        record = self.record(name, datetime.fromtimestamp(reading.submitted, tz=timezone.utc))
        if reading.refused is not None:
            results = tuple(TestResult.of(test, graded_tests.TestState.REFUSED) for test in self.tests)
            return replace(record, refused=reading.refused, tests=results), None
        submission_hash = reading.submission_hash
        seed = int(fingerprints.digest(submission_hash.encode(), self.tests_hash.encode())[:8], 16)
        notes = (*reading.notes, *self._missing(reading.files))
        record = replace(record, submission_hash=submission_hash, seed=seed, notes=notes)
        return record, self.job(reading.files, seed, allow_weak_isolation)

    def _missing(self, files: Container[str]) -> list[str]:
        """Say which modules of the milestone were not handed in."""
        missing = [f"{name}.py" for name in self.milestone.modules if f"{name}.py" not in files]
        return [f"expected all modules of the milestone, got none of the name {', '.join(missing)}"] if missing else []

    def record(self, submission: str, submitted: datetime) -> Record:
        """Make the record of a submission before it is graded."""
        return Record(
            submission=submission,
            milestone=self.milestone.number,
            submission_hash="",
            tests_hash=self.tests_hash,
            environment_hash=self.environment_hash,
            isolation=(),
            seed=0,
            submitted=submitted,
            refused=None,
            notes=(),
            tests=(),
        )

    def job(self, files: dict[str, str], seed: int = 0, allow_weak_isolation: bool = False) -> Job:
        """Make the job that grades the given files."""
        return Job(
            milestone=self.milestone.number,
            files=files,
            seed=seed,
            tests=tuple(self.tests),
            tests_hash=self.tests_hash,
            environment_hash=self.environment_hash,
            seconds_per_test=self.milestone.seconds_per_test,
            seconds=self.milestone.seconds_per_submission,
            allow_weak_isolation=allow_weak_isolation,
        )
