"""The grading service: nothing is lost if it ends."""

import shutil
import socket
import subprocess
import threading
from typing import ClassVar

import pytest

from milestones.course import CourseError
from milestones.instructor.gradebook import grading_service, service_client
from milestones.instructor.gradebook.messages import SOCKET_NAME, Answer, Request
from milestones.instructor.records import to_line

REQUEST = Request(1, ("ada",), ("nowhere",))


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


class Counted(dict):
    """A dictionary that counts how often an entry was asked for."""

    def __init__(self):
        self.asked = threading.Semaphore(0)

    def setdefault(self, *arguments):
        self.asked.release()
        return super().setdefault(*arguments)


def test_clicks_during_a_grading_are_one_request(tmp_path, monkeypatch):
    """They are graded once after it, since files may have changed since it began."""
    service = grading_service.GradingService(tmp_path, 1)
    begun, go_on, gradings, answers = threading.Event(), threading.Event(), [], []

    def grade(request):
        gradings.append(request)
        begun.set()
        go_on.wait()

    monkeypatch.setattr(service, "_prepare", lambda request: ["a submission"])
    monkeypatch.setattr(service, "_grade", grade)
    monkeypatch.setattr(service, "_waiting", Counted())
    threads = [threading.Thread(target=lambda: answers.append(service.grade(REQUEST))) for _ in range(4)]
    threads[0].start()
    begun.wait()
    for thread in threads[1:]:
        thread.start()
    for _ in threads:
        service._waiting.asked.acquire()
    go_on.set()
    for thread in threads:
        thread.join()
    assert gradings == [REQUEST] * 2
    assert answers == [Answer()] * 4
    service.close()


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
