"""Find texts that point at files or modules of this repository that students do not get."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from posixpath import dirname, join, normpath

from milestones.course import CourseError
from milestones.instructor.release.leaks import RENAMED

_FOLDERS = "bench|deploy|docs|milestones|notebooks|speech_enhancement|tests"
_BEFORE = r"(?<![\w./\\-])"
# A path that a program completes, such as f"tests/milestone{number}", is followed by a brace or an asterisk.
_PATH = re.compile(rf"{_BEFORE}(?:{_FOLDERS})/[\w./-]*(?![\w./{{*<-])")
_MODULE = re.compile(rf"{_BEFORE}(?P<package>bench|deploy|milestones|speech_enhancement)\.(?!__)(?P<module>\w+)")
_LINK = re.compile(r"\]\((?![\w+]+:)(?P<path>[^)#\s]+)")


def check_references(texts: Mapping[str, str], names: Collection[str], root: Path) -> None:
    """Check each path from a folder of the repository, each link, and each module of one of its packages.

    Args:
        texts: Python, Markdown and notebooks by path, as students get them.
        names: paths of all files that students get, also with later milestones.
        root: folder of the source; the message names a file and a line in it.

    Raises:
        CourseError: students do not get what a text points at.
    """
    folders = {name[:end] for name in names for end, character in enumerate(name) if character == "/"}
    for name, text in texts.items():
        code, prose = _code_and_prose(name, text)
        missing = [*_missing_paths(code + prose, {*names, *folders}), *_missing_modules(code + prose, names, root)]
        missing += _missing_links(prose, dirname(name), {*names, *folders})
        for reference in missing:
            source = RENAMED.get(name, name)
            before = (root / source).read_text(encoding="utf-8").partition(reference)[0]
            place = f"{source}:{before.count(chr(10)) + 1}"
            raise CourseError(f"{place}: expected a reference to what students get, got {reference}")


def _code_and_prose(name: str, text: str) -> tuple[str, str]:
    """Separate code from Markdown; the outputs of a notebook are neither."""
    if not name.endswith(".ipynb"):
        return ("", text) if name.endswith(".md") else (text, "")
    sources = {"code": "", "markdown": "", "raw": ""}
    for cell in json.loads(text)["cells"]:
        sources[cell["cell_type"]] += "".join(cell["source"]) + "\n"
    return sources["code"], sources["markdown"]


def _missing_paths(text: str, known: Collection[str]) -> Iterator[str]:
    for match in _PATH.finditer(text):
        path = match[0].rstrip("./")
        if path.replace("milestoneN", "milestone1") not in known:
            yield path


def _missing_modules(text: str, names: Collection[str], root: Path) -> Iterator[str]:
    for match in _MODULE.finditer(text):
        path = f"{match['package']}/{match['module']}"
        init = root / match["package"] / "__init__.py"
        is_module = any(name in (f"{path}.py", f"{path}/__init__.py") for name in names)
        # What a package offers itself, such as `speech_enhancement.enhance`.
        is_offered = init.is_file() and f'"{match["module"]}"' in init.read_text(encoding="utf-8")
        if not is_module and not is_offered:
            yield match[0]


def _missing_links(text: str, folder: str, known: Collection[str]) -> Iterator[str]:
    for match in _LINK.finditer(text):
        if normpath(join(folder, match["path"])) not in known:
            yield match["path"]
