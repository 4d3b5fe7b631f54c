"""Pack a submission, after checking that it is complete and can be imported."""

import ast
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from milestones.course import PACKAGE, ROOT, CourseError, Milestone, load_course
from milestones.stubs import find_stubs

SECONDS_TO_IMPORT = 120
_CACHES = ("__pycache__", ".*")
_NO_ANSWER = "YOUR ANSWER HERE"  # What nbgrader puts in the place of an answer.

_IMPORT = """
import importlib, json, sys
sys.path.insert(0, "")
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
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
print("imported")
"""


@dataclass(frozen=True)
class Submit:
    """Check that the modules of a milestone are complete and can be imported, and pack them for handing in.

    python -m milestones submit 1
    """

    milestone: Positional[int]
    """Number of the milestone."""
    out: Path = Path("submission.zip")
    """Archive to write; an earlier one is replaced."""


def run(configuration: Submit) -> int:
    """Pack a submission and list its modules."""
    submit(configuration.milestone, configuration.out)
    return 0


def submit(number: int, out: Path, root: Path = ROOT) -> None:
    """Write the archive to hand in, and say what else to hand in; the same sources always give the same bytes.

    Args:
        number: of the milestone.
        out: archive to write; it replaces an earlier one, unless something is missing.
        root: the student's template.

    Raises:
        CourseError: a module is missing, is not Python, cannot be imported, or lacks the name of a task.
    """
    milestones = load_course(root).up_to(number).milestones
    names = _sources(root)
    _check_is_complete(root, names, milestones)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        archive = Path(folder) / "submission.zip"
        _pack(archive, root, names)
        _check_imports(archive, milestones)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        size = archive.stat().st_size
        archive.replace(out)
    own = [f"{PACKAGE}/{module}.py" for milestone in milestones for module in milestone.modules]
    print(f"packed: {', '.join(own)} and {len(names) - len(own)} other modules")
    print(f"{out}: {size / 1000:.0f} kB, SHA-256 {digest}")
    for milestone in milestones:
        missing = _not_implemented(root, milestone)
        if missing:
            count = f"{len(missing)} of {len(milestone.tasks)} tasks"
            print(f"warning: {count} of milestone {milestone.number} are not implemented: {', '.join(missing)}")
    if milestones[-1].answers:
        _remind_of_answers(root, milestones[-1])


def _sources(root: Path) -> list[str]:
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


def _check_is_complete(root: Path, names: list[str], milestones: Iterable[Milestone]) -> None:
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


def _pack(archive: Path, root: Path, names: Iterable[str]) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            # A ZipInfo made by name has a fixed date, and nothing is compressed: the same bytes on every machine.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            opened.writestr(entry, (root / name).read_bytes())


def _check_imports(archive: Path, milestones: Iterable[Milestone]) -> None:
    """Import the packed modules in a separate process, which does not see the rest of the template."""
    tasks = [task.name for milestone in milestones for task in milestone.tasks]
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        words = [sys.executable, "-c", _IMPORT, json.dumps(tasks)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        try:
            result = subprocess.run(
                words,
                cwd=folder,
                env=environment,
                # A module that asks for input would wait for the student here, and finds none when it is graded.
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS_TO_IMPORT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            limit = f"{SECONDS_TO_IMPORT} seconds"
            raise CourseError(
                f"{PACKAGE}: expected modules that are imported within {limit}, got none so far"
            ) from None
    # A module can end the process itself, even with exit status 0.
    if result.returncode != 0 or not result.stdout.endswith("imported\n"):
        lines = result.stderr.strip().splitlines()
        ended = f"{PACKAGE}: expected modules that can be imported, got a process that ended with {result.returncode}"
        raise CourseError(lines[-1] if result.returncode == 1 and lines else ended)


def _not_implemented(root: Path, milestone: Milestone) -> list[str]:
    """List the ids of a milestone's tasks that still have a stub."""
    left = set()
    for module in milestone.modules:
        name = f"{PACKAGE}/{module}.py"
        tree = ast.parse((root / name).read_bytes())
        left |= {stub.task for stub in find_stubs(tree) if not stub.is_implemented}
    return [task.id for task in milestone.tasks if task.id in left]


def _remind_of_answers(root: Path, milestone: Milestone) -> None:
    """Print which notebook to hand in too, and which of its questions are left as they were handed out."""
    name = f"notebooks/milestone{milestone.number}.ipynb"
    print(f"hand in both: this archive, and {name} with your answers to its {len(milestone.answers)} questions")
    try:
        cells = json.loads((root / name).read_text(encoding="utf-8"))["cells"]
        sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in cells}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        print(f"warning: {name}: expected the notebook with your answers, got none that can be read")
        return
    answers = [sources.get(answer.id, "").strip() for answer in milestone.answers]
    left = [str(number) for number, answer in enumerate(answers, start=1) if answer in ("", _NO_ANSWER)]
    if left:
        print(f"warning: {len(left)} of {len(milestone.answers)} questions are not answered: {', '.join(left)}")
