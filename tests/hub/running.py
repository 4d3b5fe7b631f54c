"""A hub for trying out that runs while tests drive it."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from milestones.course import ROOT, load_milestone
from milestones.instructor.gradebook import service_client
from milestones.instructor.gradebook.course_folder import write_assignment, write_configuration
from tests import browser as browsers

START_SECONDS = 120


def try_out() -> ModuleType:
    """Load `deploy/jupyterhub/try_out.py`, which `make hub` runs."""
    path = ROOT / "deploy" / "jupyterhub" / "try_out.py"
    specification = importlib.util.spec_from_file_location("try_out", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def missing() -> str:
    """Name what this machine lacks to run the suite; "" if it has everything."""
    lacking = browsers.lacking("jupyterhub", "jupyterhub_idle_culler")
    if not lacking and try_out().find_proxy() is None:
        lacking.append("configurable-http-proxy")
    return ", ".join(lacking)


@contextlib.contextmanager
def running_hub(folder: Path) -> Iterator[str]:
    """Run a hub in a folder, with milestone 1 in its course.

    Yields:
        Its address.
    """
    starter = try_out()
    course = folder / "speech"
    course.mkdir(parents=True)
    write_configuration(course)
    write_assignment(course, load_milestone(1))
    address = f"http://127.0.0.1:{starter.prepare(folder, _free_ports()).port}"
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            starter.command(),
            env=starter.environment(folder),
            cwd=folder / "state",
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(f"{address}/hub/login", process, folder / "hub.log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=90)
        finally:
            # The course's grading service outlives the hub.
            service_client.end(course / "grades")


def _free_ports() -> int:
    """Find four free ports in a row."""
    for first in range(18000 + os.getpid() % 1000, 30000, 10):
        with contextlib.ExitStack() as sockets, contextlib.suppress(OSError):
            for port in range(first, first + 4):
                sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError("ports: expected four free ones in a row, found none")


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"hub: expected an answer within {START_SECONDS} s, got none: {log.read_text()[-2000:]}")
