"""What all submissions of a milestone are asked, and the job that a submission becomes."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from milestones import graded_tests
from milestones.course import Milestone
from milestones.instructor import fingerprints
from milestones.instructor.grading import submissions
from milestones.instructor.verdict import Verdict


@dataclass(frozen=True)
class Exam:
    """What all submissions are asked.

    Attributes:
        milestone: which one.
        tests: those that are expected.
        tests_hash, environment_hash: see `fingerprints`.
    """

    milestone: Milestone
    tests: list[graded_tests.GradedTest]
    tests_hash: str
    environment_hash: str

    @classmethod
    def of(cls, milestone: Milestone) -> "Exam":
        with tempfile.TemporaryDirectory() as folder:
            tests = graded_tests.collect(milestone.tests, Path(folder, "tests.json"))
        return cls(milestone, tests, fingerprints.of_tests(milestone), fingerprints.of_environment())

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
                tests = [Verdict(graded_tests.TestState.REFUSED).line(test) for test in self.tests]
                return record | {"refused": str(reason), "tests": tests}, None
            package = Path(folder, "speech_enhancement")
            files = {
                str(file.relative_to(package)): file.read_bytes().decode("utf-8", errors="surrogateescape")
                for file in sorted(package.rglob("*.py"))
            }
        seed = int(fingerprints.digest(record["submission_hash"].encode(), bytes([self.milestone.number]))[:8], 16)
        return record | {"seed": seed}, self.job(files, seed, allow_weak_isolation)

    def job(self, files: dict[str, str], seed: int = 0, allow_weak_isolation: bool = False) -> dict:
        """What a station is told."""
        return {
            "milestone": self.milestone.number,
            "files": files,
            "seed": seed,
            "tests": [asdict(test) for test in self.tests],
            "tests_hash": self.tests_hash,
            "environment_hash": self.environment_hash,
            "seconds_per_test": self.milestone.seconds_per_test,
            "allow_weak_isolation": allow_weak_isolation,
        }
