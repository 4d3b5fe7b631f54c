"""The command `selftest`: the kit grades what it knows the grade of.

The reference must score everything and the template nothing; with one stub emptied only that task and those that depend
on it may suffer; every wrong solution must fail its own task and every right one pass; no attack may earn anything.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm.auto import tqdm

from milestones.course import PACKAGE, ROOT, Course, CourseError, load_course
from milestones.graded_tests import TestState
from milestones.instructor.configuration import Selftest
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.records import Job, TestResult
from milestones.instructor.release import stripping
from milestones.instructor.sandbox import grading_server
from milestones.instructor.selftest import attacks, variants

VARIANTS = Path(__file__).parent
SECONDS_PER_ATTACK = 3.0
KINDS = ("reference", "template", "one stub emptied", "wrong", "right", "attack")


@dataclass(frozen=True)
class Case:
    """A submission of known grade.

    Attributes:
        kind: what it is counted under.
        group: task, milestone or family that it belongs to.
        title: what it is.
        job: for a station.
        complaint: given the record's lines, says what is not as it must be, or nothing.
    """

    kind: str
    group: str
    title: str
    job: Job
    complaint: Callable[[Sequence[TestResult]], str]


def run(configuration: Selftest) -> int:
    """Grade all cases, or those of some kinds, and print the counts; 1 where one is not graded as it must be."""
    if unknown := set(configuration.only) - set(KINDS):
        raise CourseError(f"--only: expected some of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    course = load_course()
    exams = {milestone.number: Exam.of(milestone) for milestone in course.milestones}
    chosen = [case for case in cases(course, exams) if not configuration.only or case.kind in configuration.only]
    with grading_server.local_executor(configuration.jobs or len(os.sched_getaffinity(0))) as executor:
        complaints = grade(chosen, executor)
    for kind in dict.fromkeys(case.kind for case in chosen):
        of_kind = [complaint for case, complaint in zip(chosen, complaints, strict=True) if case.kind == kind]
        print(f"{kind}: {sum(not complaint for complaint in of_kind)} of {len(of_kind)} graded as they must be")
    for case, complaint in zip(chosen, complaints, strict=True):
        if complaint:
            print(f"{case.kind}: {case.title}: {complaint}")
    for path in left_behind():
        print(f"left behind by an attack: {path}")
    return int(any(complaints) or bool(left_behind()))


def left_behind() -> list[Path]:
    """What attacks wrote where they must not, or where it should have been taken away."""
    folders = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path.home(), ROOT}
    return sorted(path for folder in folders for path in folder.glob(f"*{attacks.LEFT_BEHIND}*"))


def grade(chosen: list[Case], executor: Executor) -> list[str]:
    """What is wrong with the grade of each case; an empty text where nothing is."""
    # Attacks look for it in what they can reach of the grader's environment.
    os.environ["SPEECH_COURSE_CANARY"] = attacks.CANARY
    futures = [executor.submit(grading_server.grade, case.job) for case in chosen]
    pairs = tqdm(zip(chosen, futures, strict=True), total=len(chosen), desc="selftest", unit="submission")
    return [case.complaint(future.result().tests) for case, future in pairs]


def cases(course: Course, exams: dict[int, Exam]) -> Iterator[Case]:
    """All cases of a course, given the exams of its milestones by their numbers."""
    for exam in exams.values():
        number = str(exam.milestone.number)
        yield Case("reference", number, f"milestone {number}", _trusted(exam, reference()), _all_pass)
        yield Case("template", number, f"milestone {number}", _trusted(exam, template()), _nothing_implemented)
        yield from _emptied(course, exam)
    for kind, complaint in (("wrong", _fails_with), ("right", _passes)):
        for variant in variants.read(VARIANTS, kind):
            exam = exams[int(variant.task.partition(".")[0])]
            asked = {variant.task}
            if kind == "right":
                asked |= course.dependents(variant.task)
            job = _trusted(_only(exam, asked), _with(variant.module, variant.code))
            yield Case(kind, variant.task, f"{variant.task} {variant.title}", job, complaint(variant))
    attacked = course.up_to(attacks.MILESTONE)
    for attack in attacks.read():
        title, complaint = f"{attack.family}, {attack.name}", _earns_no_more(attack, attacked)
        job = _under(attack, attacked, exams[attacks.MILESTONE]).job(_with(attack.module, attack.code))
        job = replace(job, seconds_per_test=SECONDS_PER_ATTACK)
        yield Case("attack", attack.family, title, job, complaint)


def reference() -> dict[str, str]:
    """The reference's modules that students complete."""
    names = [f"{module}.py" for module in load_course().modules]
    return {name: (ROOT / PACKAGE / name).read_text(encoding="utf-8") for name in names}


