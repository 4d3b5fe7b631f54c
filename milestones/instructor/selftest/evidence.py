"""The evidence on which points rest: for each test, the kind of what the judge compares.

A test's kind follows from the names of the package and of the scenarios that it uses, itself or through the functions
and fixtures of its file.
"""

import ast
import tempfile
from collections import Counter
from pathlib import Path

from milestones import graded_tests
from milestones.course import PACKAGE, CourseError, Milestone
from milestones.instructor.sandbox.remote_package import SCENARIOS

VALUES = "results that the judge compares with its own or with properties of any right result"
WEIGHTS = "outputs and gradients of networks whose weights the judge holds"
TRAINING = "losses and weights that the judge computes once more"
FILES = "files that the judge has written, or reads itself"
WORD = "the submission's word"
KINDS = (VALUES, WEIGHTS, TRAINING, FILES, WORD)

_KINDS_OF_NAMES = {
    "scenarios.train_once": TRAINING,
    "scenarios.validate_once": TRAINING,
    "scenarios.fit_once": TRAINING,
    "scenarios.save": FILES,
    "scenarios.load": FILES,
    "scenarios.new_process": FILES,
    "scenarios.in_another_process": FILES,
    "scenarios.items_from_workers": FILES,
    "scenarios.KnownMask": WEIGHTS,
    "scenarios.Twice": WEIGHTS,
    "data": FILES,
    "unet": WEIGHTS,
}
"""Kinds by the name of a scenario, or of a module of the package; other modules give values, other scenarios a word."""


def points(milestone: Milestone) -> dict[str, float]:
    """Sum up the points of a milestone's tests by the kind of their evidence.

    Raises:
        CourseError: a test uses nothing of the package.
    """
    with tempfile.TemporaryDirectory() as folder:
        tests = graded_tests.collect(milestone.tests, Path(folder, "tests.json"))
    found: Counter[str] = Counter()
    for file in sorted({test.id.partition("::")[0] for test in tests}):
        kinds = _kinds(milestone.tests / file)
        for test in tests:
            name, _, function = test.id.partition("::")
            if name == file:
                found[kinds[function.partition("[")[0]]] += test.points
    return {kind: found[kind] for kind in KINDS}


def _kinds(path: Path) -> dict[str, str]:
    """Find the kind of each test function of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.asname or name.name: f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    used = {node.name: _names(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {name: _kind(path, name, used, imported) for name in used if name.startswith("test_")}


def _kind(path: Path, test: str, used: dict[str, set[str]], imported: dict[str, str]) -> str:
    reached, waiting = set(), [test]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += used.get(name, ())
    full_names = {imported[name] for name in reached if name in imported}
    kinds = {_kind_of_name(name) for name in full_names if name.partition(".")[0] in (PACKAGE, SCENARIOS)}
    if not kinds:
        raise CourseError(f"{path}: {test}: expected a test of something of {PACKAGE}, got none")
    # A test that looks at files needs a training to make them, and one on a word is not better for other evidence.
    return next(kind for kind in (WORD, FILES, TRAINING, WEIGHTS, VALUES) if kind in kinds)


def _kind_of_name(name: str) -> str:
    module = name.split(".")[1]
    default = WORD if name.startswith(SCENARIOS) else VALUES
    return _KINDS_OF_NAMES.get(name, _KINDS_OF_NAMES.get(module, default))


def _names(node: ast.AST) -> set[str]:
    """Names and parameters, which may be fixtures, in a definition and its decorators."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names | {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
