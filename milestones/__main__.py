"""The commands of the course: `submit` for students, and where this is no student's template, those of instructors."""

import importlib
import sys
from pathlib import Path

import tyro

from milestones.course import CourseError
from milestones.submit import Submit

COMMANDS = {"submit": (Submit, "milestones.submit")}
# By its file, since an editable installation of the course lends its modules to any package of this name.
if Path(__file__).with_name("instructor").exists():
    COMMANDS |= importlib.import_module("milestones.instructor.configuration").COMMANDS


def main() -> int:
    """Run one command; the exit status is 0 where all went well, 1 where something failed, 130 after Ctrl-C."""
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
