"""The truth of `docs/architecture.md`: every path exists, and every call is made."""

import ast
import re

import pytest

from milestones.course import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREES = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)


def definition(file, name):
    """Find a function, class or method (`Class.method`) in a file by name."""
    node = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for part in name.split("."):
        found = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == part]
        assert found, f"expected {name} in {file}, got none"
        node = found[0]
    return node


def names_in(node):
    """Yield every name in a piece of code, including those that it defines."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.FunctionDef) and part is not node:
            yield part.name


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.split()[0].rpartition("/")[2])
def test_every_call_is_made(tree):
    callers = []
    for line in tree.splitlines():
        file, name = line.split()
        depth = (len(line) - len(line.lstrip())) // 2
        callers[depth:] = [(file, name)]
        definition(file, name)
        if depth:
            called = set(names_in(definition(*callers[depth - 1])))
            assert name.rpartition(".")[2] in called, f"expected {name} to be called by {callers[depth - 1]}"


@pytest.mark.parametrize("package", ["speech_enhancement", "milestones"])
def test_every_room_exists_and_is_listed(package):
    (table,) = re.findall(rf"\| `{package}/` \| \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    named = re.findall(r"`([\w./]+)`", "\n".join(row.split("|")[1] for row in table.splitlines()))
    for name in named:
        assert (ROOT / package / name).exists(), name
    tops = {path.name for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    rooms = {name.partition("/")[0] for name in named}
    assert tops - {"__init__.py", "__main__.py"} <= rooms


def test_every_other_path_exists():
    for name in re.findall(r"`((?:tests|docs|speech_enhancement|milestones)/[\w./]+)`", PAGE):
        assert (ROOT / name).exists(), name
