"""The plot of quality against real-time factor, as positions for the template that draws it as SVG.

Drawn by the page's own template, since only an SVG within the page follows its colours, light or dark, and only there
can each mark be a link that tells its values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from milestones.instructor.board.labels import Box, Label, place_labels
from speech_enhancement.evaluation.pareto import pareto_front

_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 30, 44
_RADIUS = 5
_LONGEST_LABEL = 26

FASTEST = 3e-4
"""Real-time factor below which points are drawn as if they had this one, since doing nothing takes next to no time."""


@dataclass(frozen=True)
class Point:
    """What is drawn of an entry.

    Attributes:
        title: its name.
        quality: mean of the metric by which entries are ranked.
        real_time_factor: seconds of computing for each second of a recording.
        kind: name of the mark's style.
        interval: bounds of the mean's confidence interval, None without one.
        link: address within the page, None without one.
    """

    title: str
    quality: float
    real_time_factor: float
    kind: str
    interval: tuple[float, float] | None = None
    link: str | None = None


@dataclass(frozen=True)
class Mark:
    """A point in the plot: its place, the ends of its interval, and its label if there is room for one."""

    point: Point
    x: float
    y: float
    whisker: tuple[float, float] | None
    label: Label | None
    on_front: bool


@dataclass(frozen=True)
class Chart:
    """All positions of a plot, in units of CSS pixels.

    Attributes:
        width, height: of the whole.
        frame: the rectangle between the axes.
        x_ticks, y_ticks: position and text of each tick.
        marks: the points, those on the Pareto front last, so that none covers them.
        front: corners of the Pareto front's staircase.
        limit: position of the limit of the second ranking, None without one.
        is_cut: True if a point is faster than `FASTEST`.
    """

    width: float
    height: float
    frame: Box
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    marks: Sequence[Mark]
    front: Sequence[tuple[float, float]]
    limit: float | None
    is_cut: bool


def draw(points: Sequence[Point], width: float, height: float, limit: float | None = None) -> Chart:
    """Place points in a plot.

    Args:
        points: at least one.
        width, height: of the plot, in CSS pixels.
        limit: real-time factor to mark.
    """
    frame = Box(_LEFT, _TOP, width - _RIGHT, height - _BOTTOM)
    factors = [max(FASTEST, point.real_time_factor) for point in points]
    marked = [*factors, limit] if limit else factors
    first, last = (math.log10(bound) for bound in (min(marked) / 1.6, max(marked) * 1.6))
    heights = [height for point in points for height in (point.quality, *(point.interval or ()))]
    y_values = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(min(heights) - 0.05, max(heights) + 0.05)
    lowest, highest = y_values[0], y_values[-1]

    def x_of(factor: float) -> float:
        return frame.left + (math.log10(factor) - first) / (last - first) * frame.width

    def y_of(quality: float) -> float:
        return frame.bottom - (quality - lowest) / (highest - lowest) * frame.height

    names = pareto_front({str(i): (point.quality, point.real_time_factor) for i, point in enumerate(points)})
    on_front = [int(name) for name in names]
    places = [(x_of(factor), y_of(point.quality)) for factor, point in zip(factors, points, strict=True)]
    whiskers = [tuple(map(y_of, point.interval)) if point.interval else None for point in points]
    front = _staircase([places[i] for i in on_front], frame)
    order = [*on_front, *sorted(set(range(len(points))) - set(on_front), key=lambda i: -points[i].quality)]
    obstacles = [Box(x, y, x, y).grown(_RADIUS + 1) for x, y in places]
    obstacles += [
        Box(x, ends[0], x, ends[1]).ordered().grown(1) for (x, _), ends in zip(places, whiskers, strict=True) if ends
    ]
    obstacles += [Box(*start, *end).ordered().grown(1) for start, end in zip(front, front[1:], strict=False)]
    texts = {i: _shortened(points[i].title) for i in order}
    labels = place_labels({i: (texts[i], places[i]) for i in order}, obstacles, frame)
    marks = [Mark(points[i], *places[i], whiskers[i], labels.get(i), on_front=i in on_front) for i in reversed(order)]
    x_ticks = [(x_of(value), f"{value:g}") for value in _decade_ticks(first, last)]
    y_ticks = [(y_of(value), f"{value:g}") for value in y_values]
    is_cut = any(point.real_time_factor < FASTEST for point in points)
    return Chart(width, height, frame, x_ticks, y_ticks, marks, front, x_of(limit) if limit else None, is_cut)


def _staircase(corners: Sequence[tuple[float, float]], frame: Box) -> list[tuple[float, float]]:
    """Join the points of the front by horizontal and vertical lines: what lies below and right of it is surpassed."""
    line = [(corners[0][0], frame.bottom)]
    for x, y in corners:
        line += [(x, line[-1][1]), (x, y)]
    return [*line[1:], (frame.right, line[-1][1])]


def _decade_ticks(first: float, last: float) -> list[float]:
    """Values for ticks between two powers of ten: 1, 2 and 5 times a power, or powers alone if there are many."""
    steps = (1, 2, 5) if last - first < 2 else (1,)
    values = [step * 10.0**power for power in range(math.floor(first), math.ceil(last) + 1) for step in steps]
    return [value for value in values if first <= math.log10(value) <= last]


def _shortened(title: str) -> str:
    return title if len(title) <= _LONGEST_LABEL else f"{title[: _LONGEST_LABEL - 1]}…"
