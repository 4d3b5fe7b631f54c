"""Points by the kind of their evidence: the table of the threat model, and that none rests on a submission's word."""

import re

import pytest

from milestones.course import ROOT, load_course
from milestones.instructor.selftest import evidence


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
