"""The student's template: this repository without the solutions, the hidden tests and the instructors' tools."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from milestones.course import ROOT, Course, CourseError, Milestone, load_course
from milestones.graded_tests import collect
from milestones.instructor.configuration import Release
from milestones.instructor.release.consistency import check_module, check_notebook, check_tests, task_places
from milestones.instructor.release.handouts import check_headings, check_points, check_rules
from milestones.instructor.release.leaks import RENAMED, SharedLines, check_no_leak
from milestones.instructor.release.references import check_references
from milestones.instructor.release.stripping import Stripped, strip_notebook, strip_source

RELEASED = (
    "speech_enhancement",
    "milestones",
    "notebooks",
    "tests/milestone*",
    # The pytest plugin, the notes that the README names, the licence, and the settings of git and installation.
    "tests/*.py",
    ".gitignore",
    "LICENSE",
    "docs/corpora.md",
    "pyproject.toml",
    "setup.cfg",
)
"""Files, and folders with all their contents, that students get. `RENAMED` adds their README."""

KEPT = ("milestones/instructor", "__pycache__", "*.pyc", ".*")
"""Names in these folders that are not released: the instructors' tools, caches and hidden files."""

SHARED_LINES = "milestones/instructor/release/shared_lines.toml"
INSTRUCTORS_EXTRAS = ("test", "hub", "cluster", "bench", "quality")
_OF_A_MILESTONE = re.compile(r"/milestone(\d+)(?=[/.])")


def run(configuration: Release) -> int:
    """Write the template that the command line asks for."""
    release(configuration.out, configuration.milestone)
    return 0


def release(out: Path, last: int | None = None, root: Path = ROOT) -> None:
    """Write the student's template; the same source always gives the same bytes.

    Args:
        out: folder to make; it must not hold anything yet.
        last: number of the last milestone whose tests, handout and notebook are released; by default all are. The
            modules of later milestones are stubs too, because provided modules import them.
        root: the repository.

    Raises:
        CourseError: the course does not fit together, or the template would give away a line of a solution or of a
            hidden test; the message names file and line, and nothing is left in `out`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CourseError(f"{out}: expected an empty or new folder, got one that holds something")
    course = load_course(root)
    released = course if last is None else course.up_to(last)
    files = {name: _strip(root, name) for name in _released_files(root, released)}
    _check(root, files, released, course)
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
    points = sum(milestone.points for milestone in released.milestones)
    numbers = ", ".join(str(milestone.number) for milestone in released.milestones)
    print(f"{out}: {len(files) + len(RENAMED)} files; milestones {numbers}, {points:g} points with the hidden tests")


def _released_files(root: Path, released: Course) -> list[str]:
    """List the paths of the files that are released, in order; those of later milestones are left out."""
    numbers = {str(milestone.number) for milestone in released.milestones}
    places = [place for pattern in RELEASED for place in root.glob(pattern)]
    names = sorted({name for place in places for name in _files(root, place)})
    return [name for name in names if set(_OF_A_MILESTONE.findall(name)) <= numbers]


def _files(root: Path, place: Path) -> Iterator[str]:
    """Yield the path of a file, or of each file in a folder."""
    name = place.relative_to(root).as_posix()
    if place.is_symlink() or not (place.is_dir() or place.is_file()):
        raise CourseError(f"{name}:1: expected a file or a folder, got a link or a device")
    if place.is_file():
        yield name
    else:
        for child in place.iterdir():
            if not any(child.match(pattern) for pattern in KEPT):
                yield from _files(root, child)


def _strip(root: Path, name: str) -> Stripped | bytes:
    """Read a file in the form in which students get it."""
    data = (root / name).read_bytes()
    if name == "setup.cfg":
        return _without_instructors(data.decode("utf-8")).encode()
    if not name.endswith((".py", ".ipynb")):
        return data
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CourseError(f"{name}:{line}: expected UTF-8, got {data[error.start : error.end]!r}") from None
    return strip_source(text, name) if name.endswith(".py") else strip_notebook(text, name)


def _without_instructors(text: str) -> str:
    """Remove the instructors' extras, with the comments right before them, and their files from setup.cfg."""
    names = "|".join(INSTRUCTORS_EXTRAS)
    text = re.sub(rf"(?m)(^#.*\n)*^(?:{names}) *=.*\n(?:[ \t]+.*\n)*", "", text)
    return re.sub(r"(?m)^[ \t]+instructor/.*\n", "", text)


def _check(root: Path, files: dict[str, Stripped | bytes], released: Course, course: Course) -> None:
    """Check that stubs, handouts, notebooks and tests of the released milestones fit together.

    Args:
        root: the repository.
        files: the contents of all released files by path.
        released: the milestones that are released.
        course: all milestones.

    Raises:
        CourseError: something does not fit; the message names file and line.
    """
    places = {}
    for milestone in released.milestones:
        name = f"milestones/milestone{milestone.number}/milestone.toml"
        places |= task_places(milestone, (root / name).read_text(encoding="utf-8"), name)
        check_headings(*_handout(files, milestone), milestone, places)
        check_rules(*_handout(files, milestone), milestone)
        notebook = f"notebooks/milestone{milestone.number}.ipynb"
        if notebook in files:
            check_notebook((root / notebook).read_text(encoding="utf-8"), notebook, milestone)
    for module in sorted(course.modules):
        name = f"speech_enhancement/{module}.py"
        if name not in files:
            raise CourseError(f"{name}:1: expected the module of a task, got none")
        own = {task: place for task, place in places.items() if course.tasks[task].module == module}
        check_module((root / name).read_text(encoding="utf-8"), files[name], name, course.tasks, own)
    for milestone in released.milestones:
        suite = f"tests/milestone{milestone.number}/"
        regions = {name.removeprefix(suite): file.regions for name, file in files.items() if _is_source(name, suite)}
        with tempfile.TemporaryDirectory() as folder:
            tests = collect(root / suite, Path(folder) / "tests.json") if milestone.tasks else []
        check_tests(tests, regions, milestone, places)
        check_points(*_handout(files, milestone), milestone, tests)
    texts = {name: text for name, content in files.items() if (text := _text(name, content)) is not None}
    texts |= {name: (root / source).read_text(encoding="utf-8") for name, source in RENAMED.items()}
    check_references(texts, {*_released_files(root, course), *RENAMED}, root)


def _handout(files: dict[str, Stripped | bytes], milestone: Milestone) -> tuple[str, str]:
    """Return the text of a milestone's handout, which is empty where there is none, and its path."""
    name = f"milestones/milestone{milestone.number}/README.md"
    return files.get(name, b"").decode("utf-8"), name


def _text(name: str, content: Stripped | bytes) -> str | None:
    """Return the text of Python, a notebook or Markdown; None for other files."""
    if isinstance(content, Stripped):
        return content.text
    return content.decode("utf-8") if name.endswith(".md") else None


def _is_source(name: str, suite: str) -> bool:
    return name.startswith(suite) and name.endswith(".py")


def _stripped(root: Path, files: dict[str, Stripped | bytes]) -> Iterator[Stripped]:
    """Yield all sources that lost lines, and the suites of milestones that are not released yet."""
    yield from (content for content in files.values() if isinstance(content, Stripped))
    for path in sorted((root / "tests").glob("milestone*/**/*.py")):
        name = path.relative_to(root).as_posix()
        if name not in files:
            yield strip_source(path.read_text(encoding="utf-8"), name)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
