"""What a student reads of a graded model: scores, points, and what failed; nothing of single hidden recordings."""

from collections import Counter
from typing import Any

from milestones.course import Milestone
from milestones.instructor.models.records import EntryRecord, RecordingScore, Standing
from milestones.instructor.models.standings import public_mean
from milestones.instructor.reports.scores import Score
from milestones.model_terms import METRICS
from speech_enhancement.evaluation.scoring import METRICS as TITLES

TEMPLATE = "model_feedback.html"


def view(record: EntryRecord, standing: Standing, score: Score, milestone: Milestone) -> dict[str, Any]:
    """Make the values of a submission's page.

    Marks are left out: they name other students, and are for the instructor to ask about.
    """
    failures = Counter(each.fault for each in record.recordings if each.fault)
    return {
        "milestone": milestone,
        "score": score,
        "notes": record.notes,
        "means": [_row(record, standing, metric) for metric in METRICS] if standing.means else [],
        "titles": [TITLES[metric].title for metric in METRICS],
        "rank": standing.rank,
        "fast_rank": standing.fast_rank,
        "factor": None if record.real_time_factor is None else f"{record.real_time_factor:.3f}",
        "failures": failures,
        "public": [_public(each) for each in record.public],
    }


def _row(record: EntryRecord, standing: Standing, metric: str) -> dict[str, str]:
    mean, low, high = (_text(value, metric) for value in standing.means[metric])
    public = _text(public_mean(record.public, metric), metric)
    return {"title": TITLES[metric].title, "mean": mean, "low": low, "high": high, "public": public}


def _public(score: RecordingScore) -> dict[str, Any]:
    numbers = [_text(getattr(score, metric), metric) for metric in METRICS]
    remark = ": ".join(part for part in (score.fault, score.message) if part)
    return {"name": score.recording, "numbers": numbers, "remark": remark}


def _text(value: float | None, metric: str) -> str:
    return "-" if value is None else f"{value:.{TITLES[metric].digits}f}"
