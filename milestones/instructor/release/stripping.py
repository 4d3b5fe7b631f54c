"""Take solutions and hidden tests out of modules, test files and notebooks, with nbgrader's preprocessors.

They see a Python source as one code cell, so the same rule holds for `.py` and `.ipynb`.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from nbformat.warnings import DuplicateCellId
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from nbgrader.utils import is_grade, is_solution

from milestones.course import CourseError
from milestones.instructor.release.markers import HIDDEN_TESTS, SOLUTION, Region, find_regions


@dataclass(frozen=True)
class Secret:
    """A line that students must not see.

    Attributes:
        text: the line, without the white space around it.
        kind: `SOLUTION` or `HIDDEN_TESTS`.
        place: its file and line.
    """

    text: str
    kind: str
    place: str


@dataclass(frozen=True)
class Stripped:
    """A source after stripping.

    Attributes:
        text: the source as students get it.
        secrets: the lines that were taken out.
        regions: their places in a source of Python.
    """

    text: str
    secrets: list[Secret]
    regions: list[Region] = field(default_factory=list)


def strip_source(text: str, name: str) -> Stripped:
    """Strip a source of Python.

    Args:
        text: the source.
        name: its path, for messages.

    Raises:
        CourseError: a marker is unbalanced or misspelled.
    """
    places = [f"{name}:{number}" for number in range(1, text.count("\n") + 2)]
    regions = find_regions(text, places)
    kinds = {region.kind for region in regions}
    nbgrader = {"solution": SOLUTION in kinds, "grade": HIDDEN_TESTS in kinds, "grade_id": "source", "task": False}
    notebook = new_notebook(cells=[new_code_cell(text, metadata={"nbgrader": nbgrader})])
    _preprocess(notebook, name)
    return Stripped(notebook.cells[0].source, list(_secrets(text, regions, places)), regions)


def strip_notebook(text: str, name: str) -> Stripped:
    """Strip a notebook; cells with a solution or a hidden test lose their outputs too.

    Raises:
        CourseError: it is not a notebook, a marker is unbalanced or misspelled, or a cell with a marker lacks
            nbgrader's metadata.
    """
    notebook = _read_notebook(text, name)
    secrets = []
    raw_lines = text.split("\n")
    position = 0
    for cell in notebook.cells:
        places = []
        for line in cell.source.split("\n"):
            position = _next_line(raw_lines, line, position)
            places.append(f"{name}:{max(position, 1)}")
        regions = find_regions(cell.source, places)
        secrets += _secrets(cell.source, regions, places)
        kinds = {region.kind for region in regions}
        for kind, has_metadata in ((SOLUTION, is_solution(cell)), (HIDDEN_TESTS, is_grade(cell))):
            if kind in kinds and not has_metadata:
                word = "solution" if kind == SOLUTION else "grade"
                raise CourseError(f"{places[0]}: expected nbgrader's metadata {word}: true on the cell, got none")
        if is_solution(cell) and SOLUTION not in kinds:
            lines = cell.source.split("\n")
            secrets += [Secret(line.strip(), SOLUTION, place) for line, place in zip(lines, places, strict=True)]
        if cell.cell_type == "code" and (is_solution(cell) or HIDDEN_TESTS in kinds):
            cell.outputs, cell.execution_count = [], None
    _preprocess(notebook, name)
    return Stripped(nbformat.writes(notebook).rstrip("\n") + "\n", secrets)


def _preprocess(notebook: NotebookNode, name: str) -> None:
    try:
        for preprocessor in (ClearSolutions(), ClearHiddenTests()):
            preprocessor.preprocess(notebook, {})
    except (RuntimeError, ValueError) as error:
        raise CourseError(f"{name}:1: expected what nbgrader can strip, got: {error}") from None


def _secrets(text: str, regions: list[Region], places: list[str]) -> Iterator[Secret]:
    lines = text.split("\n")
    for region in regions:
        for number in range(region.begin + 1, region.end):
            yield Secret(lines[number - 1].strip(), region.kind, places[number - 1])


def _read_notebook(text: str, name: str) -> NotebookNode:
    """Read a notebook; a cell without an id gets its number, since nbformat would draw one at random."""
    try:
        content = json.loads(text)
        if content["nbformat"] != 4:
            raise ValueError(f"format {content['nbformat']}, not 4")
        if content["nbformat_minor"] >= 5:
            for number, cell in enumerate(content["cells"]):
                cell.setdefault("id", f"cell-{number}")
        with warnings.catch_warnings():
            warnings.simplefilter("error", DuplicateCellId)
            return nbformat.reads(json.dumps(content), as_version=nbformat.NO_CONVERT)
    except (ValueError, KeyError, TypeError, AttributeError, DuplicateCellId) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CourseError(f"{name}:{getattr(error, 'lineno', 1)}: expected a notebook, got: {reason}") from None


def _next_line(raw_lines: list[str], line: str, start: int) -> int:
    """Find the next line of a notebook's file, by number, that holds a line of a cell; `start` if none does."""
    spellings = {json.dumps(line + end, ensure_ascii=ascii) for end in ("", "\n") for ascii in (True, False)}
    if line.strip():
        for number, raw_line in enumerate(raw_lines[start:], start=start + 1):
            if raw_line.strip().removesuffix(",") in spellings:
                return number
    return start
