"""A hub for trying out that runs while tests drive it."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType

from milestones.course import ROOT, load_milestone
from milestones.instructor.gradebook import service_client
from milestones.instructor.gradebook.course_folder import write_assignment, write_configuration
from tests import browser as browsers

WAIT_SECONDS = 300
"""Longest wait for the start or the end of a hub: only a hub that hangs is not faster on a busy machine."""


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


class Hub:
    """A hub in a folder, with milestone 1 in its course; a context that starts it on entry and stops it on exit.

    Args:
        folder: folder of the hub: course, exchange, homes.
    """

    def __init__(self, folder: Path):
        self.folder, self.course = folder, folder / "speech"
        self.course.mkdir(parents=True)
        write_configuration(self.course)
        write_assignment(self.course, load_milestone(1))
        self._starter = try_out()
        self.address = f"http://127.0.0.1:{self._starter.prepare(folder, _free_ports()).port}"

    def home(self, name: str) -> Path:
        """Home folder of a person."""
        return self.folder / "homes" / name

    def __enter__(self) -> "Hub":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            # The course's grading service outlives the hub.
            service_client.end(self.course / "grades")
            shutil.rmtree(service_client.service_folder(self.course / "grades"))

    def start(self) -> None:
        """Start the hub, and wait until it answers."""
        log = self.folder / "hub.log"
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                self._starter.command(),
                env=self._starter.environment(self.folder),
                cwd=self.folder / "state",
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _wait_for(f"{self.address}/hub/login", self._process, log)

    def stop(self) -> None:
        """Stop the hub, its proxy, its services and all servers, as the end of a service of systemd does."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=WAIT_SECONDS)


def _free_ports() -> int:
    """Find four free ports in a row."""
    for first in range(18000 + os.getpid() % 1000, 30000, 10):
        with contextlib.ExitStack() as sockets, contextlib.suppress(OSError):
            for port in range(first, first + 4):
                sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError("ports: expected four free ones in a row, found none")


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"hub: expected an answer within {WAIT_SECONDS} s, got none: {log.read_text()[-2000:]}")
