"""The modules that students write, in the version of the reference and in that of the template."""

from milestones.course import PACKAGE, ROOT, load_course
from milestones.instructor.release import stripping


def reference() -> dict[str, str]:
    """Read the sources of the modules by file name, with the solutions."""
    names = [f"{module}.py" for module in load_course().modules]
    return {name: (ROOT / PACKAGE / name).read_text(encoding="utf-8") for name in names}


def template() -> dict[str, str]:
    """Read the sources of the modules by file name, without the solutions."""
    return {name: stripping.strip_source(text, name).text for name, text in reference().items()}


def with_piece(module: str, code: str) -> dict[str, str]:
    """Append a piece of code to a module of the reference, so that its definitions replace the module's own."""
    files = reference()
    return files | {f"{module}.py": f"{files[f'{module}.py']}\n\n{code}"}
