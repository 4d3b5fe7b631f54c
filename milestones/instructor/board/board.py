"""The command `board`: a page on which the entries of a milestone's models are ranked, seen and heard."""

import sys

from milestones.course import ROOT, CourseError, load_course
from milestones.instructor.board.clips import remove_unused, write_clips
from milestones.instructor.board.literature import read_literature
from milestones.instructor.board.naming import OpenNames, Pseudonyms
from milestones.instructor.board.page import render
from milestones.instructor.board.rows import make_rows
from milestones.instructor.configuration import Board
from milestones.instructor.models.points import final_standings
from milestones.instructor.models.records import LOG_NAME, NOISY, EntryRecord, read, reference_name
from milestones.instructor.reports.escaping import printable
from speech_enhancement.files.atomic import replacing

PAGE_NAME = "index.html"
_BENCHMARK = ROOT / "docs" / "benchmark.md"


def run(configuration: Board) -> int:
    """Write the page and the files beside it."""
    log = configuration.grades / LOG_NAME
    if not log.is_file():
        raise CourseError(f"{log}: expected the log of graded models, got no such file")
    records = _of_last_grading(read(log))
    milestone = next(each for each in load_course().milestones if each.model)
    names = Pseudonyms(records) if configuration.pseudonyms else OpenNames()
    standing = final_standings(list(records.values()), milestone, configuration.grades)
    rows = make_rows(records, standing, milestone.model.rank_by, names)
    literature = read_literature(_BENCHMARK)
    clips = write_clips(configuration.out, configuration.grades, milestone.folder / "recordings", rows)
    with replacing(configuration.out / PAGE_NAME) as temporary:
        temporary.write_text(render(milestone, rows, clips, literature), encoding="utf-8", newline="\n")
    remove_unused(configuration.out, clips)
    print(f"{configuration.out / PAGE_NAME}")
    return 0


def _of_last_grading(records: dict[str, EntryRecord]) -> dict[str, EntryRecord]:
    """Leave out entries that were graded on other recordings than the reference that each grading has."""
    last = records.get(reference_name(NOISY))
    if last is None:
        return records
    kept = {name: record for name, record in records.items() if record.recordings_hash == last.recordings_hash}
    for name in sorted(records.keys() - kept.keys()):
        print(f"left out: {printable(name)}: expected the recordings of the last grading, got others", file=sys.stderr)
    return kept
