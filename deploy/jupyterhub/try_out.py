"""Make a course and a hub in a folder, and run the hub: `python deploy/jupyterhub/try_out.py DIR`.

Log in as `grace` or `alan` (instructors) or as `ada`, `linus` or `mallory` (students), with any password. All of them
share the account that runs this, so it is for trying out, on this machine only.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from course_hub import HERE, REPOSITORY, Course, read_course  # noqa: E402

PROXY = "configurable-http-proxy"


def main() -> int:
    """Prepare the folder and run the hub until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder to make, or one that this command has made")
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1; three more above it are used")
    arguments = parser.parse_args()
    course = prepare(arguments.folder.resolve(), arguments.port)
    print(
        f"http://127.0.0.1:{course.port}: log in as {', '.join(course.instructors + course.students)}, any password",
        flush=True,
    )
    os.execve(sys.executable, command(), environment(arguments.folder.resolve()))


def prepare(folder: Path, port: int) -> Course:
    """Make what is missing in the folder: course, exchange, data, homes and `course.toml`.

    Raises:
        SystemExit: the proxy is missing, or the course cannot be made.
    """
    proxy = find_proxy()
    if proxy is None:
        raise SystemExit(f"{PROXY}: expected it from npm (make hub installs it), found none")
    example = read_course(HERE / "course.toml")
    values = {
        "course": example.course,
        "instructors": example.instructors,
        "students": example.students,
        "grader": example.grader,
        "course_folder": str(folder / example.course),
        "exchange": str(folder / "exchange"),
        "data": str(folder / "data"),
        "settings": str(HERE / "jupyter"),
        "state": str(folder / "state"),
        "students_python": sys.executable,
        "grader_python": sys.executable,
        "proxy": proxy,
        "port": port,
    }
    people = (*example.instructors, *example.students, example.grader)
    for name in ("state", "exchange", "data", *(f"homes/{person}" for person in people)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "exchange").chmod(0o777)
    (folder / "state").chmod(0o700)
    (folder / "data").chmod(0o555)
    # JSON's strings, numbers and lists of these are also TOML's.
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    (folder / "course.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if not (folder / example.course).exists():
        subprocess.run(
            [sys.executable, "-m", "milestones", "course", folder / example.course], cwd=REPOSITORY, check=True
        )
    return read_course(folder / "course.toml")


def find_proxy() -> str | None:
    """Find npm's proxy in this environment or on the path."""
    installed = Path(sys.prefix, "proxy", "node_modules", ".bin", PROXY)
    return str(installed) if installed.exists() else shutil.which(PROXY)


def command() -> list[str]:
    """Command line that runs the hub."""
    return [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "trying_out_config.py")]


def environment(folder: Path) -> dict[str, str]:
    """Environment of the hub, whose servers find the commands of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "COURSE_TOML": str(folder / "course.toml")}


if __name__ == "__main__":
    sys.exit(main())
