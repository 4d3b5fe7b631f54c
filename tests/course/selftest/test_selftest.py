"""The kit grades itself, on part of what `python -m milestones selftest` grades, so that it fits into every run."""

import itertools

import pytest

from milestones.course import CourseError, load_course
from milestones.instructor.configuration import Selftest
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.sandbox import confinement, grading_server
from milestones.instructor.selftest import selftest

pytestmark = pytest.mark.slow

WRONG_PER_TASK = 1
RIGHT_PER_TASK = 1
ATTACKS_PER_FAMILY = 4


@pytest.fixture(scope="module")
def cases():
    course = load_course()
    return list(selftest.cases(course, {milestone.number: Exam.of(milestone) for milestone in course.milestones}))


@pytest.fixture(scope="module")
def executor(n_cores):
    with grading_server.local_executor(n_cores) as executor:
        yield executor


def some(cases, kind, at_most):
    """So many cases of a kind from each group, spread over the group."""
    chosen = []
    key = lambda case: case.group  # noqa: E731
    for _, group in itertools.groupby(sorted((case for case in cases if case.kind == kind), key=key), key=key):
        group = list(group)
        chosen += group[:: -(-len(group) // at_most)]
    return chosen


def check(cases, executor):
    complaints = selftest.grade(cases, executor)
    wrong = [f"{case.title}: {complaint}" for case, complaint in zip(cases, complaints, strict=True) if complaint]
    assert not wrong, "\n".join(wrong)


def test_reference_scores_all_and_template_nothing(cases, executor):
    check([case for case in cases if case.kind in ("reference", "template")], executor)


def test_an_emptied_stub_costs_its_task_and_its_dependents(cases, executor):
    check(some(cases, "one stub emptied", 3), executor)


def test_wrong_solutions_fail_and_the_message_names_why(cases, executor):
    chosen = some(cases, "wrong", WRONG_PER_TASK)
    assert len({case.group for case in chosen}) == 23
    check(chosen, executor)


def test_right_solutions_pass(cases, executor):
    chosen = some(cases, "right", RIGHT_PER_TASK)
    assert len({case.group for case in chosen}) == 23
    check(chosen, executor)


@pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp")
def test_attacks_earn_nothing(cases, executor):
    chosen = some(cases, "attack", ATTACKS_PER_FAMILY)
    assert len(chosen) >= 20
    check(chosen, executor)
    assert not selftest.left_behind()


def test_there_are_enough_of_each(cases):
    counts = {kind: sum(case.kind == kind for case in cases) for kind in ("wrong", "right", "attack")}
    assert counts["wrong"] >= 4 * 23 and counts["right"] >= 2 * 23 and counts["attack"] >= 40


def test_all_kinds_are_there(cases):
    assert {case.kind for case in cases} == set(selftest.KINDS)


def test_a_kind_that_there_is_not_is_named():
    with pytest.raises(CourseError, match="--only: expected some of .*, got attacks"):
        selftest.run(Selftest(only=("attacks",)))
