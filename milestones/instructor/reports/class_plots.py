"""Plots of a class: the distribution of its totals, the means of the tasks, the states of the tests.

Colours also differ in lightness and are hatched, for colour-blind readers and prints in grey.
"""

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from milestones.graded_tests import TestState
from milestones.instructor.reports.class_statistics import TaskMean, TestCounts
from speech_enhancement.files.data_uri import data_uri

_PASSED = "#0072b2"
_LOOKS = {
    TestState.PASSED: (_PASSED, ""),
    TestState.WRONG: ("#d55e00", ""),
    TestState.CRASHED: ("#f0a860", "///"),
    TestState.OUT_OF_TIME: ("#cc79a7", "..."),
    TestState.OUT_OF_MEMORY: ("#cc79a7", "xxx"),
    TestState.NOT_IMPLEMENTED: ("#e4e4e4", ""),
    TestState.REFUSED: ("#ffffff", "\\\\\\"),
    TestState.GRADER_FAULT: ("#ffffff", "|||"),
}
"""Colour and hatch of each state, after the palette of Okabe and Ito."""

_INCHES_PER_BAR = 0.19


def totals(points: Sequence[float], maximum: float) -> str:
    """Draw a histogram of the totals in tenths of the maximum; the result is a data URI, as for all plots."""
    figure = Figure(figsize=(6.2, 3), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, maximum, 11)
    axes.hist(np.clip(points, 0, maximum), edges, color=_PASSED, edgecolor="white")
    axes.axvline(float(np.median(points)), color="black", linestyle="--", label="median")
    axes.set(xlabel="points", ylabel="submissions", xlim=(0, maximum))
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return _data_uri(figure)


def tasks(means: Sequence[TaskMean]) -> str:
    """Draw the mean share of the points of each task."""
    figure, axes = _bars(len(means))
    for position, each in enumerate(means):
        if each.share is not None:
            axes.barh(position, 100 * each.share, color=_PASSED)
            axes.text(102, position, f"{100 * each.share:.0f} %", va="center", fontsize=8)
    _label(axes, [f"{each.task.id}  {each.task.name}" for each in means])
    axes.barh(range(len(means)), 100, fill=False, edgecolor="#999999", linewidth=0.6)
    axes.set(xlabel="mean share of the points (%)", xlim=(0, 112))
    return _data_uri(figure)


def tests(counts: Sequence[TestCounts], states: Sequence[TestState]) -> str:
    """Draw the share of the submissions in each state, for each test."""
    figure, axes = _bars(len(counts))
    positions = range(len(counts))
    sums = np.array([each.states.total() for each in counts])
    left = np.zeros(len(counts))
    with matplotlib.rc_context({"hatch.linewidth": 0.6}):
        for state in states:
            shares = 100 * np.array([each.states[state] for each in counts]) / sums
            if shares.any():
                colour, hatch = _LOOKS[state]
                style = {"color": colour, "hatch": hatch, "edgecolor": "#555555", "linewidth": 0.4}
                axes.barh(positions, shares, left=left, label=state, **style)
            left += shares
    _label(axes, [f"{each.test.task}  {each.test.id}{' (hidden)' * each.test.hidden}" for each in counts])
    axes.set(xlabel="share of the submissions (%)", xlim=(0, 100))
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    return _data_uri(figure)


def _bars(count: int) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, 1.1 + _INCHES_PER_BAR * count), layout="constrained")
    return figure, figure.subplots()


def _label(axes: Axes, names: Sequence[str]) -> None:
    """Write the names of the bars, the first one on top."""
    # A dollar sign in the name of a test begins no formula.
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _data_uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    # A fixed salt and no date, since otherwise the same class would get another file each time.
    with matplotlib.rc_context({"svg.hashsalt": "class"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return data_uri("image/svg+xml", buffer.getvalue())
