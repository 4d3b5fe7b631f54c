"""The milestones of the course, each described by its `milestone.toml`, and the graph of their tasks.

A milestone is a folder `milestones/milestoneN`: all other code asks this module for numbers, modules and dependencies.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from milestones import model_terms
from milestones.model_terms import ModelTerms

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGE = "speech_enhancement"
"""Name of the package whose modules students write."""

_LIMITS_OF_TESTS = ("seconds_per_test", "seconds_per_submission", "memory_mebibytes")


class CourseError(ValueError):
    """A fault in the course's own files or in the options of a command; the message is one line."""


@dataclass(frozen=True)
class Task:
    """A task of a milestone.

    Attributes:
        id: id in the stub, the tests, the handout and the score table, such as "1.9".
        name: name of the function or class that the student writes, such as "augmentation.mix_at_snr".
        points: sum of the points of its tests.
        depends: ids of the tasks whose functions it calls.
    """

    id: str
    name: str
    points: float
    depends: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Name of the module in which it is written."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Answer:
    """A question in the milestone's notebook, answered in words; its points are added to those of the tasks.

    Attributes:
        id: nbgrader's `grade_id` of the answer's cell.
        points: highest number of points.
        question: the question in a few words, or the title of a section of the report.
        rubric: what earns the points, in a line that the handout repeats; "" where it does not.
    """

    id: str
    points: float
    question: str
    rubric: str = ""


@dataclass(frozen=True)
class LatePolicy:
    """The rule for late work: each day begun costs a share of the points; after the last day nothing counts."""

    share_per_day: float
    days: int


@dataclass(frozen=True)
class Milestone:
    """A milestone: tasks with tests, or a trained model.

    Attributes:
        number: number in its folder's name.
        title: text for headings.
        deadline: time of the deadline, with its time zone.
        seconds_per_test: wall-clock limit of one test; 0 without tests, as the next two.
        seconds_per_submission: wall-clock limit of all tests of a submission together.
        memory_mebibytes: memory that a submission may allocate beyond what importing torch takes.
        late: the rule for late work.
        tasks: tasks in the order of the handout; none if the work is a model.
        answers: questions of the notebook, or sections of the report.
        model: terms of the model; None if the work is tasks.
    """

    number: int
    title: str
    deadline: datetime
    seconds_per_test: float
    seconds_per_submission: float
    memory_mebibytes: int
    late: LatePolicy
    tasks: tuple[Task, ...]
    answers: tuple[Answer, ...] = ()
    model: ModelTerms | None = None

    @property
    def folder(self) -> Path:
        """Folder of handout and `milestone.toml`."""
        return ROOT / "milestones" / f"milestone{self.number}"

    @property
    def tests(self) -> Path:
        """Folder of the graded suite."""
        return ROOT / "tests" / f"milestone{self.number}"

    @property
    def points(self) -> float:
        """Sum of the tasks' points, or the most that a model can earn; those of the answers come on top."""
        return self.model.points if self.model else sum(task.points for task in self.tasks)

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules that its tasks fill, in the order of the tasks."""
        return tuple(dict.fromkeys(task.module for task in self.tasks))


@dataclass(frozen=True)
class Course:
    """Milestones in order, and the graph of their tasks; a task may depend on those of earlier milestones."""

    milestones: tuple[Milestone, ...]

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """All tasks by id, in the order of the milestones."""
        return {task.id: task for milestone in self.milestones for task in milestone.tasks}

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules that students write, in the order of the tasks."""
        return tuple(dict.fromkeys(task.module for task in self.tasks.values()))

    @property
    def tested(self) -> tuple[Milestone, ...]:
        """Milestones with tasks and tests, which a trained model has not."""
        return tuple(milestone for milestone in self.milestones if milestone.tasks)

    def milestone(self, number: int) -> Milestone:
        """Return the milestone with a number.

        Raises:
            CourseError: there is none.
        """
        for milestone in self.milestones:
            if milestone.number == number:
                return milestone
        raise _unknown(number, [milestone.number for milestone in self.milestones])

    def before(self, number: int) -> "Course":
        """Return the milestones before the one with a number."""
        return Course(tuple(milestone for milestone in self.milestones if milestone.number < number))

    def up_to(self, number: int) -> "Course":
        """Return the milestone with a number and those before it."""
        return Course((*self.before(number).milestones, self.milestone(number)))

    def dependencies(self, task: str) -> list[str]:
        """Ids of the tasks on which a task depends, directly or through others, in the order of the course."""
        found: set[str] = set()
        waiting = list(self.tasks[task].depends)
        while waiting:
            needed = waiting.pop()
            if needed not in found:
                found.add(needed)
                waiting += self.tasks[needed].depends
        return [each for each in self.tasks if each in found]

    def dependents(self, *tasks: str) -> set[str]:
        """Ids of the tasks that depend on at least one of the given tasks, directly or through others."""
        return {each for each in self.tasks if not set(tasks).isdisjoint(self.dependencies(each))}

    def depending_on_earlier(self, number: int) -> set[str]:
        """Ids of a milestone's tasks that depend on a task of an earlier milestone."""
        return self.dependents(*self.before(number).tasks) & {task.id for task in self.milestone(number).tasks}

    def in_order_of_need(self) -> list[str]:
        """Ids of all tasks in the order of the course, except that each comes after those on which it depends."""
        ordered: list[str] = []

        def put(task: str) -> None:
            for needed in self.tasks[task].depends:
                put(needed)
            if task not in ordered:
                ordered.append(task)

        for task in self.tasks:
            put(task)
        return ordered


