"""Systems of the literature, from the table that the command `benchmark` has written into docs/benchmark.md."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from milestones.course import CourseError
from milestones.model_terms import METRICS
from speech_enhancement.evaluation.scoring import METRICS as TITLES
from speech_enhancement.systems.system import System

_MISSING = "-"


@dataclass(frozen=True)
class LiteratureSystem:
    """A row of the benchmark; what it does not give is None.

    Attributes:
        title: name of the system.
        scores: mean of each metric over the benchmark's recordings.
        parameters: number of its weights.
        real_time_factor: seconds of computing for each second of a recording, on the benchmark's machine.
    """

    title: str
    scores: Mapping[str, float | None]
    parameters: int | None
    real_time_factor: float | None


def read_literature(page: Path) -> list[LiteratureSystem]:
    """Read the rows of systems that denoise, and of their input, in the order of the table.

    Raises:
        CourseError: the page has no table of the benchmark, or a cell of it holds something else than a number.
    """
    rows = _rows(page)
    try:
        return [
            LiteratureSystem(
                title=row["system"],
                scores={metric: _number(row[TITLES[metric].title]) for metric in METRICS},
                parameters=None if row["parameters"] == _MISSING else int(row["parameters"].replace(",", "")),
                real_time_factor=_number(row["real-time factor"]),
            )
            for row in rows
            if row["task"] == System.task
        ]
    except KeyError as error:
        raise CourseError(f"{page}: expected a column {error} in the table of the benchmark, got none") from None
    except ValueError as error:
        raise CourseError(f"{page}: expected numbers in the table of the benchmark, got {error}") from None


def _rows(page: Path) -> list[dict[str, str]]:
    """Read the first table whose first columns are system and task, cells by the titles of their columns."""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    header = next((line for line in lines if _cells(line)[:2] == ["system", "task"]), None)
    if header is None:
        raise CourseError(f"{page}: expected a table that begins with the columns system and task, got none")
    next(lines, None)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(_cells(header), _cells(line), strict=False)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _number(cell: str) -> float | None:
    if cell == _MISSING:
        return None
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(repr(cell))
    return value
