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


@pytest.fixture(scope="module")
def cases(suites_collected_once):
    course = load_course()
    return list(all_cases(course, {milestone.number: Exam.of(milestone) for milestone in course.tested}))


def some(cases, kind, at_most):
    """Choose cases of a kind, at most `at_most` from each group, spread over the group."""
    chosen = []
    key = lambda case: case.group  # noqa: E731
    for _, group in itertools.groupby(sorted((case for case in cases if case.kind == kind), key=key), key=key):
        group = list(group)
        chosen += group[:: -(-len(group) // at_most)]
    return chosen


@pytest.fixture(scope="module")
def graded(cases, n_cores):
    """The chosen cases and the complaint about each, by kind; graded at once, since servers start for each grading."""
    chosen = [case for case in cases if case.kind in ("reference", "template")]
    chosen += some(cases, "one stub emptied", 2) + some(cases, "wrong", 1)
    # A right one takes long: it runs the tests of all tasks that depend on its own.
    chosen += some(cases, "right", 1)[::3]
    if confinement.can_be_strong():
        chosen += some(cases, "attack", 2)
    # Two at a time even on one core, since attacks wait for their time limits.
    with local_servers(max(2, n_cores)) as submit:
        complaints = selftest.grade_cases(chosen, submit)
    return {
        kind: [(case, complaint) for case, complaint in zip(chosen, complaints, strict=True) if case.kind == kind]
        for kind in KINDS
    }


def wrong(graded):
    return "\n".join(f"{case.title}: {complaint}" for case, complaint in graded if complaint)


@pytest.mark.parametrize("kind", ["reference", "template", "one stub emptied"])
def test_variants_of_the_reference_are_graded_as_they_must_be(graded, kind):
    assert graded[kind] and not wrong(graded[kind])


@pytest.mark.parametrize("kind", ["wrong", "right"])
def test_wrong_and_right_solutions_are_graded_as_they_must_be(graded, kind):
    """The message of a wrong one names the reason."""
    n_tasks = len(load_course().tasks)
    assert len({case.group for case, _ in graded[kind]}) >= (n_tasks if kind == "wrong" else n_tasks // 3)
    assert not wrong(graded[kind])


@pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp")
def test_attacks_earn_nothing(graded):
    assert len(graded["attack"]) >= 12
    assert not wrong(graded["attack"])
    assert not selftest.left_behind()


def test_there_are_enough_of_each(cases):
    counts = {kind: sum(case.kind == kind for case in cases) for kind in ("wrong", "right", "attack")}
    assert counts["wrong"] >= 4 * 23 and counts["right"] >= 2 * 23 and counts["attack"] >= 40


def test_all_kinds_are_there(cases):
    assert {case.kind for case in cases} == set(KINDS)


def test_a_kind_that_there_is_not_is_named():
    with pytest.raises(CourseError, match="--only: expected some of .*, got attacks"):
        selftest.run(Selftest(only=("attacks",)))
