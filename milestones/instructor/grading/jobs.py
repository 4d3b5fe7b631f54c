"""The tests for all submissions of a milestone, and the job that is made of each submission."""

import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from milestones import graded_tests
from milestones.course import PACKAGE, Milestone
from milestones.instructor import fingerprints
from milestones.instructor.grading import submissions
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
        """Collect the tests of a milestone."""
        with tempfile.TemporaryDirectory() as folder:
            tests = graded_tests.collect(milestone.tests, Path(folder, "tests.json"))
        return cls(milestone, tests, fingerprints.of_tests(milestone), fingerprints.of_environment())

    def prepare(self, path: Path, allow_weak_isolation: bool) -> tuple[Record, Job | None]:
        """Make a submission's record without results, and the job that gives them; no job if it is refused."""
        record = self.record(submissions.name(path), submissions.submitted(path))
        with tempfile.TemporaryDirectory() as folder:
            try:
                submission_hash = submissions.unpack(path, Path(folder))
            except submissions.Refused as reason:
                results = tuple(TestResult.of(test, graded_tests.TestState.REFUSED) for test in self.tests)
                return replace(record, refused=str(reason), tests=results), None
            package = Path(folder, PACKAGE)
            files = {
                str(file.relative_to(package)): file.read_bytes().decode("utf-8", errors="surrogateescape")
                for file in sorted(package.rglob("*.py"))
            }
        seed = int(fingerprints.digest(submission_hash.encode(), bytes([self.milestone.number]))[:8], 16)
        record = replace(record, submission_hash=submission_hash, seed=seed)
        return record, self.job(files, seed, allow_weak_isolation)

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
            allow_weak_isolation=allow_weak_isolation,
        )
