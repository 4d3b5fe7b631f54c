"""The stubs in a module, their tasks, and whether they still raise NotImplementedError."""

import ast
import re
from dataclasses import dataclass

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HEADING = re.compile(r"Task (\d+\.\d+)\. \S")


@dataclass(frozen=True)
class Stub:
    """A function or class that students complete.

    Attributes:
        name: name in its module.
        task: id of the task in the heading of its docstring.
        node: its definition.
    """

    name: str
    task: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

    def __contains__(self, line: int) -> bool:
        """Return True if a line of the module, counted from 1, belongs to it."""
        first = min(node.lineno for node in (self.node, *self.node.decorator_list))
        return first <= line <= self.node.end_lineno

    @property
    def is_implemented(self) -> bool:
        """Return True if no statement `raise NotImplementedError` is left in it."""
        return not any(raises_not_implemented(node) for node in ast.walk(self.node))


def find_stubs(tree: ast.Module) -> list[Stub]:
    """Find the functions and classes of a module whose docstrings begin with a task's heading, "Task 1.1. Title"."""
    stubs = []
    for node in tree.body:
        docstring = ast.get_docstring(node) if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else None
        heading = _HEADING.match(docstring or "")
        if heading:
            stubs.append(Stub(node.name, heading[1], node))
    return stubs


def raises_not_implemented(statement: ast.AST) -> bool:
    """Return True for a statement `raise NotImplementedError`, with or without a message."""
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    error = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return isinstance(error, ast.Name) and error.id == "NotImplementedError"
