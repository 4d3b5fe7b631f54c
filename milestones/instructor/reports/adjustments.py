"""An instructor's decisions besides the tests: points given by hand, and deadlines extended for one student.

Both are spreadsheets in the folder of the grades; grading only reads them. A row that cannot be understood stops the
grading, because a guess would change somebody's grade.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from milestones.course import CourseError, Milestone
from milestones.instructor.reports.escaping import same

MAX_HOURS = 366 * 24
_OVERRIDE_COLUMNS = ("submission", "milestone", "task", "points", "reason")
_EXTENSION_COLUMNS = ("submission", "milestone", "hours", "reason")


@dataclass(frozen=True)
class Override:
    """Points given by hand.

    Attributes:
        submission: its name.
        task: id of the task whose points they replace; "" for the total, which is then final.
        points: points that replace those from the tests.
        reason: for the student to read.
        place: name of the file, and line.
    """

    submission: str
    task: str
    points: float
    reason: str = ""
    place: str = ""


@dataclass(frozen=True)
class Extension:
    """A later deadline for one student.

    Attributes:
        submission: its name.
        hours: hours added to the deadline.
        reason: for the student to read.
        place: name of the file, and line.
    """

    submission: str
    hours: float
    reason: str = ""
    place: str = ""


def read_overrides(path: Path, milestone: Milestone) -> dict[str, dict[str, Override]]:
    """Read the overrides for a milestone, by submission (as spelt by `escaping.same`) and task; none without the file.

    A task may be given by its id or its name.

    Raises:
        CourseError: a row is malformed, or is a second one for the same points.
    """
    maxima = {"": milestone.points, **{task.id: task.points for task in milestone.tasks}}
    found: dict[str, dict[str, Override]] = {}
    for place, row in _rows(path, _OVERRIDE_COLUMNS, milestone):
        task = _task(place, row["task"], milestone)
        points = _number(place, "points", row["points"], maxima[task])
        override = Override(row["submission"], task, points, row["reason"], _short(place))
        of_submission = found.setdefault(same(row["submission"]), {})
        if task in of_submission:
            what = f"task {task}" if task else "the total"
            raise CourseError(f"{place}: expected one row for {what} of {row['submission']!r}, got a second")
        of_submission[task] = override
    return found


def read_extensions(path: Path, milestone: Milestone) -> dict[str, Extension]:
    """Read the extensions for a milestone, by submission (as spelt by `escaping.same`); none without the file.

    Raises:
        CourseError: a row is malformed, or is a second one for the same submission.
    """
    found: dict[str, Extension] = {}
    for place, row in _rows(path, _EXTENSION_COLUMNS, milestone):
        hours = _number(place, "hours", row["hours"], MAX_HOURS)
        if same(row["submission"]) in found:
            raise CourseError(f"{place}: expected one row for {row['submission']!r}, got a second")
        found[same(row["submission"])] = Extension(row["submission"], hours, row["reason"], _short(place))
    return found


def _rows(path: Path, columns: tuple[str, ...], milestone: Milestone) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place and the cells of each row for a milestone, without empty rows."""
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = tuple(text.strip() for text in next(reader, ()))
            if sorted(header) != sorted(columns):
                raise CourseError(f"{path}:1: expected the columns {','.join(columns)}, got {','.join(header)}")
            for cells in reader:
                place = f"{path}:{reader.line_num}"
                texts = [text.strip() for text in cells]
                if not any(texts):
                    continue
                if len(texts) != len(columns):
                    raise CourseError(f"{place}: expected {len(columns)} cells, got {len(texts)}")
                row = dict(zip(header, texts, strict=True))
                if not row["submission"]:
                    raise CourseError(f"{place}: expected the name of a submission, got none")
                if not row["milestone"].isdecimal():
                    raise CourseError(f"{place}: expected a milestone's number, got {row['milestone']!r}")
                if int(row["milestone"]) == milestone.number:
                    yield place, row
    except UnicodeDecodeError as error:
        raise CourseError(f"{path}: expected text in UTF-8, got a file that is not ({error.reason})") from None
    except csv.Error as error:
        raise CourseError(f"{path}:{reader.line_num}: expected comma-separated values, got: {error}") from None


def _task(place: str, text: str, milestone: Milestone) -> str:
    """Return the id of a task, "" for the total."""
    names = {"": "", **{task.id: task.id for task in milestone.tasks}, **{t.name: t.id for t in milestone.tasks}}
    if text not in names:
        raise CourseError(f"{place}: expected a task of milestone {milestone.number}, or none, got {text!r}")
    for task in milestone.tasks:
        # A spreadsheet takes both for a number, and cuts the last zero off.
        if task.id == f"{text}0":
            (other,) = (each.name for each in milestone.tasks if each.id == text)
            raise CourseError(f"{place}: expected {other} or {task.name}, got {text!r}, which may have been {task.id}")
    return names[text]


def _number(place: str, name: str, text: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:
        raise CourseError(f"{place}: {name}: expected a number from 0 to {most:g}, got {text!r}")
    return number


def _short(place: str) -> str:
    """Shorten a place to the file's name and the line, so that pages do not depend on the folder of the grades."""
    return Path(place).name
