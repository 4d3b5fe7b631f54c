"""What a milestone consists of, as its `milestone.toml` tells it."""

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


class CourseError(ValueError):
    """Something in the course's own files is not as it must be; the message names file and line."""


@dataclass(frozen=True)
class Task:
    """A task of a milestone.

    Attributes:
        id: as it stands in stub, tests, handout and score table, "1.9".
        name: what the student writes, "augmentation.mix_at_snr".
        points: sum of the points of its tests.
        depends: ids of the tasks whose functions it calls.
    """

    id: str
    name: str
    points: float
    depends: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Answer:
    """A question in the milestone's notebook whose answer an instructor reads; its points come on top of the tasks'.

    Attributes:
        id: nbgrader's `grade_id` of the answer's cell.
        points: at most.
        question: in short.
    """

    id: str
    points: float
    question: str


@dataclass(frozen=True)
class LatePolicy:
    """Each day that has begun after the deadline takes a share of the points; after the last nothing counts."""

    share_per_day: float
    days: int


@dataclass(frozen=True)
class Milestone:
    """A milestone.

    Attributes:
        number: 1, 2 or 3.
        deadline: with its time zone.
        seconds_per_test: wall-clock limit of one test.
        memory_mebibytes: what a submission may allocate beyond what importing torch takes.
    """

    number: int
    title: str
    deadline: datetime
    seconds_per_test: float
    memory_mebibytes: int
    late: LatePolicy
    tasks: tuple[Task, ...]
    answers: tuple[Answer, ...] = ()

    @property
    def folder(self) -> Path:
        """Where handout and `milestone.toml` lie."""
        return ROOT / "milestones" / f"milestone{self.number}"

    @property
    def tests(self) -> Path:
        """Where its graded suite lies."""
        return ROOT / "tests" / f"milestone{self.number}"

    @property
    def points(self) -> float:
        return sum(task.points for task in self.tasks)

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules that its tasks fill, in the order of the tasks."""
        return tuple(dict.fromkeys(task.module for task in self.tasks))


def load_milestone(number: int, root: Path = ROOT) -> Milestone:
    """Read `milestones/milestoneN/milestone.toml`.

    Raises:
        CourseError: there is no such milestone, or its file lacks something.
    """
    path = root / "milestones" / f"milestone{number}" / "milestone.toml"
    if not path.is_file():
        known = ", ".join(str(n) for n in milestone_numbers(root))
        raise CourseError(f"milestone: expected one of {known}, got {number}")
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        return Milestone(
            number=text["number"],
            title=text["title"],
            deadline=_with_time_zone(text["deadline"]),
            seconds_per_test=text["seconds_per_test"],
            memory_mebibytes=text["memory_mebibytes"],
            late=LatePolicy(**text["late"]),
            tasks=tuple(Task(**{**task, "depends": tuple(task["depends"])}) for task in text["tasks"]),
            answers=tuple(Answer(**answer) for answer in text.get("answers", ())),
        )
    except KeyError as error:
        raise CourseError(f"{path}: expected an entry {error}, got none") from None
    except (TypeError, ValueError) as error:
        raise CourseError(f"{path}: {error}") from None


def milestone_numbers(root: Path = ROOT) -> list[int]:
    """Numbers of the milestones that have a `milestone.toml`."""
    files = (root / "milestones").glob("milestone[0-9]/milestone.toml")
    return sorted(int(path.parent.name.removeprefix("milestone")) for path in files)


def _with_time_zone(deadline: datetime) -> datetime:
    if not isinstance(deadline, datetime) or deadline.tzinfo is None:
        raise ValueError(f"deadline: expected a date, a time and an offset (2026-12-18T23:59:00+01:00), got {deadline}")
    return deadline
