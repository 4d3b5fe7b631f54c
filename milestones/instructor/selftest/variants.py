"""Variants of the reference solution: pieces of code that replace parts of one of its modules.

A file of variants holds pieces; each begins with a header line and ends before the next one:

    # wrong 1.9: the noise is scaled by the power ratio; symptom: power ratio
    # right 1.9: with torchaudio's add_noise

A piece is appended to the module with the file's name, so that its definitions replace the module's own.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from milestones.course import CourseError, Task

_HEADER = re.compile(r"# (wrong|right) (\d+\.\d+): (.*)")


@dataclass(frozen=True)
class Variant:
    """A piece of code that makes a wrong or another right solution.

    Attributes:
        kind: "wrong" or "right".
        task: id of the task that it changes.
        title: the change in a few words.
        symptom: pattern that a message or a hint must match; None for a right solution.
        module: name of the module to which it is appended.
        code: its text.
    """

    kind: str
    task: str
    title: str
    symptom: str | None
    module: str
    code: str


def read(folder: Path, kind: str) -> list[Variant]:
    """Read the variants of a kind, in the order of files and pieces.

    Raises:
        CourseError: a file has no header, or a wrong piece names no symptom.
    """
    return [variant for path in sorted((folder / f"{kind}_solutions").glob("*.py")) for variant in _pieces(path, kind)]


def _pieces(path: Path, kind: str) -> Iterator[Variant]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    if not starts:
        raise CourseError(f"{path}:1: expected a line '# {kind} TASK: what it does', got none")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found, task, words = _HEADER.match(lines[start]).groups()
        title, _, symptom = words.partition("; symptom: ")
        if found != kind or (kind == "wrong") != bool(symptom):
            raise CourseError(f"{path}:{start + 1}: expected '# {kind} {task}: ...' and a symptom if wrong")
        yield Variant(kind, task, title, symptom or None, path.stem, "".join(lines[start + 1 : end]))


def emptied(task: Task, source: str) -> str:
    """Make a piece that empties the stub of one task: everything that the task defines raises NotImplementedError."""
    pieces = []
    for node in ast.parse(source).body:
        if not (ast.get_docstring(node) or "").startswith(f"Task {task.id}.") if _is_definition(node) else True:
            continue
        if isinstance(node, ast.ClassDef):
            base = "torch.nn.Module" if task.module == "unet" else "object"
            pieces.append(
                f"class {node.name}({base}):\n"
                "    def __init__(self, *arguments, **keywords):\n"
                "        raise NotImplementedError()\n"
            )
        else:
            pieces.append(f"def {node.name}(*arguments, **keywords):\n    raise NotImplementedError()\n")
    return "\n\n".join(pieces)


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef)
