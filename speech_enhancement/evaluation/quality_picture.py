"""The picture of a benchmark: quality against cost, with the Pareto front."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speech_enhancement.evaluation.pareto import pareto_front
from speech_enhancement.evaluation.scoring import METRICS, Entrant, Score
from speech_enhancement.evaluation.tables import mean_scores
from speech_enhancement.files.atomic import replacing
from speech_enhancement.systems.system import System

_COSTS = {"real_time_factor": "real-time factor on one core", "multiply_adds": "multiply-adds a second"}
_RANGE = 20.0
"""Largest range of a metric that is drawn, in its unit."""


def quality_and_cost(
    scores: Sequence[Score], entrants: Sequence[Entrant], metric: str, cost: str
) -> dict[str, tuple[float, float]]:
    """Collect the mean of a metric and a cost of the systems that denoise and have both, by title.

    Args:
        scores, entrants: of the benchmark.
        metric: one of `METRICS`, of which more is better.
        cost: key of the entrants' costs.
    """
    means = mean_scores(scores)
    return {
        entrant.title: (means[entrant.title][metric], entrant.costs[cost])
        for entrant in entrants
        if entrant.task == System.task and entrant.costs.get(cost) and math.isfinite(means[entrant.title][metric])
    }


def save_quality_against_cost(
    path: Path, scores: Sequence[Score], entrants: Sequence[Entrant], metric: str, marks: Collection[str] = ()
) -> None:
    """Save a plot of a metric's mean against each cost, one named point for each system, with the Pareto front.

    Args:
        path: PNG file.
        scores, entrants: of the benchmark.
        metric: one of `METRICS`, of which more is better.
        marks: titles of systems that are drawn as stars, since they are there for comparison.
    """
    panels = {cost: quality_and_cost(scores, entrants, metric, cost) for cost in _COSTS}
    panels = {cost: points for cost, points in panels.items() if points}
    if not panels:
        # A benchmark of other tasks alone, or one without PESQ.
        return
    figure = Figure(figsize=(10, 6.5 * len(panels)), layout="constrained")
    for axes, (cost, points) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels.items(), strict=True):
        axes.set(xscale="log", xlabel=_COSTS[cost], ylabel=METRICS[metric].title)
        _plot(axes, points, metric, marks)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _plot(axes: Axes, points: Mapping[str, tuple[float, float]], metric: str, marks: Collection[str]) -> None:
    """Plot the points and their front; a system far below the others is drawn as a triangle at the lower edge."""
    axes.grid(alpha=0.3)
    ranked = sorted(points.items(), key=lambda item: item[1][0])
    highest = ranked[-1][1][0]
    # A system that failed to learn must not squeeze the others together.
    lowest = max(ranked[0][1][0], highest - _RANGE)
    front = [points[title] for title in pareto_front(points)]
    corners = [*front, (highest, max(cost for _, cost in points.values()))]
    axes.step([cost for _, cost in corners], [quality for quality, _ in corners], "k:", where="post")
    # Names stand in a column beside the axes, evenly spaced by rank, so that none covers another.
    for position, (title, (quality, cost)) in enumerate(ranked):
        height = lowest + (highest - lowest) * position / max(1, len(ranked) - 1)
        color = "k" if title in marks else f"C{position % 10}"
        shown = max(quality, lowest)
        axes.plot(cost, shown, "v" if shown > quality else "*" if title in marks else "o", color=color, markersize=8)
        axes.annotate(
            f"{title}, {quality:.{METRICS[metric].digits}f}",
            (cost, shown),
            (1.03, height),
            textcoords=axes.get_yaxis_transform(),
            color=color,
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": color, "alpha": 0.4, "relpos": (0, 0.5)},
        )
