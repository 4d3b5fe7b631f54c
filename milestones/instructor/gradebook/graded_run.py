"""A run of `nbgrader autograde` from before its first submission to after its last one."""

import asyncio
import functools
import glob
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException

from milestones.course import CourseError
from milestones.instructor.gradebook import service_client
from milestones.instructor.gradebook.assignments import grades_folder, milestone_of
from milestones.instructor.gradebook.collecting import mend
from milestones.instructor.gradebook.messages import Request
from milestones.instructor.records import LOG_NAME, Record, latest, read

LOCK_NAME = "autograde.lock"
"""File in a milestone's folder of grades that a run locks."""

SECONDS_OF_A_CLICK = 4.0
"""Longest time for which the form grader's button may hold up the instructor's server."""


class GradedRun(NotebookExporter):
    """Exporter that has all submissions of a run graded, and keeps one run from disturbing another.

    nbgrader makes an exporter for each run, and offers no other place for what concerns all of its submissions.
    """

    def __init__(self, **settings: object):
        super().__init__(**settings)
        self.parent.convert_notebooks = functools.partial(self._run, self.parent.convert_notebooks)

    @functools.cached_property
    def records(self) -> dict[str, Record]:
        """Records of the run's submissions by student, all of them graded in parallel on first use; none without tasks.

        Raises:
            NbGraderException: the form grader's button cannot wait until they are graded, or they could not be graded.
        """
        folders, grades = self._folders(), self._grades
        milestone = milestone_of(self._assignment)
        if not milestone.tasks:
            return {}
        request = Request(milestone.number, tuple(folders), tuple(str(folder) for folder in folders.values()))
        self.log.info(f"Grading {len(folders)} submissions in confined workers; records are in {grades}")
        try:
            service_client.grade(grades.parent, request, SECONDS_OF_A_CLICK if _holds_up_a_server() else None)
        except service_client.StillGrading:
            raise self._error("grading goes on in the background; click again in a moment for the points") from None
        except CourseError as error:
            raise self._error(str(error)) from None
        records = latest(read(grades / LOG_NAME))
        return {student: records[key] for student in folders if (key := (student, milestone.number)) in records}

    @property
    def _assignment(self) -> str:
        return self.parent.coursedir.assignment_id

    @property
    def _grades(self) -> Path:
        return grades_folder(self.parent.coursedir.root, milestone_of(self._assignment))

    def _run(self, convert: Callable[[], None]) -> None:
        """Have nbgrader autograde its submissions, none of which it may touch before."""
        with self._alone():
            self._complete()
            # The form grader's button grades again what has points; they stay until there are others.
            if self.parent.force:
                _ = self.records
            convert()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for another run to end, since both would write the same files; a click cannot wait."""
        self._grades.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._grades / LOCK_NAME)
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            if _holds_up_a_server():
                raise self._error("another autograde of this milestone is running; click again in a moment") from None
            self.log.info("Waiting for another autograde of this milestone")
            held = lock.acquire()
        with held:
            yield

    def _complete(self) -> None:
        """Mend submissions that lack their notebook, which nbgrader would pass over without an error."""
        coursedir = self.parent.coursedir
        released = Path(coursedir.format_path(coursedir.release_directory, ".", self._assignment))
        pattern = coursedir.format_path(coursedir.submitted_directory, coursedir.student_id, self._assignment)
        for path in glob.glob(pattern):  # noqa: PTH207, as nbgrader finds them
            note = mend(Path(path), released / f"{self._assignment}.ipynb")
            if note is not None:
                self.log.warning(f"{path}: {note}")
        self.parent.init_notebooks()

    def _folders(self) -> dict[str, Path]:
        """Folders of the submissions by student."""
        coursedir = self.parent.coursedir
        student = "(?P<student>.*)"
        pattern = coursedir.format_path(coursedir.submitted_directory, student, self._assignment, escape=True)
        folders = {re.fullmatch(pattern, path)["student"]: Path(path) for path in sorted(self.parent.assignments)}
        for excluded in coursedir.student_id_exclude.split(","):
            folders.pop(excluded, None)
        return folders

    def _error(self, message: str) -> NbGraderException:
        self.log.error(message)
        return NbGraderException(message)


def _holds_up_a_server() -> bool:
    """Tell whether this is called on an event loop, as by the form grader's button."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
