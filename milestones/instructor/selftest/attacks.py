"""Attacks: hostile or broken submissions, and the most that each of them may earn.

A file in `hostile_solutions` holds a family of attacks. Lines before the first header belong to each of them. An attack
begins with two lines and ends before the next header:

    # attack NAME on MODULE: what it tries
    # earns: all but 1.9

Its code is appended to the reference's MODULE, so its definitions replace the module's own, and the rest is right. It
is handed in for the milestone of that module. The second line is one of these:

    # earns: all                            every task keeps its full points
    # earns: all but 1.9                    task 1.9 must not earn its full points, the others keep theirs
    # earns: all, perhaps not 1.9 1.10      these tasks may keep theirs or not, the others keep their full points
    # earns: all but 1.9, perhaps not 1.10  both together
    # earns: all but 2.1, of which nothing  task 2.1 must not even pass a single test

Tasks that depend on one of those named need not keep their points.

An attack that gets through gives itself away. If it escapes, it answers rightly and so earns its task. If it spies, it
puts the `CANARY` that it finds where a student could read it, or the word `TOLD` if it has found traces of a hidden
test or of the reference. If it writes where it must not, it calls the file `LEFT_BEHIND`. The self-test puts `CANARY`
into the environment, as `SPEECH_COURSE_CANARY`, and afterwards looks for these words in records and folders. If you run
attacks by hand, you can also put the canary into a hidden test.

Attacks name parts of the grader as text. Lines anywhere in the code list these parts, so that a test fails if one of
them is renamed or removed:

    # aims at: milestones.instructor.sandbox.worker.Worker         a name that the code speaks of, or a constant's value
    # aims at: milestones.instructor.sandbox.worker.Worker._find.request      an argument or a local variable
    # aims at: tests/milestone1/test_stft.py                       a file, or several: tests/milestone*/*.py
    # aims at: tests/milestone1/test_stft.py:expected              a word in a file

Never run an attack unconfined. As a safety catch, those that signal more than one process send SIGCONT, and bombs are
bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from milestones.course import Course, CourseError, Milestone

CANARY = "canary-51fe0c0de5ca1ab1"
LEFT_BEHIND = "left-by-an-attack"
TOLD = "told-what-is-hidden"

FOLDER = Path(__file__).with_name("hostile_solutions")

_HEADER = re.compile(r"# attack ([^:]+) on (\w+): (.+)")
_AIM = re.compile(r"^# aims at: (\S+)$", re.MULTILINE)
_EARNS = re.compile(r"# earns: all(?: but ([\d. ]+))?(?:, perhaps not ([\d. ]+))?(, of which nothing)?")


@dataclass(frozen=True)
class Attack:
    """An attack.

    Attributes:
        family: name of the attack's file.
        name: short, unique name.
        module: name of the module to which it is appended.
        title: what it tries, in a few words.
        loses: ids of the tasks that must not earn their full points.
        risks: ids of the tasks that may earn them or not.
        is_futile: True if it must not pass a single test of the tasks that it loses.
        code: its text.
    """

    family: str
    name: str
    module: str
    title: str
    loses: frozenset[str]
    risks: frozenset[str]
    code: str
    is_futile: bool = False

    @property
    def aims(self) -> list[str]:
        """The parts of the grader that it aims at, as its code names them."""
        return _AIM.findall(self.code)

    def milestone(self, course: Course) -> Milestone:
        """Find the milestone of its module."""
        return next(each for each in course.milestones if self.module in each.modules)

    def must_pass(self, course: Course) -> set[str]:
        """Ids of the tasks that must earn their full points."""
        spoiled = self.loses | self.risks
        return set(course.tasks) - spoiled - course.dependents(*spoiled)


def read(folder: Path = FOLDER) -> list[Attack]:
    """Read all attacks, in the order of files and pieces.

    Raises:
        CourseError: a header is malformed; the message names file and line.
    """
    return [attack for path in sorted(folder.glob("*.py")) for attack in _pieces(path)]


def _pieces(path: Path) -> Iterator[Attack]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith("# attack ")]
    if not starts:
        raise CourseError(f"{path}:1: expected a line '# attack NAME on MODULE: what it tries', got none")
    shared = "".join(lines[: starts[0]])
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header, earns = (
            _HEADER.fullmatch(lines[start].rstrip()),
            _EARNS.fullmatch("".join(lines[start + 1 : start + 2]).rstrip()),
        )
        if header is None or earns is None:
            expected = "'# attack NAME on MODULE: what it tries' and '# earns: all ...'"
            raise CourseError(f"{path}:{start + 1}: expected {expected}, got {lines[start].rstrip()!r}")
        loses, risks = (frozenset((group or "").split()) for group in earns.groups()[:2])
        name, module, title = header.groups()
        code = shared + "".join(lines[start + 2 : end])
        yield Attack(path.stem, name, module, title, loses, risks, code, is_futile=earns[3] is not None)
