"""The grading service: it grades as the command `grade` does, and nothing is lost if it ends."""

import csv
import os
import shutil
import socket
import subprocess
import threading
from typing import ClassVar

import pytest

from milestones.course import CourseError
from milestones.instructor.configuration import Grade
from milestones.instructor.gradebook import grading_service, service_client
from milestones.instructor.gradebook.messages import SOCKET_NAME, Answer, Request
from milestones.instructor.grading import grade
from milestones.instructor.records import to_line
from milestones.instructor.sandbox import confinement
from milestones.instructor.selftest.reference import reference, template
from tests.course.gradebook.nbgrader_course import (
    NAME,
    hand_in,
    nbgrader,
    points,
    released_notebook,
    submission,
    write_small_course,
)

REQUEST = Request(1, ("ada",), ("nowhere",))


@pytest.fixture
def one_core():
    """One core for what a test starts, so that a service starts one grading server."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.slow
@pytest.mark.skipif(not confinement.can_be_strong(), reason="the host lacks Landlock or seccomp")
def test_gradebook_and_grades_agree(tmp_path, suites_collected_once, one_core):
    """The service's records are those of the command `grade`, and nbgrader's points and deduction are theirs."""
    course = write_small_course(tmp_path / "course")
    assert nbgrader(course).generate_assignment(NAME)["success"]
    done, empty = reference(), template()
    half = {**empty, "masking.py": done["masking.py"], "metrics.py": done["metrics.py"].replace("10 * ", "20 * ")}
    folder = hand_in(course, "ada", released_notebook(course), "2027-01-24 10:00:00.000000 UTC")
    for name, text in half.items():
        (folder / "speech_enhancement" / name).write_text(text, encoding="utf-8")
    try:
        result = nbgrader(course).autograde(NAME, "*")
    finally:
        service_client.end(course / "grades")
        shutil.rmtree(service_client.service_folder(course / "grades"))
    assert result["success"], result["log"]
    records = (course / "grades" / NAME / "results.jsonl").read_bytes()
    assert grade.run(Grade(course / "submitted", 1, course / "grades" / NAME)) == 0
    assert (course / "grades" / NAME / "results.jsonl").read_bytes() == records
    with (course / "grades" / NAME / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["submission"] == "ada" and 0 < float(row["total"]) < float(row["sum"]) < 106
    found = points(course, "ada")
    tasks = {f"task-{name[5:].replace('.', '-')}": float(row[name]) for name in row if name.startswith("task ")}
    assert {name: found[name] for name in tasks} == tasks
    with submission(course, "ada") as notebook:
        assert notebook.score - notebook.late_submission_penalty == pytest.approx(float(row["total"]), abs=1e-9)


class Service:
    """A service whose first instance is outdated, and whose second one grades."""

    is_busy = False
    instances: ClassVar[list] = []

    def __init__(self, grades, jobs):
        self.instances.append(self)

    def grade(self, request):
        return Answer(is_outdated=len(self.instances) == 1)

    def warm_up(self):
        pass

    def close(self):
        pass


def test_outdated_service_is_replaced_and_an_idle_one_ends(tmp_path, monkeypatch):
    threads = []

    def start(grades, folder):
        threads.append(threading.Thread(target=grading_service.serve, args=(grades, folder, 0.1)))
        threads[-1].start()
        return subprocess.Popen("true")

    monkeypatch.setattr(grading_service, "GradingService", Service)
    monkeypatch.setattr(service_client, "_start", start)
    service_client.grade(tmp_path / "grades", REQUEST)
    for thread in threads:
        thread.join()
    assert len(Service.instances) == 2
    folder = service_client.service_folder(tmp_path / "grades")
    assert not (folder / SOCKET_NAME).exists()
    shutil.rmtree(folder)


@pytest.fixture
def listener(tmp_path):
    """A socket in the place of a service's."""
    folder = service_client.service_folder(tmp_path / "grades")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / SOCKET_NAME))
        listener.listen()
        yield listener
    shutil.rmtree(folder)


def test_request_is_sent_again_if_the_service_ends(listener, tmp_path):
    requests = []

    def serve():
        for answer in ("", to_line(Answer(is_outdated=True)) + "\n", to_line(Answer()) + "\n"):
            connection, _ = listener.accept()
            with connection, connection.makefile("rw") as file:
                requests.append(file.readline())
                file.write(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    service_client.grade(tmp_path / "grades", REQUEST)
    thread.join()
    assert requests == [to_line(REQUEST) + "\n"] * 3


def test_waiting_ends_and_the_grading_goes_on(listener, tmp_path):
    with pytest.raises(service_client.StillGrading):
        service_client.grade(tmp_path / "grades", REQUEST, 0.05)
    connection, _ = listener.accept()
    with connection, connection.makefile() as file:
        assert file.readline() == to_line(REQUEST) + "\n"


def test_folder_that_others_can_enter_is_refused(tmp_path):
    folder = service_client.service_folder(tmp_path / "grades")
    folder.chmod(0o755)
    try:
        with pytest.raises(CourseError, match="of this account that no other can enter"):
            service_client.grade(tmp_path / "grades", REQUEST)
    finally:
        folder.rmdir()
