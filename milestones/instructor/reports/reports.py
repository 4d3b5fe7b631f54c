"""The reports of a grading: `grades.csv`, a feedback page for each student, the page of the class, and a table.

All of them are made from the records each time, and the same records always give the same bytes.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from milestones.course import Milestone
from milestones.instructor.records import Record
from milestones.instructor.records import latest as latest_records
from milestones.instructor.reports import class_page, student_page
from milestones.instructor.reports.adjustments import Extension, Override, read_extensions, read_overrides
from milestones.instructor.reports.escaping import cell, page_name, printable, same
from milestones.instructor.reports.scores import Score, score

GRADES_NAME = "grades.csv"
OVERRIDES_NAME = "overrides.csv"
EXTENSIONS_NAME = "extensions.csv"
CLASS_NAME = "class.html"
FEEDBACK_FOLDER = "feedback"
_MAX_REMARK = 300

_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(out: Path, records: Sequence[Record], milestone: Milestone) -> tuple[list[Score], list[Override | Extension]]:
    """Write `grades.csv`, `feedback/NAME.html` and `class.html`.

    Args:
        out: folder of the grades; its `overrides.csv` and `extensions.csv` are read, if there are any.
        records: records of the class; only the last one of each submission counts, and those of other milestones are
            ignored.
        milestone: the milestone.

    Returns:
        The scores, in the order of the submissions' names, and the overrides and extensions of unknown submissions.

    Raises:
        CourseError: `overrides.csv` or `extensions.csv` is malformed; nothing is written.
    """
    overrides = read_overrides(out / OVERRIDES_NAME, milestone)
    extensions = read_extensions(out / EXTENSIONS_NAME, milestone)
    latest = latest_records([record for record in records if record.milestone == milestone.number])
    graded = []
    for _, record in sorted(latest.items()):
        name = same(record.submission)
        graded.append((record, score(record, milestone, overrides.get(name, {}), extensions.get(name))))
    scores = [each for _, each in graded]

    known = {same(each.submission) for each in scores}
    rows = [row for each in overrides.values() for row in each.values()] + list(extensions.values())
    strays = [row for row in rows if same(row.submission) not in known]

    (out / FEEDBACK_FOLDER).mkdir(parents=True, exist_ok=True)
    write_sheet(out / GRADES_NAME, grades(scores, milestone))
    for record, each in graded:
        write_feedback(out, each.submission, "feedback.html", student_page.view(record, each))
    _replace(out / CLASS_NAME, _render("class.html", **class_page.view(graded, milestone, strays)))
    return scores, strays


def write_feedback(out: Path, submission: str, template: str, values: dict[str, Any]) -> None:
    """Write the page of a submission, `feedback/NAME.html`, in the folder of the grades.

    Args:
        out: folder of the grades, which has a folder for feedback.
        submission: its name.
        template: name of the page's template.
        values: what the template shows.
    """
    _replace(out / FEEDBACK_FOLDER / page_name(submission), _render(template, **values))


def grades(scores: Sequence[Score], milestone: Milestone) -> str:
    """Make the text of `grades.csv`: a row for each submission; points that are not known yet are empty."""
    header = ["submission", "milestone", *(f"task {task.id}" for task in milestone.tasks), "sum", "days late"]
    header += ["late deduction", "override", "total", "maximum", "note"]
    text = io.StringIO()
    # Every text is quoted, so that a name with a semicolon is one cell even if a spreadsheet separates by semicolons.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(header)
    for each in scores:
        points = [*(task.points for task in each.tasks), each.sum]
        deduction = 0 if each.override is not None else each.deduction
        row = [each.submission, milestone.number, *points, each.days_late, deduction]
        row += ["; ".join(map(_override, each.overrides)), each.total, milestone.points, each.note]
        writer.writerow([cell(value) if isinstance(value, str) else _number(value) for value in row])
    return text.getvalue()


def table(scores: Sequence[Score], milestone: Milestone) -> str:
    """Format the scores as a table for a terminal."""
    names = [printable(each.submission) for each in scores]
    width = max(len("submission"), *map(len, names), 0)
    widths = [max(len(task.id), len(f"{task.points:g}"), 3) for task in milestone.tasks]

    def line(name: str, points: Sequence, total: str, late: str, remark: str) -> str:
        cells = " ".join(f"{text:>{wide}}" for text, wide in zip(points, widths, strict=True))
        return f"{name:<{width}}  {cells}  {total:>7}  {late:>4}  {remark}".rstrip()

    lines = [line("submission", [task.id for task in milestone.tasks], "total", "late", "")]
    for name, each in zip(names, scores, strict=True):
        points = [_text(task.points) for task in each.tasks]
        late = f"{each.days_late} d" if each.days_late else ""
        note = printable(each.note)
        brief = note if len(note) <= _MAX_REMARK else f"{note[:_MAX_REMARK]}..."
        lines.append(line(name, points, _text(each.total), late, brief))
    maxima = [f"{task.points:g}" for task in milestone.tasks]
    return "\n".join([*lines, line("of", maxima, f"{milestone.points:g}", "", "")])


def _override(override: Override) -> str:
    what = f"task {override.task}" if override.task else "total"
    return f"{what}: {override.points:g} ({override.reason})" if override.reason else f"{what}: {override.points:g}"


def _number(value: float | None) -> float | str:
    if value is None:
        return ""
    return int(value) if value == int(value) else value


def _text(points: float | None) -> str:
    return "?" if points is None else f"{points:g}"


_PAGES.filters |= {"points": _text, "printable": printable}


def _render(name: str, **values) -> str:
    return _PAGES.get_template(name).render(**values)


def write_sheet(path: Path, text: str) -> None:
    """Write a table (CSV) that spreadsheets open."""
    # Without the mark, Excel takes UTF-8 for the encoding of its country.
    _replace(path, f"\ufeff{text}")


def _replace(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    # Names and messages may have lone surrogates, which no encoding accepts.
    temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    temporary.replace(path)
