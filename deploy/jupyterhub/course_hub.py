"""Settings that all hubs of this folder share: groups, roles, the course's service, the idle culler, environments."""

import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from traitlets.config import Config

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
IDLE_SECONDS = 3600
START_SECONDS = 300
"""Longest wait for the start of a server; JupyterHub's own 30 seconds are too short for a busy machine."""


@dataclass(frozen=True)
class Course:
    """What a hub has to know about its course; `course.toml` explains each of them."""

    course: str
    instructors: list[str]
    students: list[str]
    grader: str
    course_folder: str
    exchange: str
    data: str
    settings: str
    state: str
    students_python: str
    grader_python: str
    proxy: str
    port: int


def read_course(path: Path) -> Course:
    """Read `course.toml`.

    Raises:
        ValueError: a value is missing or unknown, or the course folder has another name than the course.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    expected = {field.name for field in fields(Course)}
    if values.keys() != expected:
        raise ValueError(f"{path}: expected {sorted(expected)}, got {sorted(values)}")
    course = Course(**values)
    if Path(course.course_folder).name != course.course:
        raise ValueError(f"{path}: expected a course folder named {course.course}, got {course.course_folder}")
    return course


def configure(c: Config, course: Course) -> None:
    """Set all that does not depend on how people log in and how their servers start."""
    c.JupyterHub.bind_url = f"http://127.0.0.1:{course.port}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{course.port + 1}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{course.port + 2}"
    c.ConfigurableHTTPProxy.command = [course.proxy]
    c.ConfigurableHTTPProxy.pid_file = f"{course.state}/proxy.pid"
    c.JupyterHub.db_url = f"sqlite:///{course.state}/jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = f"{course.state}/cookie_secret"

    c.Authenticator.allowed_users = {*course.instructors, *course.students}
    c.JupyterHub.load_groups = {
        f"formgrade-{course.course}": {"users": [*course.instructors, course.grader]},
        f"nbgrader-{course.course}": {"users": list(course.students)},
    }
    c.JupyterHub.services = [_grading(course), _culler()]
    c.JupyterHub.load_roles = [*_roles(course), _culler_role()]

    c.Spawner.start_timeout = c.Spawner.http_timeout = START_SECONDS
    c.Spawner.default_url = "/lab"
    c.Spawner.cmd = [course.students_python, "-m", "jupyterhub.singleuser"]
    c.Spawner.environment = {
        **_environment(course, course.students_python),
        "JUPYTER_CONFIG_PATH": lambda spawner: _settings(
            course, "instructors" if spawner.user.name in course.instructors else "students"
        ),
    }


def _settings(course: Course, *folders: str) -> str:
    """Folders with Jupyter's settings; the earlier counts more."""
    return os.pathsep.join(f"{course.settings}/{folder}" for folder in (*folders, "everyone"))


def _environment(course: Course, python: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)]),
        "COURSE": course.course,
        "COURSE_EXCHANGE": course.exchange,
        "COURSE_DATA": course.data,
    }


def _grading(course: Course) -> dict:
    """Make the service in which all instructors of the course grade, with one gradebook."""
    return {
        "name": course.course,
        "url": f"http://127.0.0.1:{course.port + 3}",
        "command": [
            course.grader_python,
            "-m",
            "jupyterhub.singleuser",
            "--ServerApp.root_dir=" + course.course_folder,
        ],
        "user": course.grader,
        "cwd": course.course_folder,
        "oauth_no_confirm": True,
        "timeout": START_SECONDS,
        "environment": {
            **_environment(course, course.grader_python),
            "JUPYTER_CONFIG_PATH": _settings(course),
            # nbgrader asks the hub for the courses of this user.
            "JUPYTERHUB_USER": course.grader,
            # Without it, nbgrader would go on with its own settings if ours had a mistake, and run submissions itself.
            "TRAITLETS_APPLICATION_RAISE_CONFIG_FILE_ERROR": "1",
        },
    }


def _roles(course: Course) -> list[dict]:
    """Make the roles for grading: who may enter the service, and what nbgrader's pages ask the hub."""
    return [
        {
            "name": f"formgrade-{course.course}",
            "groups": [f"formgrade-{course.course}"],
            "scopes": [f"access:services!service={course.course}", "list:services", "read:services"],
        },
        {
            "name": "server",
            "scopes": [
                "users:activity!user",
                "access:servers!server",
                "read:users:name!user",
                "read:users:groups!user",
                "list:services",
                "read:services",
            ],
        },
        {
            "name": "grading-service",
            "services": [course.course],
            "scopes": ["read:users", "list:users", "read:groups", "list:groups", "groups", "admin:groups"],
        },
    ]


def _culler() -> dict:
    """Make the service that stops servers nobody uses."""
    return {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE_SECONDS}"],
    }


def _culler_role() -> dict:
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    return {"name": "idle-culler", "services": ["idle-culler"], "scopes": scopes}
