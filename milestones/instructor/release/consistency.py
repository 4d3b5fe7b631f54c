"""Check that the course fits together: each task has its stub, its tests and its points."""

import ast
import json
import math
import re
from collections.abc import Sequence

from milestones.course import CourseError, Milestone, Task
from milestones.graded_tests import GradedTest
from milestones.instructor.release.markers import Region
from milestones.instructor.release.stripping import Stripped
from milestones.stubs import FUNCTIONS, find_stubs, raises_not_implemented

CATEGORIES = ("sizes", "dtypes and devices", "edge cases", "common mistakes")
_STUB_LINES = 2  # nbgrader replaces a solution by a comment and a `raise`.


def task_places(milestone: Milestone, text: str, name: str) -> dict[str, str]:
    """Find the file and line of each task's id.

    Args:
        milestone: the milestone.
        text: its `milestone.toml`.
        name: path of that file, for messages.
    """
    lines = text.split("\n")
    ids = [re.sub(r"""\s|["']""", "", line.partition("#")[0]) for line in lines]
    return {task.id: f"{name}:{ids.index(f'id={task.id}') + 1}" for task in milestone.tasks if f"id={task.id}" in ids}


def check_tests(
    tests: Sequence[GradedTest], regions: dict[str, list[Region]], milestone: Milestone, places: dict[str, str]
) -> None:
    """Check that each task has visible tests and the points of all its tests, and that markers enclose hidden tests.

    Args:
        tests: all tests of the milestone.
        regions: regions of each file of the suite, by file name.
        milestone: the milestone.
        places: places of its tasks in `milestone.toml`.

    Raises:
        CourseError: something does not fit.
    """
    folder = f"tests/milestone{milestone.number}"
    ids = {task.id for task in milestone.tasks}
    for test in tests:
        file = test.id.partition("::")[0]
        place = f"{folder}/{file}:{test.line}"
        is_between_markers = any(test.line in region for region in regions[file])
        if test.task not in ids:
            raise CourseError(f"{place}: expected a task of milestone {milestone.number}, got {test.task} ({test.id})")
        if test.is_hidden and not is_between_markers:
            raise CourseError(
                f"{place}: expected the hidden test {test.id} after ### BEGIN HIDDEN TESTS, got it outside"
            )
        if not test.is_hidden and is_between_markers:
            raise CourseError(f"{place}: expected a marker with hint= on the hidden test {test.id}, got none")
        if test.is_hidden and test.category not in CATEGORIES:
            raise CourseError(f"{place}: expected a category among {', '.join(CATEGORIES)}, got {test.category}")
        if not test.sentence:
            raise CourseError(f"{place}: expected a docstring that students read, got none ({test.id})")
    for task in milestone.tasks:
        own = [test for test in tests if test.task == task.id]
        if all(test.is_hidden for test in own):
            raise CourseError(f"{places[task.id]}: expected a visible test of task {task.id} in {folder}, got none")
        points = sum(test.points for test in own)
        if not math.isclose(points, task.points):
            expected = f"points = {points:g}, the sum of its tests"
            raise CourseError(f"{places[task.id]}: expected {expected}, for task {task.id}, got {task.points:g}")


def check_notebook(text: str, name: str, milestone: Milestone) -> None:
    """Check that nbgrader's graded cells are those of the milestone's tasks and questions, with their points.

    Args:
        text: the milestone's notebook.
        name: its path, for messages.
        milestone: the milestone.

    Raises:
        CourseError: a cell is missing, unknown or duplicated, or has other points.
    """
    expected = {f"task-{task.id.replace('.', '-')}": task.points for task in milestone.tasks}
    expected |= {answer.id: answer.points for answer in milestone.answers}
    marks = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(text)["cells"]]
    graded = [(mark["grade_id"], mark["points"]) for mark in marks if mark.get("grade")]
    for grade_id, points in graded:
        if grade_id not in expected or [each for each, _ in graded].count(grade_id) > 1:
            raise CourseError(f"{name}:1: expected one graded cell for each task and question, got {grade_id}")
        if not math.isclose(points, expected[grade_id]):
            raise CourseError(f"{name}:1: expected {expected[grade_id]:g} points of {grade_id}, got {points:g}")
    for grade_id in expected:
        if grade_id not in dict(graded):
            raise CourseError(f"{name}:1: expected a graded cell {grade_id}, got none")


def check_module(source: str, stripped: Stripped, name: str, tasks: dict[str, Task], places: dict[str, str]) -> None:
    """Check that a module has a stub for each task and a task for each stub, and that stubs raise NotImplementedError.

    Args:
        source: the module with its solutions.
        stripped: the module without them.
        name: its path, for messages.
        tasks: all tasks of the course by id.
        places: places of the module's own tasks in `milestone.toml`.

    Raises:
        CourseError: something does not fit.
    """
    tree = _parse(source, name)
    left = _parse(stripped.text, name, stripped)
    stubs = find_stubs(tree)
    for stub in stubs:
        if stub.task not in tasks:
            raise CourseError(f"{name}:{stub.node.lineno}: expected a task of a milestone.toml, got {stub.task}")
    found = {(stub.name, stub.task) for stub in stubs}
    for task, place in places.items():
        function = tasks[task].name.partition(".")[2]
        if (function, task) not in found:
            raise CourseError(
                f"{place}: expected a stub {function} with the heading 'Task {task}.' in {name}, got none"
            )
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    raising = {_line_in_source(node.lineno, stripped) for node in ast.walk(left) if _always_raises(node)}
    for region in stripped.regions:
        around = [node for node in functions if node.lineno < region.begin <= node.end_lineno]
        if not around or max(node.lineno for node in around) not in raising:
            raise CourseError(
                f"{name}:{region.begin}: expected a solution that is the body of a function, so that its stub raises"
                " NotImplementedError, got another"
            )
    for stub in stubs:
        functions = [stub.node] if isinstance(stub.node, FUNCTIONS) else stub.node.body
        if not any(node.lineno in raising for node in functions):
            raise CourseError(
                f"{name}:{stub.node.lineno}: expected a stub {stub.name} that raises NotImplementedError, got one that"
                " does not"
            )


def _always_raises(node: ast.AST) -> bool:
    """Tell whether a node is a function that raises NotImplementedError in every call."""
    if not isinstance(node, FUNCTIONS) or any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node)):
        return False
    for statement in node.body:
        if raises_not_implemented(statement):
            return True
        if any(isinstance(part, ast.Return) for part in ast.walk(statement)):
            return False
    return False


def _parse(source: str, name: str, stripped: Stripped | None = None) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        line = _line_in_source(error.lineno or 1, stripped) if stripped else error.lineno
        expected = "Python when the solutions are taken out" if stripped else "Python"
        raise CourseError(f"{name}:{line}: expected {expected}, got: {error.msg}") from None


def _line_in_source(line: int, stripped: Stripped) -> int:
    """Find the line of the source from which a line of the stripped module comes."""
    for region in stripped.regions:
        if line < region.begin + _STUB_LINES:
            break
        line += region.end - region.begin + 1 - _STUB_LINES
    return line
