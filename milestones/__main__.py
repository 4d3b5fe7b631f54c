"""The commands of the course: `submit`, and those of the packages in this folder."""

import importlib
import pkgutil
import sys

import tyro

import milestones
from milestones.course import CourseError
from milestones.submit import Submit

COMMANDS = {"submit": (Submit, "milestones.submit")}
"""The dataclass of each command, and the module whose `run` carries it out."""

# An editable installation adds its packages to any `milestones`, so only this folder is searched for them.
for _package in pkgutil.iter_modules(milestones.__path__, "milestones."):
    if _package.ispkg:
        COMMANDS |= importlib.import_module(f"{_package.name}.configuration").COMMANDS


def main() -> int:
    """Run one command; the exit status is 0 after success, 1 after a failure, 130 after Ctrl-C."""
    try:
        configuration = tyro.extras.subcommand_cli_from_dict(
            {name: kind for name, (kind, _) in COMMANDS.items()}, prog="python -m milestones"
        )
        modules = dict(COMMANDS.values())
        return importlib.import_module(modules[type(configuration)]).run(configuration)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (CourseError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        print(f"error: {lines[0]}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
