"""The grading service of a course as nbgrader's process sees it: started where there is none, and asked to grade."""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from milestones.course import ROOT, CourseError
from milestones.instructor.gradebook.messages import LOCK_NAME, SOCKET_NAME, Answer, Request
from milestones.instructor.records import from_line, to_line

START_SECONDS = 60.0
MAX_ATTEMPTS = 5
LOG_NAME = "service.log"


class StillGrading(Exception):
    """The service goes on with the grading, and has not ended within the time that the caller can wait."""


def grade(grades: Path, request: Request, seconds: float | None = None) -> None:
    """Have submissions graded by the service of a course; records and reports are in `grades` afterwards.

    A service that ends in the middle is replaced by another, which goes on.

    Args:
        grades: folder of all milestones' records and reports.
        request: the submissions.
        seconds: longest time to wait; None to wait until all are graded.

    Raises:
        StillGrading: the time is over; the service goes on.
        CourseError: the service cannot be started, or it could not grade.
    """
    folder = service_folder(grades)
    until = None if seconds is None else time.monotonic() + seconds
    for _ in range(MAX_ATTEMPTS):
        answer = _ask(grades, folder, request, until)
        if answer is not None and answer.fault:
            raise CourseError(answer.fault)
        if answer is not None and not answer.is_outdated:
            return
    raise CourseError(f"expected an answer of the grading service, got its end: {_last_line(folder)}")


def end(grades: Path) -> None:
    """End the service of a course, also in the middle of a grading, and wait for it; nothing happens without one."""
    with (service_folder(grades) / LOCK_NAME).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            os.kill(int(lock.read()), signal.SIGTERM)
            fcntl.flock(lock, fcntl.LOCK_EX)


def service_folder(grades: Path) -> Path:
    """Folder of a course's service, which no other account can enter; its path is short enough for a socket.

    Raises:
        CourseError: another account has made it.
    """
    digest = hashlib.sha256(str(grades.resolve()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"grading-service-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or stat.S_IMODE(status.st_mode) != 0o700:
        raise CourseError(f"{folder}: expected a folder of this account that no other can enter, got another")
    return folder


def _ask(grades: Path, folder: Path, request: Request, until: float | None) -> Answer | None:
    """Send a request and wait for the answer; None if the service ends before."""
    with socket.socket(socket.AF_UNIX) as connection:
        _connect(connection, grades, folder, until)
        try:
            connection.settimeout(None)
            connection.sendall((to_line(request) + "\n").encode("ascii"))
            if until is not None:
                connection.settimeout(max(0.01, until - time.monotonic()))
            with connection.makefile(encoding="ascii") as file:
                line = file.readline()
        except TimeoutError:
            raise StillGrading from None
        except OSError:
            return None
    return from_line(Answer, line) if line.endswith("\n") else None


def _connect(connection: socket.socket, grades: Path, folder: Path, until: float | None) -> None:
    process = None
    give_up = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return connection.connect(str(folder / SOCKET_NAME))
        # A new service ends at once, with status 0, if another is starting or has not quite ended.
        if process is None or process.poll() == 0:
            process = _start(grades, folder)
        elif process.poll():
            raise CourseError(f"expected a grading service, got its end: {_last_line(folder)}")
        if until is not None and time.monotonic() > until:
            raise StillGrading
        if time.monotonic() > give_up:
            raise CourseError(f"expected a grading service within {START_SECONDS:g} s, got none: {_last_line(folder)}")
        time.sleep(0.05)


def _start(grades: Path, folder: Path) -> subprocess.Popen:
    """Start a service that outlives this process."""
    with (folder / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "milestones.instructor.gradebook.grading_service", str(grades), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )


def _last_line(folder: Path) -> str:
    path = folder / LOG_NAME
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return (lines or ["it said nothing"])[-1][:300]