def load_course(root: Path = ROOT) -> Course:
    """Read all milestones.

    Raises:
        CourseError: a `milestone.toml` lacks something, or the dependencies of a task cannot be met.
    """
    course = Course(tuple(load_milestone(number, root) for number in milestone_numbers(root)))
    for milestone in course.milestones:
        known = course.up_to(milestone.number).tasks
        for task in milestone.tasks:
            for needed in task.depends:
                if needed not in known:
                    expected = "expected tasks of this milestone or an earlier one in depends"
                    raise CourseError(f"{_path(milestone.number, root)}: task {task.id}: {expected}, got {needed}")
    for task in course.tasks:
        if task in course.dependencies(task):
            raise CourseError(f"task {task}: expected dependencies on other tasks, got one on itself")
    return course


def load_milestone(number: int, root: Path = ROOT) -> Milestone:
    """Read `milestones/milestoneN/milestone.toml`.

    Raises:
        CourseError: there is no such milestone, or its file lacks something.
    """
    path = _path(number, root)
    if not path.is_file():
        raise _unknown(number, milestone_numbers(root))
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        if text["number"] != number:
            raise ValueError(f"number: expected {number}, as in the folder's name, got {text['number']}")
        model = model_terms.read(text["model"]) if "model" in text else None
        tasks = () if model else text["tasks"]
        return Milestone(
            number=text["number"],
            title=text["title"],
            deadline=_with_time_zone(text["deadline"]),
            **{name: 0 if model else text[name] for name in _LIMITS_OF_TESTS},
            late=LatePolicy(**text["late"]),
            tasks=tuple(Task(**{**task, "depends": tuple(task["depends"])}) for task in tasks),
            answers=tuple(Answer(**answer) for answer in text.get("answers", ())),
            model=model,
        )
    except KeyError as error:
        raise CourseError(f"{path}: expected an entry {error}, got none") from None
    except (TypeError, ValueError) as error:
        raise CourseError(f"{path}: {error}") from None


def milestone_numbers(root: Path = ROOT) -> list[int]:
    """Numbers of the milestones that have a `milestone.toml`."""
    files = (root / "milestones").glob("milestone[0-9]/milestone.toml")
    return sorted(int(path.parent.name.removeprefix("milestone")) for path in files)


def _path(number: int, root: Path) -> Path:
    return root / "milestones" / f"milestone{number}" / "milestone.toml"


def _unknown(number: int, known: Iterable[int]) -> CourseError:
    return CourseError(f"milestone: expected one of {', '.join(map(str, known))}, got {number}")


def _with_time_zone(deadline: datetime) -> datetime:
    if not isinstance(deadline, datetime) or deadline.tzinfo is None:
        raise ValueError(f"deadline: expected a date, a time and an offset (2026-12-18T23:59:00+01:00), got {deadline}")
    return deadline
