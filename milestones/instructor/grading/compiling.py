"""Modules that Python cannot compile: the student reads file, line and reason, whatever the tests may tell."""

import sys
import warnings
from collections.abc import Mapping, Sequence

_MAX_REASON = 300
_PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


def faults(files: Mapping[str, str], modules: Sequence[str]) -> list[str]:
    """Write a line about each module that cannot be compiled.

    Args:
        files: sources by path within the package; bytes that are not UTF-8 are lone surrogates.
        modules: names of the course's modules.
    """
    lines = []
    for file in (f"{module}.py" for module in modules if f"{module}.py" in files):
        fault = _fault(file, files[file].encode("utf-8", errors="surrogateescape"))
        if fault is not None:
            lines.append(f"{fault}; no test that imports {file} can pass")
    return lines


def _fault(file: str, source: bytes) -> str | None:
    zero = source.find(b"\0")
    if zero >= 0:
        line = source.count(b"\n", 0, zero) + 1
        return f"{file}, line {line}: expected text in UTF-8, got null bytes, which UTF-16 has"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{file}, line {error.lineno or 1}: expected {_PYTHON}, got: {str(error.msg)[:_MAX_REASON]}"
    # The compiler reports too deep nesting and too large numbers in several ways.
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        return f"{file}: expected {_PYTHON}, got: {type(error).__name__}: {str(error)[:_MAX_REASON]}"
    return None
