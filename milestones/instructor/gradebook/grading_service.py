"""A process that grades the submissions of an nbgrader course, and stays warm for the next ones.

    python -m milestones.instructor.gradebook.grading_service GRADES FOLDER

It listens at a socket in FOLDER, which only its own account can enter, and writes records and reports to
GRADES/milestoneN, as the command `grade` does. A grading goes on if the process that asked for it ends. Requests are
taken one after another, but one for submissions that already have a record is answered at once. After ten idle minutes
the service ends.
"""

import contextlib
import fcntl
import functools
import os
import signal
import socket
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from milestones.course import CourseError, load_milestone
from milestones.instructor import fingerprints
from milestones.instructor.gradebook.messages import LOCK_NAME, SOCKET_NAME, Answer, Request
from milestones.instructor.grading.grade import prepare
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.grading.passes import grade_class
from milestones.instructor.grading.submissions import Submission
from milestones.instructor.records import LOG_NAME, Job, Record, from_line, latest, read, to_line
from milestones.instructor.reports import reports
from milestones.instructor.sandbox import confinement
from milestones.instructor.sandbox.server_pool import ServerPool
from speech_enhancement.files.processes import count_cores

IDLE_SECONDS = 600.0
MAX_REQUEST = 2**24


class GradingService:
    """The grading servers of a course and the exams of its milestones.

    Args:
        grades: folder of all milestones' records and reports.
        jobs: submissions at a time.
    """

    def __init__(self, grades: Path, jobs: int):
        self._grades = grades
        self._environment = fingerprints.of_environment()
        self._exams: dict[tuple[int, str], Exam] = {}
        self._pool = ServerPool()
        self._executor = ThreadPoolExecutor(jobs)
        self._turn, self._collecting, self._asking = threading.Lock(), threading.Lock(), threading.Lock()
        self._waiting: dict[Request, Future[Answer]] = {}
        self._graded: int | None = None

    @property
    def is_busy(self) -> bool:
        """Return True while it grades."""
        return self._turn.locked()

    def grade(self, request: Request) -> Answer:
        """Grade the submissions that have no record yet, after all requests that came before and have some.

        Several that are alike and wait for their turn are one: an instructor clicks again.
        """
        if fingerprints.of_environment() != self._environment:
            return Answer(is_outdated=True)
        with self._asking:
            is_first = request not in self._waiting
            answer = self._waiting.setdefault(request, Future())
        if is_first:
            try:
                if self._prepare(request) or _are_reports_old(self._log(request.milestone)):
                    with self._turn:
                        self._stop_waiting(request, answer)
                        self._grade(request)
                answer.set_result(Answer())
            except (CourseError, OSError) as error:
                answer.set_result(Answer(fault=str(error) or type(error).__name__))
            except BaseException as error:
                answer.set_exception(error)
            finally:
                self._stop_waiting(request, answer)
        return answer.result()

    def _stop_waiting(self, request: Request, answer: Future[Answer]) -> None:
        """Let no further request share this answer, since files may change from now on."""
        with self._asking:
            if self._waiting.get(request) is answer:
                del self._waiting[request]

    def warm_up(self) -> None:
        """After a grading, start a server for the next one, which takes none that has run hidden tests."""
        with self._turn:
            if self._graded is not None:
                self._pool.end_idle()
                self._pool.start_idle(self._graded)
                self._graded = None

    def close(self) -> None:
        """End the grading servers, also in the middle of a job."""
        self._pool.abort()
        self._executor.shutdown(cancel_futures=True)
        self._pool.close()

    def _grade(self, request: Request) -> None:
        todo = self._prepare(request)
        self._graded = request.milestone if todo else self._graded
        log = self._log(request.milestone)
        grade_class(todo, functools.partial(self._executor.submit, self._pool.grade_job), log)
        reports.write(log.parent, read(log), load_milestone(request.milestone))

    def _prepare(self, request: Request) -> list[tuple[Record, Job | None]]:
        """Read the submissions, and prepare those that have no record of their present files."""
        if not confinement.can_be_strong():
            raise CourseError("isolation: expected Landlock and seccomp, got a host without")
        pairs = zip(request.students, request.folders, strict=True)
        found = [Submission(student, Path(folder)) for student, folder in pairs]
        log = self._log(request.milestone)
        return prepare(found, self._exam(request.milestone), False, latest(read(log)), log)

    def _exam(self, number: int) -> Exam:
        milestone = load_milestone(number)
        key = number, fingerprints.of_tests(milestone)
        with self._collecting:
            if key not in self._exams:
                self._exams[key] = Exam.of(milestone)
            return self._exams[key]

    def _log(self, number: int) -> Path:
        """File of a milestone's records, in a folder that is there."""
        out = self._grades / f"milestone{number}"
        out.mkdir(parents=True, exist_ok=True)
        return out / LOG_NAME


def _are_reports_old(log: Path) -> bool:
    """Tell whether a grading ended between its last record and its reports."""
    table = log.with_name(reports.GRADES_NAME)
    return log.exists() and (not table.exists() or table.stat().st_mtime < log.stat().st_mtime)


def serve(grades: Path, folder: Path, idle_seconds: float = IDLE_SECONDS) -> None:
    """Take requests until none has come for a while; return at once if another service has the folder."""
    with (folder / LOCK_NAME).open("a+") as lock, contextlib.ExitStack() as stack:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (folder / SOCKET_NAME).unlink(missing_ok=True)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(folder / SOCKET_NAME))
        stack.callback((folder / SOCKET_NAME).unlink, missing_ok=True)
        listener.listen()
        listener.settimeout(idle_seconds)
        service = GradingService(grades, count_cores())
        stack.callback(service.close)
        ended = threading.Event()
        while True:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if not service.is_busy:
                    return
                continue
            except OSError:
                # An outdated service has shut the socket.
                if ended.is_set():
                    return
                raise
            threading.Thread(target=_converse, args=(service, connection, ended, listener), daemon=True).start()


def _converse(
    service: GradingService, connection: socket.socket, ended: threading.Event, listener: socket.socket
) -> None:
    with connection:
        try:
            with connection.makefile(encoding="ascii") as file:
                request = from_line(Request, file.readline(MAX_REQUEST))
        except ValueError as error:
            print(f"expected a request, got {error}", file=sys.stderr)
            return
        answer = service.grade(request)
        # Whoever asked may have ended; the records are written all the same.
        with contextlib.suppress(OSError):
            connection.sendall((to_line(answer) + "\n").encode("ascii"))
    if answer.is_outdated:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
    elif not answer.fault:
        service.warm_up()


if __name__ == "__main__":
    # Ends in the usual way, so that grading servers end and their folders are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
