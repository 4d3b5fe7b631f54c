"""The modules that students write, as the reference has them, and as the template has them."""

from milestones.course import PACKAGE, ROOT, load_course
from milestones.instructor.release import stripping


def reference() -> dict[str, str]:
    """Sources of the modules by their file names, solutions included."""
    names = [f"{module}.py" for module in load_course().modules]
    return {name: (ROOT / PACKAGE / name).read_text(encoding="utf-8") for name in names}


def template() -> dict[str, str]:
    """Sources of the modules by their file names, without the solutions."""
    return {name: stripping.strip_source(text, name).text for name, text in reference().items()}


def with_piece(module: str, code: str) -> dict[str, str]:
    """The reference with a piece of code appended to one of its modules, so that its definitions replace others."""
    files = reference()
    return files | {f"{module}.py": f"{files[f'{module}.py']}\n\n{code}"}
