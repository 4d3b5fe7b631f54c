"""Search a template for lines of solutions and hidden tests."""

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from milestones.course import CourseError
from milestones.instructor.release.encodings import squeeze, texts
from milestones.instructor.release.markers import HIDDEN_TESTS, SOLUTION
from milestones.instructor.release.stripping import Secret

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RENAMED = {"README.md": "milestones/instructor/release/student_README.md"}
"""Files of the template that are made from a file of another name."""

SHORTEST = {SOLUTION: 12, HIDDEN_TESTS: 20}
"""A shorter line, in characters without white space, gives nothing away."""

_BEGINNING = 8  # A power of 2 below all of `SHORTEST`.


class SharedLines:
    """Lines of solutions that students may see: idioms of PyTorch, and lines that provided code shares with a solution.

    Args:
        path: file with a list `anywhere`, and a table `files` of lists by path.

    Raises:
        CourseError: the file does not have that form.
    """

    def __init__(self, path: Path):
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            self._anywhere = {squeeze(line) for line in content["anywhere"]}
            self._files = {name: {squeeze(line) for line in lines} for name, lines in content["files"].items()}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise CourseError(f"{path}:1: expected a list `anywhere` and a table `files`, got: {error}") from None

    def allows(self, line: str, file: str) -> bool:
        """Tell whether a line, without white space, may stand in a file."""
        return line in self._anywhere or line in self._files.get(file, ())


class _Beginnings:
    """First characters of secrets, found in a text in one pass for all secrets.

    Args:
        secrets: lines without white space.
    """

    def __init__(self, secrets: Iterable[str]):
        self._all = {line[:_BEGINNING] for line in secrets}
        self._has_hash = np.zeros(2**16, dtype=bool)
        for beginning in self._all:
            self._has_hash[_hashes(beginning)] = True

    def found_in(self, text: str) -> set[str]:
        """Find the beginnings that occur in a text."""
        (places,) = np.nonzero(self._has_hash[_hashes(text)])
        return self._all.intersection(text[place : place + _BEGINNING] for place in places)


def _hashes(text: str) -> np.ndarray:
    """Hash the characters that follow each place of a text, as many as a beginning has."""
    values = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    n_hashed = 1
    while n_hashed < _BEGINNING:
        values = values[:-n_hashed] * np.uint32(0x9E3779B1) + values[n_hashed:]
        n_hashed *= 2
    return values >> np.uint32(16)


def check_no_leak(template: Path, root: Path, secrets: Sequence[Secret], shared: SharedLines) -> None:
    """Search every file of a template for lines that were taken out of the source.

    Args:
        template: folder of the template.
        root: folder of the source; the message names a file and a line in it.
        secrets: the lines that were taken out.
        shared: lines that may be seen nevertheless.

    Raises:
        CourseError: a line was found; the message names its place, and the place from which it was taken.
    """
    files = sorted(path for path in template.rglob("*") if path.is_file())
    telling = _telling(secrets, {path.relative_to(template).as_posix(): path for path in files})
    beginnings = _Beginnings(telling)
    for path in files:
        name = path.relative_to(template).as_posix()
        forbidden = {line: secret for line, secret in telling.items() if not shared.allows(line, name)}
        data = path.read_bytes()
        for text in texts(data):
            found = beginnings.found_in(text.text)
            for line, secret in forbidden.items():
                position = text.text.find(line) if line[:_BEGINNING] in found else -1
                if position >= 0:
                    place = _place(root, name, data, text.line(position), {secret.place for secret in secrets})
                    kind = _KINDS[secret.kind]
                    raise CourseError(f"{place}: expected no line of {kind} ({secret.place}), got {secret.text}")


def _place(root: Path, name: str, data: bytes, number: int | None, taken_out: set[str]) -> str:
    """Find the file and the line of the source from which a line of the template comes."""
    name = RENAMED.get(name, name)
    if number is None:
        return f"{name}:1 (binary, or encoded)"
    line = data.decode("utf-8", errors="replace").split("\n")[number - 1]
    source = (root / name).read_text(encoding="utf-8", errors="replace") if (root / name).is_file() else ""
    for candidate, source_line in enumerate(source.split("\n"), start=1):
        place = f"{name}:{candidate}"
        if source_line.strip().rstrip(",") == line.strip().rstrip(",") and place not in taken_out:
            return place
    return f"{name}:{number}"


_KINDS = {SOLUTION: "a solution", HIDDEN_TESTS: "a hidden test"}


def _telling(secrets: Sequence[Secret], released: dict[str, Path]) -> dict[str, Secret]:
    """Choose the secrets that give something away, by their text without white space.

    A line that a hidden test shares with the code of visible tests, such as one that makes a signal, is no secret.
    """
    suites = [name for name in released if name.startswith("tests/") and name.endswith(".py")]
    visible = "\n".join(_code(released[name].read_text(encoding="utf-8"), name) for name in suites)
    telling: dict[str, Secret] = {}
    for secret in secrets:
        line = squeeze(secret.text)
        is_shared = secret.kind == HIDDEN_TESTS and (line in visible or secret.text.startswith(("import ", "from ")))
        if len(line) >= SHORTEST[secret.kind] and not is_shared:
            telling.setdefault(line, secret)
    return telling


def _code(source: str, name: str) -> str:
    """Remove comments, docstrings and white space from a source of Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        expected = "Python when the hidden tests are taken out"
        raise CourseError(f"{name}:{error.lineno}: expected {expected}, got: {error.msg}") from None
    docstrings = {node.lineno for node in ast.walk(tree) if _is_docstring(node)}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    kept = [token for token in tokens if token.type != tokenize.COMMENT and token.start[0] not in docstrings]
    return squeeze("".join(token.string for token in kept))


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
