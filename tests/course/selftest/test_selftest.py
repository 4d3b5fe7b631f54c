"""The self-test, on a sample of the cases of `python -m milestones selftest`, so that it fits into every run."""

import itertools

import pytest

from milestones.course import CourseError, load_course
from milestones.instructor.configuration import Selftest
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.sandbox import confinement
from milestones.instructor.sandbox.server_pool import local_servers
from milestones.instructor.selftest import selftest
from milestones.instructor.selftest.cases import KINDS, all_cases

pytestmark = pytest.mark.slow

WRONG_PER_TASK = 1
RIGHT_PER_TASK = 1
ATTACKS_PER_FAMILY = 4


@pytest.fixture(scope="module")
def cases(suites_collected_once):
    course = load_course()
    return list(all_cases(course, {milestone.number: Exam.of(milestone) for milestone in course.milestones}))


@pytest.fixture(scope="module")
def submit(n_cores):
    # Two even on one core, since attacks wait for their time limits.
    with local_servers(max(2, n_cores)) as submit:
        yield submit


def some(cases, kind, at_most):
    """Choose cases of a kind, at most `at_most` from each group, spread over the group."""
    chosen = []
    key = lambda case: case.group  # noqa: E731
    for _, group in itertools.groupby(sorted((case for case in cases if case.kind == kind), key=key), key=key):
        group = list(group)
        chosen += group[:: -(-len(group) // at_most)]
    return chosen


def check(cases, submit):
    complaints = selftest.grade_cases(cases, submit)
    wrong = [f"{case.title}: {complaint}" for case, complaint in zip(cases, complaints, strict=True) if complaint]
    assert not wrong, "\n".join(wrong)


def test_reference_scores_all_and_template_nothing(cases, submit):
    check([case for case in cases if case.kind in ("reference", "template")], submit)


def test_an_emptied_stub_costs_its_task_and_its_dependents(cases, submit):
    check(some(cases, "one stub emptied", 3), submit)


def test_wrong_solutions_fail_and_the_message_names_why(cases, submit):
    chosen = some(cases, "wrong", WRONG_PER_TASK)
    assert len({case.group for case in chosen}) == 23
    check(chosen, submit)


def test_right_solutions_pass(cases, submit):
    chosen = some(cases, "right", RIGHT_PER_TASK)
    assert len({case.group for case in chosen}) == 23
    check(chosen, submit)


@pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp")
def test_attacks_earn_nothing(cases, submit):
    chosen = some(cases, "attack", ATTACKS_PER_FAMILY)
    assert len(chosen) >= 20
    check(chosen, submit)
    assert not selftest.left_behind()


def test_there_are_enough_of_each(cases):
    counts = {kind: sum(case.kind == kind for case in cases) for kind in ("wrong", "right", "attack")}
    assert counts["wrong"] >= 4 * 23 and counts["right"] >= 2 * 23 and counts["attack"] >= 40


def test_all_kinds_are_there(cases):
    assert {case.kind for case in cases} == set(KINDS)


def test_a_kind_that_there_is_not_is_named():
    with pytest.raises(CourseError, match="--only: expected some of .*, got attacks"):
        selftest.run(Selftest(only=("attacks",)))
