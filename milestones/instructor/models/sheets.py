"""The sheets of a grading: `grades.csv` in the form of the other milestones, `scores.csv`, and a table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from milestones.course import Milestone, Task
from milestones.instructor.models.records import EntryRecord, Standing
from milestones.instructor.models.standings import points_of_rank, public_mean
from milestones.instructor.reports.adjustments import read_extensions, read_overrides
from milestones.instructor.reports.escaping import cell, printable, same
from milestones.instructor.reports.scores import Score, TaskScore
from milestones.model_terms import METRICS

THRESHOLDS, RANK, FAST_RANK = "thresholds", "rank", "fast rank"


def parts_of(milestone: Milestone) -> Milestone:
    """Return the milestone with its points as tasks, whose ids a row of `overrides.csv` may name."""
    terms = milestone.model
    points = {
        THRESHOLDS: sum(each.points for each in terms.thresholds),
        RANK: terms.rank_points[0],
        FAST_RANK: terms.fast_rank_points[0],
    }
    return replace(milestone, model=None, tasks=tuple(Task(name, name, most) for name, most in points.items()))


def scores_of(
    graded: Sequence[tuple[EntryRecord, Standing]], milestone: Milestone, out: Path
) -> tuple[list[Score], list[str]]:
    """Make the score of each submission, with the instructor's overrides and extensions.

    Args:
        graded: records of the submissions, and their standings.
        milestone: the milestone.
        out: folder of the grades; its `overrides.csv` and `extensions.csv` are read, if there are any.

    Returns:
        The scores in the order of the submissions' names, and a line about each row for an unknown submission.

    Raises:
        CourseError: `overrides.csv` or `extensions.csv` is malformed.
    """
    parts, terms = parts_of(milestone), milestone.model
    overrides = read_overrides(out / "overrides.csv", parts)
    extensions = read_extensions(out / "extensions.csv", parts)
    scores = []
    for record, standing in sorted(graded, key=lambda pair: pair[0].entry):
        own, extension = overrides.get(same(record.entry), {}), extensions.get(same(record.entry))
        ranks = (
            points_of_rank(standing.rank, terms.rank_points),
            points_of_rank(standing.fast_rank, terms.fast_rank_points),
        )
        earned = (standing.points - sum(ranks), *ranks)
        scores.append(
            Score(
                submission=record.entry,
                milestone=parts,
                tasks=tuple(
                    TaskScore(task, points, override=own.get(task.id))
                    for task, points in zip(parts.tasks, earned, strict=True)
                ),
                submitted=record.submitted,
                deadline=milestone.deadline + timedelta(hours=extension.hours if extension else 0),
                extension=extension,
                override=own.get(""),
                refused=record.refused,
                notes=(*record.notes, *record.marks),
            )
        )
    known = {same(score.submission) for score in scores}
    rows = [row for each in overrides.values() for row in each.values()] + list(extensions.values())
    strays = [row for row in rows if same(row.submission) not in known]
    return scores, [
        f"{row.place}: expected the name of a submission, got {printable(row.submission)}" for row in strays
    ]


def scores_csv(records: Sequence[EntryRecord], standings: Sequence[Standing]) -> str:
    """Make the text of `scores.csv`: a row for each entry, with hidden and public scores side by side."""
    header = ["entry", "kind", "rank", "fast rank", "real-time factor", "parameters", "bytes"]
    for metric in METRICS:
        header += [metric, f"{metric} low", f"{metric} high", f"{metric} public"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([*header, "failed recordings", "marks"])
    for record, standing in zip(records, standings, strict=True):
        row = [record.title, record.kind, standing.rank, standing.fast_rank, record.real_time_factor]
        row += [record.parameters, record.model_bytes]
        for metric in METRICS:
            interval = standing.means.get(metric, ("", "", ""))
            row += [*(_rounded(value) for value in interval), _rounded(public_mean(record.public, metric))]
        failed = sum(score.fault is not None for score in record.recordings)
        row += [failed, "; ".join(record.marks)]
        writer.writerow([cell(value) if isinstance(value, str) else "" if value is None else value for value in row])
    return text.getvalue()


def table(records: Sequence[EntryRecord], standings: Sequence[Standing], rank_by: str) -> str:
    """Format scores as a table for a terminal, best first: hidden mean with its interval, and public mean."""
    width = max(len("entry"), *(len(printable(record.title)) for record in records), 0)
    lines = [f"{'entry':<{width}}  rank  fast  real-time" + "".join(f"  {metric:<28}" for metric in METRICS)]
    order = sorted(zip(records, standings, strict=True), key=lambda pair: _order(pair[1], rank_by))
    for record, standing in order:
        factor = "" if record.real_time_factor is None else f"{record.real_time_factor:.3f}"
        line = (
            f"{printable(record.title):<{width}}  {standing.rank or '':>4}  {standing.fast_rank or '':>4}  {factor:>9}"
        )
        for metric in METRICS if standing.means else ():
            mean, low, high = standing.means[metric]
            public = _rounded(public_mean(record.public, metric))
            line += f"  {f'{mean:.2f} ({low:.2f}-{high:.2f}) public {public}':<28}"
        lines.append(f"{line}  {'; '.join(map(printable, record.marks))}".rstrip())
    return "\n".join(lines)


def _order(standing: Standing, rank_by: str) -> tuple[bool, float]:
    return (False, -standing.means[rank_by].mean) if standing.means else (True, 0.0)


def _rounded(value: float | str | None) -> float | str:
    return "" if value is None or value == "" else round(value, 3)
