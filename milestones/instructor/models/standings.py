"""Means with their intervals, shared ranks and points, from the records of all entries."""

import statistics
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from milestones.course import CourseError
from milestones.instructor.models.records import (
    NOISY,
    EntryRecord,
    Interval,
    RecordingScore,
    RecordingState,
    Standing,
    reference_name,
)
from milestones.model_terms import METRICS, ModelTerms
from speech_enhancement.evaluation.scoring import ABOVE_50_HZ

WORST = {"pesq": 1.0, "si_sdr": -30.0, "stoi": 0.0}
"""Values of a recording on which a model failed; none counts for less."""

_N_RESAMPLES = 2000
_TAILS = (2.5, 97.5)


def standings(
    records: Sequence[EntryRecord], terms: ModelTerms, unranked: Collection[str] = frozenset()
) -> list[Standing]:
    """Compute the standing of each entry, in the order of the records.

    Means have a percentile bootstrap interval over the recordings. An entry shares a rank if the interval of the mean
    paired difference from the best entry of this rank, over the same resamples, includes zero; otherwise its rank is
    one more than the number of better submissions. References have no rank, and take none from others. A submission
    that does not beat the noisy recordings, with and without what lies below 50 Hz, by the same interval, has neither
    rank nor points. Source: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance
    evaluation", ICASSP 2004.

    Args:
        records: records of all entries.
        terms: thresholds, and points of ranks.
        unranked: names of submissions that have no rank and take none from others.

    Raises:
        CourseError: the entries were graded on different recordings.
    """
    graded = [record for record in records if record.refused is None and record.recordings]
    values = {record.entry: _values(record) for record in graded}
    resamples = _resamples(_check_same_recordings(graded))
    submissions = [record for record in graded if record.kind == "submission" and _is_scored(record)]
    # A network that returns its input would gain by the filter that `enhance` puts before it.
    for title in (NOISY, ABOVE_50_HZ):
        if reference_name(title) in values:
            noisy = values[reference_name(title)][terms.rank_by]
            submissions = [each for each in submissions if _beats(values[each.entry][terms.rank_by], noisy, resamples)]
    ranked = [each for each in submissions if each.entry not in unranked]
    fast = [each for each in ranked if each.real_time_factor < terms.fast_real_time_factor]
    ranks, fast_ranks = (
        _ranks({each.entry: values[each.entry][terms.rank_by] for each in group}, resamples) for group in (ranked, fast)
    )
    result = []
    for record in records:
        means = {metric: _interval(each, resamples) for metric, each in values.get(record.entry, {}).items()}
        rank, fast_rank = ranks.get(record.entry), fast_ranks.get(record.entry)
        points = _of_thresholds(means, terms) if record in submissions else 0
        points += points_of_rank(rank, terms.rank_points) + points_of_rank(fast_rank, terms.fast_rank_points)
        result.append(Standing(record.entry, rank, fast_rank, points, means))
    return result


def points_of_rank(rank: int | None, points: Sequence[float]) -> float:
    """Points that a rank earns."""
    return points[rank - 1] if rank is not None and rank <= len(points) else 0


def public_mean(scores: Sequence[RecordingScore], metric: str) -> float | None:
    """Mean of a metric over the public recordings, by the same values as the hidden means; None without any."""
    return statistics.fmean(_value(score, metric) for score in scores) if scores else None


def _values(record: EntryRecord) -> dict[str, NDArray]:
    """Values of each metric, shape `(recordings,)`, in the order of the recordings' names."""
    scores = sorted(record.recordings, key=lambda score: score.recording)
    return {metric: np.array([_value(score, metric) for score in scores]) for metric in METRICS}


def _value(score: RecordingScore, metric: str) -> float:
    value = getattr(score, metric)
    return WORST[metric] if value is None else max(WORST[metric], value)


def _is_scored(record: EntryRecord) -> bool:
    return any(score.state == RecordingState.SCORED for score in record.recordings)


def _check_same_recordings(records: Sequence[EntryRecord]) -> int:
    """Return the number of recordings, the same for all records."""
    names = {record.entry: {score.recording for score in record.recordings} for record in records}
    first = next(iter(names), None)
    for entry, own in names.items():
        if own != names[first]:
            raise CourseError(f"{entry}: expected scores on the {len(names[first])} recordings of {first}, got others")
    return len(names[first]) if first is not None else 0


def _resamples(count: int) -> NDArray:
    """Draw the recordings of each resample, with replacement: `(resamples, recordings)`; always the same ones."""
    return np.random.default_rng(0).integers(0, max(1, count), size=(_N_RESAMPLES, count))


def _interval(values: NDArray, resamples: NDArray) -> Interval:
    low, high = np.percentile(values[resamples].mean(axis=1), _TAILS)
    return Interval(float(values.mean()), float(low), float(high))


def _beats(better: NDArray, worse: NDArray, resamples: NDArray) -> bool:
    """Return True if the interval of the mean paired difference lies above zero."""
    return _interval(better - worse, resamples).low > 0


def _ranks(values: dict[str, NDArray], resamples: NDArray) -> dict[str, int]:
    """Rank entries by the values of one metric; each is compared with the best entry of the rank above."""
    ranks: dict[str, int] = {}
    best: str | None = None
    for place, entry in enumerate(sorted(values, key=lambda name: (-values[name].mean(), name)), start=1):
        if best is not None and not _beats(values[best], values[entry], resamples):
            ranks[entry] = ranks[best]
        else:
            ranks[entry], best = place, entry
    return ranks


def _of_thresholds(means: dict[str, Interval], terms: ModelTerms) -> float:
    return sum(each.points for each in terms.thresholds if means[each.metric].mean >= each.at_least)
