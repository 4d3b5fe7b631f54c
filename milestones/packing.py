"""What `submit` packs: the package's sources in an archive of the same bytes everywhere, which is tried before use."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from milestones.course import PACKAGE, CourseError, Milestone

WEIGHTS = "model.safetensors"
"""Name of the file that holds a model in an archive."""

SECONDS_TO_IMPORT = 120
DONE = "done"
"""What code that is run apart prints at its end."""

_CACHES = ("__pycache__", ".*")

_APART = """
import sys
sys.path.insert(0, "")
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
"""

_IMPORT = """
import importlib, json
for name in json.loads(sys.argv[1]):
    module, _, function = name.partition(".")
    try:
        loaded = importlib.import_module("speech_enhancement." + module)
    except BaseException as error:
        lines = str(error).strip().splitlines()
        raise SystemExit(f"speech_enhancement/{module}.py: expected a module that can be imported, got "
                         + ": ".join([type(error).__name__, *lines[:1]]))
    if not hasattr(loaded, function):
        raise SystemExit(f"speech_enhancement/{module}.py: expected {function} in it, got none of that name")
print("done")
"""


def sources(root: Path) -> list[str]:
    """List the paths of the package's modules, without caches, weights and pages, which are not handed in."""
    names = []
    for folder, folders, files in os.walk(root / PACKAGE):
        folders[:] = [name for name in folders if not any(Path(name).match(cache) for cache in _CACHES)]
        paths = [Path(folder, name) for name in files if name.endswith(".py") and not name.startswith(".")]
        names += [path.relative_to(root).as_posix() for path in paths]
    for name in names:
        if (root / name).is_symlink():
            raise CourseError(f"{name}: expected a file, got a link")
    return sorted(names)


def notebook_of(root: Path, number: int) -> str:
    """Path of a milestone's notebook below the template, which has it at its top if it came from nbgrader."""
    name = f"milestone{number}.ipynb"
    return name if (root / name).is_file() else f"notebooks/{name}"


def check_is_complete(root: Path, names: Sequence[str], milestones: Iterable[Milestone]) -> None:
    """Check that the modules of milestones are among the sources, and that all sources are Python.

    Raises:
        CourseError: one is missing or cannot be compiled.
    """
    for milestone in milestones:
        for module in milestone.modules:
            if f"{PACKAGE}/{module}.py" not in names:
                raise CourseError(
                    f"{PACKAGE}/{module}.py: expected the module of milestone {milestone.number}, got none"
                )
    for name in names:
        try:
            compile((root / name).read_bytes(), name, "exec")
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or error
            raise CourseError(f"{name}:{line}: expected Python, got: {reason}") from None


@contextlib.contextmanager
def packed(out: Path, contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write contents by name into a zip archive, and yield a folder that holds what is in it.

    The archive replaces an earlier one if the block succeeds; the same contents always give the same bytes.

    Raises:
        CourseError: it cannot be written there.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise CourseError(f"--out: expected a file in a folder that is there, got {out}")
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        archive, unpacked = Path(folder) / "submission.zip", Path(folder) / "unpacked"
        _write(archive, contents)
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(unpacked)
        yield unpacked
        archive.replace(out)


def packed_bytes(contents: Mapping[str, bytes]) -> int:
    """Compute the size of the archive of contents by name.

    Source: APPNOTE.TXT, the ZIP file format specification, 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
    """
    return 22 + sum(30 + 46 + 2 * len(name.encode()) + len(content) for name, content in contents.items())


def described(out: Path) -> str:
    """Describe an archive in a line: its size and its hash."""
    content = out.read_bytes()
    return f"{out}: {len(content) / 1000:.0f} kB, SHA-256 {hashlib.sha256(content).hexdigest()}"


def check_imports(folder: Path, milestones: Iterable[Milestone]) -> None:
    """Import the modules of milestones in a fresh process.

    Args:
        folder: the unpacked archive.
        milestones: the milestones.

    Raises:
        CourseError: a module cannot be imported, or lacks the name of a task.
    """
    tasks = [task.name for milestone in milestones for task in milestone.tasks]
    run_apart(_IMPORT, [json.dumps(tasks)], folder, SECONDS_TO_IMPORT, "modules that can be imported")


def run_apart(code: str, arguments: Sequence[str], folder: Path, seconds: float, expected: str) -> None:
    """Run code in a fresh process, which finds the package in a folder and nothing else of the template.

    Args:
        code: Python, which prints `DONE` at its end.
        arguments: its arguments.
        folder: working folder, which holds the package.
        seconds: wall-clock limit.
        expected: what the process shows by ending well, for messages.

    Raises:
        CourseError: the process failed or took too long; its last line, if it raised `SystemExit` with one.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-c", _APART + code, *arguments],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            # A module that asks for input would wait for the student here, and finds none when it is graded.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CourseError(f"{PACKAGE}: expected {expected} within {seconds:g} seconds, got none so far") from None
    # A module can end the process itself, even with exit status 0.
    if result.returncode != 0 or not result.stdout.endswith(f"{DONE}\n"):
        lines = result.stderr.strip().splitlines()
        ended = f"{PACKAGE}: expected {expected}, got a process that ended with {result.returncode}"
        raise CourseError(lines[-1] if result.returncode == 1 and lines else ended)


def _write(archive: Path, contents: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in contents.items():
            # A ZipInfo made by name has a fixed date, and nothing is compressed: the same bytes on every machine.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            opened.writestr(entry, content)
