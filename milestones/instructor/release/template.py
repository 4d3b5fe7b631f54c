"""The student's template: this repository without solutions, hidden tests and the tools of instructors."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from milestones.course import ROOT, CourseError, Milestone, load_milestone, milestone_numbers
from milestones.graded_tests import collect
from milestones.instructor.configuration import Release
from milestones.instructor.release.consistency import (
    check_handout,
    check_module,
    check_notebook,
    check_tests,
    task_places,
)
from milestones.instructor.release.leaks import RENAMED, SharedLines, check_no_leak
from milestones.instructor.release.stripping import Stripped, strip_notebook, strip_source

FOLDERS = ("speech_enhancement", "notebooks")
"""What is released whole, where it is there."""

FILES = (
    ".gitignore",
    "docs/corpora.md",
    "milestones/__init__.py",
    "milestones/__main__.py",
    "milestones/course.py",
    "milestones/score_table.py",
    "milestones/pytest_plugin.py",
    "milestones/stubs.py",
    "milestones/submit.py",
    "milestones/graded_tests.py",
    "pyproject.toml",
    "setup.cfg",
    "tests/__init__.py",
    "tests/conftest.py",
)
"""What else is released, where it is there."""

SHARED_LINES = "milestones/instructor/release/shared_lines.toml"
INSTRUCTORS_EXTRAS = ("test", "cluster", "bench")
_CACHES = ("__pycache__", ".*", "*.pyc")


def run(configuration: Release) -> int:
    """Write the template that the command line asks for."""
    release(configuration.out, configuration.milestone)
    return 0


def release(out: Path, last: int | None = None, root: Path = ROOT) -> None:
    """Write the student's template: the same source gives the same bytes.

    Args:
        out: folder to make; it must not hold anything yet.
        last: number of the last milestone whose tests, handout and notebook are released; by default all are. The
            modules of later milestones are stubs too, because provided modules import them.
        root: the repository.

    Raises:
        CourseError: the course does not fit together, or the template would give away a line of a solution or of a
            hidden test; the message names file and line. Nothing is left in `out` then.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CourseError(f"{out}: expected an empty or new folder, got one that holds something")
    known = [load_milestone(number, root) for number in milestone_numbers(root)]
    milestones = [milestone for milestone in known if last is None or milestone.number <= last]
    if last is not None and last not in milestone_numbers(root):
        load_milestone(last, root)
    files = {name: _strip(root, name) for name in _released(root, milestones)}
    _check(root, files, milestones, known)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        template = Path(folder) / "template"
        for name, content in files.items():
            _write(template / name, content.text.encode() if isinstance(content, Stripped) else content)
        for name, source in RENAMED.items():
            _write(template / name, (root / source).read_bytes())
        secrets = [secret for content in _stripped(root, files) for secret in content.secrets]
        check_no_leak(template, root, secrets, SharedLines(root / SHARED_LINES))
        for path in (template, *template.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        template.replace(out)
    points = sum(milestone.points for milestone in milestones)
    numbers = ", ".join(str(milestone.number) for milestone in milestones)
    print(f"{out}: {len(files) + len(RENAMED)} files; milestones {numbers}, {points:g} points with the hidden tests")


def _released(root: Path, milestones: list[Milestone]) -> list[str]:
    """Paths of the files that are released, in order; caches and hidden files are left where they are."""
    suites = [f"{place}/milestone{milestone.number}" for milestone in milestones for place in ("milestones", "tests")]
    names = [name for name in FILES if (root / name).is_file()]
    for folder in (*FOLDERS, *suites):
        names += _files(root, folder)
    released = {milestone.number for milestone in milestones}
    later = {f"notebooks/milestone{number}.ipynb" for number in milestone_numbers(root) if number not in released}
    return sorted(set(names) - later)


def _files(root: Path, folder: str) -> Iterator[str]:
    for path in (root / folder).iterdir() if (root / folder).is_dir() else ():
        name = f"{folder}/{path.name}"
        if any(path.match(cache) for cache in _CACHES):
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise CourseError(f"{name}:1: expected a file or a folder, got a link or a device")
        if path.is_dir():
            yield from _files(root, name)
        else:
            yield name


def _strip(root: Path, name: str) -> Stripped | bytes:
    """What students get of a file."""
    data = (root / name).read_bytes()
    if name == "setup.cfg":
        return _without_extras(data.decode("utf-8")).encode()
    if not name.endswith((".py", ".ipynb")):
        return data
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CourseError(f"{name}:{line}: expected UTF-8, got {data[error.start : error.end]!r}") from None
    return strip_source(text, name) if name.endswith(".py") else strip_notebook(text, name)


def _without_extras(text: str) -> str:
    """setup.cfg without the extras that only instructors need, and the comments right before them."""
    names = "|".join(INSTRUCTORS_EXTRAS)
    return re.sub(rf"(?m)(^#.*\n)*^(?:{names}) *=.*\n(?:[ \t]+.*\n)*", "", text)


def _check(root: Path, files: dict[str, Stripped | bytes], milestones: list[Milestone], known: list[Milestone]) -> None:
    tasks = {task.id: task for milestone in known for task in milestone.tasks}
    released = {}
    for milestone in milestones:
        name = f"milestones/milestone{milestone.number}/milestone.toml"
        released |= task_places(milestone, (root / name).read_text(encoding="utf-8"), name)
        handout = f"milestones/milestone{milestone.number}/README.md"
        text = files[handout].decode("utf-8") if handout in files else ""
        check_handout(text, handout, milestone, released)
        notebook = f"notebooks/milestone{milestone.number}.ipynb"
        if notebook in files:
            check_notebook((root / notebook).read_text(encoding="utf-8"), notebook, milestone)
    for module in sorted({task.module for task in tasks.values()}):
        name = f"speech_enhancement/{module}.py"
        if name not in files:
            raise CourseError(f"{name}:1: expected the module of a task, got none")
        own = {task: place for task, place in released.items() if tasks[task].module == module}
        check_module((root / name).read_text(encoding="utf-8"), files[name], name, tasks, own)
    for milestone in milestones:
        suite = f"tests/milestone{milestone.number}/"
        regions = {name.removeprefix(suite): file.regions for name, file in files.items() if _is_source(name, suite)}
        with tempfile.TemporaryDirectory() as folder:
            tests = collect(root / suite, Path(folder) / "tests.json")
        check_tests(tests, regions, milestone, released)


def _is_source(name: str, suite: str) -> bool:
    return name.startswith(suite) and name.endswith(".py")


def _stripped(root: Path, files: dict[str, Stripped | bytes]) -> Iterator[Stripped]:
    """All that was taken out, also of the suites of milestones that are not released yet."""
    yield from (content for content in files.values() if isinstance(content, Stripped))
    for path in sorted((root / "tests").glob("milestone*/**/*.py")):
        name = path.relative_to(root).as_posix()
        if name not in files:
            yield strip_source(path.read_text(encoding="utf-8"), name)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