def template() -> dict[str, str]:
    """The same without the solutions."""
    return {name: stripping.strip_source(text, name).text for name, text in reference().items()}


def _trusted(exam: Exam, files: dict[str, str]) -> Job:
    """A job of our own, which runs on hosts that cannot confine it, too."""
    return exam.job(files, allow_weak_isolation=True)


def _with(module: str, code: str) -> dict[str, str]:
    files = reference()
    return files | {f"{module}.py": f"{files[f'{module}.py']}\n\n{code}"}


def _only(exam: Exam, tasks: set[str]) -> Exam:
    return replace(exam, tests=[test for test in exam.tests if test.task in tasks])


def _under(attack: attacks.Attack, course: Course, exam: Exam) -> Exam:
    """All tests of the tasks that an attack is about, and the first of each other task."""
    about = set(course.tasks) - attack.must_pass(course)
    first = {test.task: test.id for test in reversed(exam.tests)}
    return replace(exam, tests=[test for test in exam.tests if test.task in about or test.id == first[test.task]])


def _emptied(course: Course, exam: Exam) -> Iterator[Case]:
    for task in exam.milestone.tasks:
        source = reference()[f"{task.module}.py"]
        job = _trusted(exam, _with(task.module, variants.emptied(task, source)))
        allowed = course.dependents(task.id)
        yield Case("one stub emptied", str(exam.milestone.number), task.id, job, _loses_only(task.id, allowed))


def _all_pass(lines: Sequence[TestResult]) -> str:
    return _list(f"{line.id} {line.state} {line.message}" for line in lines if line.state != TestState.PASSED)


def _nothing_implemented(lines: Sequence[TestResult]) -> str:
    return _list(f"{line.id} {line.state}" for line in lines if line.state != TestState.NOT_IMPLEMENTED)


def _loses_only(task: str, allowed: set[str]) -> Callable[[Sequence[TestResult]], str]:
    def complain(lines: Sequence[TestResult]) -> str:
        if any(line.task == task and line.state == TestState.PASSED for line in lines):
            return f"tests of {task} pass without it"
        others = (line for line in lines if line.task != task and line.task not in allowed)
        return _list(f"{line.id} {line.state}" for line in others if line.state != TestState.PASSED)

    return complain


def _fails_with(variant: variants.Variant) -> Callable[[Sequence[TestResult]], str]:
    def complain(lines: Sequence[TestResult]) -> str:
        failed = [line for line in lines if line.state != TestState.PASSED]
        if not failed:
            return "it passes"
        words = [f"{line.message} {line.hint or ''} {line.state}" for line in failed]
        if any(re.search(variant.symptom, each, re.IGNORECASE) for each in words):
            return ""
        return f"expected {variant.symptom!r} in a message, got {_list(words)}"

    return complain


def _passes(_: variants.Variant) -> Callable[[Sequence[TestResult]], str]:
    return _all_pass


def _earns_no_more(attack: attacks.Attack, course: Course) -> Callable[[Sequence[TestResult]], str]:
    def complain(lines: Sequence[TestResult]) -> str:
        if any(line.state == TestState.GRADER_FAULT for line in lines):
            return "a fault of the grader"
        if attacks.CANARY in str(lines):
            return "it leaked the canary"
        failed = {line.task for line in lines if line.state != TestState.PASSED}
        if earned := attack.loses - failed:
            return f"it earned all points of {_list(sorted(earned))}"
        spoiled = (line for line in lines if line.task in attack.must_pass(course) and line.state != TestState.PASSED)
        return _list(f"{line.id} {line.state} {line.message}" for line in spoiled)

    return complain


def _list(parts: object) -> str:
    parts = list(parts)
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return "; ".join(parts[:3]) + more
