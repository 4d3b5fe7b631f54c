"""The points of submissions, with overrides, extensions and lateness as in the other milestones, for `grades.csv`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from milestones.course import Milestone, Task
from milestones.instructor.models.records import EntryRecord, Standing
from milestones.instructor.models.standings import points_of_rank, standings
from milestones.instructor.reports.adjustments import read_extensions, read_overrides
from milestones.instructor.reports.escaping import printable, same
from milestones.instructor.reports.scores import Score, TaskScore

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


def final_standings(records: Sequence[EntryRecord], milestone: Milestone, out: Path) -> list[Standing]:
    """Compute the standings; a submission that counts for nothing by override or by lateness takes no rank from others.

    Args:
        records: records of all entries.
        milestone: the milestone.
        out: folder of the grades, with overrides and extensions.

    Raises:
        CourseError: see `scores_of` and `standings.standings`.
    """
    first = standings(records, milestone.model)
    submissions = [pair for pair in zip(records, first, strict=True) if pair[0].kind == "submission"]
    scores, _ = scores_of(submissions, milestone, out)
    return standings(records, milestone.model, {score.submission for score in scores if _is_void(score)})


def _is_void(score: Score) -> bool:
    if score.override is not None:
        return score.override.points == 0
    return score.late_share == 1
