"""What nbgrader's process and the grading service tell each other, one line of JSON each way."""

from dataclasses import dataclass

SOCKET_NAME = "socket"
"""Name of the socket at which the service listens, in the service's folder."""

LOCK_NAME = "lock"
"""Name of the file that the service locks, and into which it writes its process id."""


@dataclass(frozen=True)
class Request:
    """A request to grade submissions that have no record yet.

    Attributes:
        milestone: number of the milestone.
        students: names of the submissions.
        folders: the folder of each.
    """

    milestone: int
    students: tuple[str, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The end of a grading.

    Attributes:
        fault: the reason for which it could not take place; "" if all submissions have a record.
        is_outdated: True if the service was started before the grader was changed; it ends, and another is needed.
    """

    fault: str = ""
    is_outdated: bool = False
