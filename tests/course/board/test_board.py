"""The command, from a log and clips to a page."""

from dataclasses import replace

import pytest

from milestones.course import CourseError, load_milestone
from milestones.instructor.board import board
from milestones.instructor.configuration import Board
from milestones.instructor.models.records import NOISY, reference_name
from tests.course.board.entries import entry, refused, write_grades


def test_from_a_log_to_a_page(tmp_path, capsys):
    """The last record of an entry counts, and the page can be written again with pseudonyms in the place of names."""
    records = [entry("ada", 1.5), entry("bob", 2.4), refused(), entry("shipped", 2.6, kind="reference")]
    write_grades(tmp_path / "grades", [*records, entry("ada", 2.9)], load_milestone(3).folder / "recordings")
    page = tmp_path / "board" / "index.html"
    sources = []
    for pseudonyms in (False, True):
        assert board.run(Board(tmp_path / "board", tmp_path / "grades", pseudonyms)) == 0
        assert capsys.readouterr().out == f"{page}\n"
        sources.append(page.read_text(encoding="utf-8"))
    named, anonymous = sources
    assert named.index(">ada<") < named.index(">shipped<") < named.index(">bob<") < named.index(">late<")
    assert ">shipped<" in anonymous and not any(f">{name}<" in anonymous for name in ("ada", "bob", "late"))


def test_scores_on_other_recordings_are_left_out(tmp_path, capsys):
    """Who has not been graded since the recordings changed has no place among those who have."""
    noisy = entry(reference_name(NOISY), 1.2, kind="reference", title=NOISY)
    withdrawn = replace(entry("old", 2.9, recordings_hash="8" * 64), recordings=entry().recordings[:3])
    write_grades(tmp_path / "grades", [noisy, withdrawn, entry("ada")], load_milestone(3).folder / "recordings")
    assert board.run(Board(tmp_path / "board", tmp_path / "grades")) == 0
    page = (tmp_path / "board/index.html").read_text(encoding="utf-8")
    assert ">ada<" in page and f">{NOISY}<" in page and ">old<" not in page
    said = "left out: old: expected the recordings of the last grading, got others\n"
    assert capsys.readouterr().err.startswith(said)


def test_without_a_log_nothing_is_written(tmp_path):
    with pytest.raises(CourseError, match=r"models\.jsonl: expected the log of graded models, got no such file"):
        board.run(Board(tmp_path / "board", tmp_path / "grades"))
    assert not (tmp_path / "board").exists()
