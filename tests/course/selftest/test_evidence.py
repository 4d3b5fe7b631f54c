"""Points by the kind of their evidence: the table of the threat model, and that none rests on a submission's word."""

import re
from dataclasses import replace

import pytest

from milestones.course import ROOT, load_course
from milestones.graded_tests import TestState
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.sandbox.server_pool import local_servers
from milestones.instructor.selftest import attacks, evidence
from milestones.instructor.selftest.reference import with_piece


@pytest.fixture(scope="module")
def points(suites_collected_once):
    return {milestone: evidence.points(milestone) for milestone in load_course().tested}


def test_the_threat_model_has_the_table(points):
    text = (ROOT / "docs" / "threat_model.md").read_text(encoding="utf-8")
    rows = {kind: [f"{of_kind[kind]:g}" for of_kind in points.values()] for kind in evidence.KINDS}
    for kind, numbers in rows.items():
        assert re.search(rf"^\| {re.escape(kind)} \| {' [|] '.join(numbers)} \|$", text, re.MULTILINE), (kind, numbers)


def test_all_points_have_a_kind_and_none_is_a_word(points):
    for milestone, of_kind in points.items():
        assert sum(of_kind.values()) == milestone.points
        assert of_kind[evidence.WORD] == 0


INVENTIONS = ("noise-for-networks", "noise-for-trainings", "noise-for-pairs")


@pytest.mark.slow
def test_inventions_earn_nothing(suites_collected_once):
    """Answers of the right shapes, without anything that computes them, pass no test at all."""
    course = load_course()
    with local_servers(1) as submit:
        for attack in attacks.read():
            if attack.name in INVENTIONS:
                exam = Exam.of(attack.milestone(course))
                tests = [test for test in exam.tests if course.tasks[test.task].module == attack.module]
                result = submit(replace(exam, tests=tests).job(with_piece(attack.module, attack.code))).result()
                assert not [test.id for test in result.tests if test.state == TestState.PASSED], attack.name
