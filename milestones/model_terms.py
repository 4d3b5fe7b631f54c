"""The terms of a milestone whose work is a trained model: limits, thresholds and ranks, from its `milestone.toml`."""

from dataclasses import dataclass
from typing import Any

METRICS = ("pesq", "si_sdr", "stoi")
"""Metrics by which models are scored."""


@dataclass(frozen=True)
class Threshold:
    """A mean over the hidden recordings that earns points.

    Attributes:
        metric: one of `METRICS`.
        at_least: the mean; decibels for "si_sdr".
        points: earned by reaching it, on top of those of lower thresholds.
    """

    metric: str
    at_least: float
    points: float


@dataclass(frozen=True)
class ModelTerms:
    """The limits of a model, and what earns points.

    Attributes:
        archive_mebibytes: most that the archive may take.
        seconds_to_load: wall-clock limit of loading the model.
        seconds_per_second: wall-clock limit of enhancing, for each second of a recording.
        memory_mebibytes: memory that may be allocated beyond what importing torch takes.
        max_delay_seconds: longest delay of a result, either way, that is undone before scoring.
        rank_by: metric by which models are ranked.
        fast_real_time_factor: real-time factor under which a model takes part in the second ranking.
        rank_points, fast_rank_points: points of rank 1, 2 and so on in the two rankings; later ranks earn none.
        thresholds: means that earn points.
    """

    archive_mebibytes: int
    seconds_to_load: float
    seconds_per_second: float
    memory_mebibytes: int
    max_delay_seconds: float
    rank_by: str
    fast_real_time_factor: float
    rank_points: tuple[float, ...]
    fast_rank_points: tuple[float, ...]
    thresholds: tuple[Threshold, ...]

    @property
    def limits(self) -> tuple[float, ...]:
        """The numbers on which scores depend, and not only points."""
        limits = (self.archive_mebibytes, self.seconds_to_load, self.seconds_per_second, self.memory_mebibytes)
        return (*limits, self.max_delay_seconds)

    @property
    def points(self) -> float:
        """Most points that a model can earn."""
        return sum(each.points for each in self.thresholds) + max(self.rank_points) + max(self.fast_rank_points)


def read(table: dict[str, Any]) -> ModelTerms:
    """Read the table `model` of a `milestone.toml`.

    Raises:
        KeyError, TypeError, ValueError: an entry is missing, unknown or wrong.
    """
    lists = {name: tuple(table[name]) for name in ("rank_points", "fast_rank_points")}
    terms = ModelTerms(**{**table, **lists, "thresholds": tuple(Threshold(**each) for each in table["thresholds"])})
    for metric in (terms.rank_by, *(each.metric for each in terms.thresholds)):
        if metric not in METRICS:
            raise ValueError(f"model: expected a metric among {', '.join(METRICS)}, got {metric}")
    for name, points in lists.items():
        if not points or sorted(points, reverse=True) != [*points]:
            raise ValueError(f"model: {name}: expected points that fall from rank to rank, got {table[name]}")
    return terms
