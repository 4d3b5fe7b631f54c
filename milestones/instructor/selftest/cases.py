"""Submissions of known grade: reference, template, emptied stubs, wrong and right solutions, attacks."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from milestones.course import Course
from milestones.graded_tests import TestState
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.records import Job, TestResult
from milestones.instructor.selftest import attacks, variants
from milestones.instructor.selftest.reference import reference, template, with_piece

VARIANTS = Path(__file__).parent
SECONDS_PER_TEST = 3.0
SECONDS_PER_ATTACK = 18.0
KINDS = ("reference", "template", "one stub emptied", "wrong", "right", "attack")

Complaint = Callable[[Sequence[TestResult]], str]
"""A function of the results of a submission's tests: a description of a wrong grade, or "" if the grade is right."""


@dataclass(frozen=True)
class Case:
    """A submission whose grade is known.

    Attributes:
        kind: one of `KINDS`.
        group: task, milestone or family that it belongs to.
        title: description in a few words.
        job: job for a grading server.
        complaint: function that checks its grade.
    """

    kind: str
    group: str
    title: str
    job: Job
    complaint: Complaint


def all_cases(course: Course, exams: dict[int, Exam]) -> Iterator[Case]:
    """Make all cases of a course.

    Args:
        course: the course.
        exams: exams of its milestones, by number.
    """
    for exam in exams.values():
        number = str(exam.milestone.number)
        yield Case("reference", number, f"milestone {number}", _trusted(exam, reference()), _all_pass)
        yield Case("template", number, f"milestone {number}", _trusted(exam, template()), _nothing_implemented)
        yield from _emptied_stubs(course, exam)
    for variant in variants.read(VARIANTS, "wrong"):
        yield _variant(variant, exams, {variant.task}, _fails_with(variant))
    for variant in variants.read(VARIANTS, "right"):
        yield _variant(variant, exams, {variant.task} | course.dependents(variant.task), _all_pass)
    yield from _attacks(course, exams)


def _emptied_stubs(course: Course, exam: Exam) -> Iterator[Case]:
    for task in exam.milestone.tasks:
        piece = variants.emptied(task, reference()[f"{task.module}.py"])
        job = _trusted(exam, with_piece(task.module, piece))
        complaint = _loses_only(task.id, course.dependents(task.id))
        yield Case("one stub emptied", str(exam.milestone.number), task.id, job, complaint)


def _variant(variant: variants.Variant, exams: dict[int, Exam], tasks: set[str], complaint: Complaint) -> Case:
    """Make the case of a wrong or right solution, graded only by the tests of some tasks."""
    exam = next(exam for exam in exams.values() if variant.task in {task.id for task in exam.milestone.tasks})
    exam = replace(exam, tests=[test for test in exam.tests if test.task in tasks])
    job = _trusted(exam, with_piece(variant.module, variant.code))
    return Case(variant.kind, variant.task, f"{variant.task} {variant.title}", job, complaint)


def _attacks(course: Course, exams: dict[int, Exam]) -> Iterator[Case]:
    for attack in attacks.read():
        exam, must_pass = exams[attack.milestone(course).number], attack.must_pass(course)
        # All tests of the tasks that the attack is about, and the first of each other task.
        about = set(course.tasks) - must_pass
        first = {test.task: test.id for test in reversed(exam.tests)}
        tests = [test for test in exam.tests if test.task in about or test.id == first[test.task]]
        job = replace(exam, tests=tests).job(with_piece(attack.module, attack.code))
        job = replace(job, seconds_per_test=SECONDS_PER_TEST, seconds=SECONDS_PER_ATTACK)
        complaint = _earns_no_more(attack, must_pass)
        yield Case("attack", attack.family, f"{attack.family}, {attack.name}", job, complaint)


def _trusted(exam: Exam, files: dict[str, str]) -> Job:
    """Make a job from our own files, which also runs on hosts that cannot confine it."""
    return exam.job(files, allow_weak_isolation=True)


def _all_pass(results: Sequence[TestResult]) -> str:
    return _list(map(_told, _not_passed(results)))


def _nothing_implemented(results: Sequence[TestResult]) -> str:
    return _list(_told(test) for test in results if test.state != TestState.NOT_IMPLEMENTED)


def _loses_only(task: str, allowed: set[str]) -> Complaint:
    def complain(results: Sequence[TestResult]) -> str:
        if any(test.task == task and test.state == TestState.PASSED for test in results):
            return f"tests of {task} pass without it"
        return _list(_told(test) for test in _not_passed(results) if test.task != task and test.task not in allowed)

    return complain


def _fails_with(variant: variants.Variant) -> Complaint:
    def complain(results: Sequence[TestResult]) -> str:
        failed = _not_passed(results)
        if not failed:
            return "it passes"
        texts = [f"{test.message} {test.hint or ''} {test.state}" for test in failed]
        if any(re.search(variant.symptom, each, re.IGNORECASE) for each in texts):
            return ""
        return f"expected {variant.symptom!r} in a message, got {_list(texts)}"

    return complain


def _earns_no_more(attack: attacks.Attack, must_pass: Collection[str]) -> Complaint:
    def complain(results: Sequence[TestResult]) -> str:
        if any(test.state == TestState.GRADER_FAULT for test in results):
            return "a fault of the grader"
        if attacks.CANARY in str(results):
            return "it leaked the canary"
        if attacks.TOLD in str(results):
            return "it told what is hidden"
        failed = {test.task for test in _not_passed(results)}
        if earned := attack.loses - failed:
            return f"it earned all points of {_list(sorted(earned))}"
        passed = [test.id for test in results if test.task in attack.loses and test.state == TestState.PASSED]
        if attack.is_futile and passed:
            return f"it passed {_list(passed)}"
        return _list(_told(test) for test in _not_passed(results) if test.task in must_pass)

    return complain


def _not_passed(results: Sequence[TestResult]) -> list[TestResult]:
    return [test for test in results if test.state != TestState.PASSED]


def _told(test: TestResult) -> str:
    return f"{test.id} {test.state} {test.message}".rstrip()


def _list(parts: Iterator[str] | Sequence[str]) -> str:
    parts = list(parts)
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return "; ".join(parts[:3]) + more
