"""Figures of milestone 3: recordings that are kept apart, and differences of methods on the same recordings."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import bootstrap

from milestones.course import ROOT
from milestones.instructor.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    arrow,
    box,
    canvas,
    new_figure,
)
from speech_enhancement.audio import load
from speech_enhancement.metrics import si_sdr
from speech_enhancement.systems.log_mmse import filter_by_log_mmse
from speech_enhancement.systems.wiener import filter_by_wiener

_RECORDINGS = ROOT / "milestones" / "milestone3" / "recordings"


def five_sets() -> Figure:
    """Draw which recordings decide what, and how often each may be looked at."""
    figure = new_figure(2.6)
    axes = canvas(figure, 16, 5.2)
    sets = (
        ("training", "the weights", "in every step", BLUE),
        ("validation", "the epoch", "after every epoch", GREEN),
        ("pairs of\nthe corpus", "the experiment", "after every run", ORANGE),
        ("public", "nothing:\nthey check", "a few times,\ncounted", VERMILLION),
        ("hidden", "the points", "once", GREY),
    )
    axes.text(0.1, 3.25, "decide", style="italic", va="center")
    axes.text(0.1, 2.05, "looked at", style="italic", va="center")
    for number, (name, decides, often, colour) in enumerate(sets):
        x = 3.3 + 2.8 * number
        box(axes, x, 4.5, name, colour, 2.55, 0.9)
        axes.text(x, 3.25, decides, ha="center", va="center", linespacing=1.35)
        axes.text(x, 2.05, often, ha="center", va="center", linespacing=1.35)
    arrow(axes, (2.1, 0.9), (15.7, 0.9))
    axes.text(
        8.9,
        0.4,
        "the further right, the more a score says about new recordings",
        ha="center",
        va="center",
    )
    return figure


def paired_difference() -> Figure:
    """Draw the scores of three methods on the public recordings, the intervals of their means and of differences."""
    scores = public_scores()
    noisy, wiener, log_mmse = scores.values()
    figure = new_figure(3.2)
    left, right = figure.subplots(1, 2, width_ratios=(4, 3))
    places = np.arange(1, len(noisy) + 1)
    left.vlines(
        places, np.min([*scores.values()], axis=0), np.max([*scores.values()], axis=0), color=GREY, linewidth=0.8
    )
    for (name, values), marker, colour in zip(scores.items(), "oDs", (GREY, BLUE, ORANGE), strict=True):
        left.plot(places, values, marker, color=colour, label=name, markersize=5)
    left.set(xlabel="public recording", ylabel="SI-SDR (dB)", xticks=places, title="each recording", ylim=(-1, 22))
    left.legend(frameon=False, loc="upper left", ncols=3, columnspacing=1, handletextpad=0.2)
    right.set(xlabel="dB", title="95 % intervals over the recordings", ylim=(0.5, 6), xlim=(-1, 22))
    rows = {name: (values, colour) for (name, values), colour in zip(scores.items(), (GREY, BLUE, ORANGE), strict=True)}
    rows |= {
        "log-MMSE\nless noisy": (log_mmse - noisy, VERMILLION),
        "log-MMSE\nless Wiener": (log_mmse - wiener, GREEN),
    }
    for height, (values, colour) in zip((5.2, 4.4, 3.6, 2.2, 1.2), rows.values(), strict=True):
        _interval(right, height, values, colour)
    right.axvline(0, color="black", linewidth=0.8, linestyle=":")
    right.set_yticks((5.2, 4.4, 3.6, 2.2, 1.2), rows)
    return figure


def public_scores() -> dict[str, np.ndarray]:
    """Compute the SI-SDR, to a hundredth of a decibel, of three methods on each public recording."""
    names = sorted(path.name for path in (_RECORDINGS / "noisy").iterdir())
    pairs = [[load(_RECORDINGS / side / name)[0] for side in ("noisy", "clean")] for name in names]
    methods = {"noisy": lambda noisy: noisy, "Wiener": filter_by_wiener, "log-MMSE": filter_by_log_mmse}
    return {
        title: np.array([round(float(si_sdr(method(noisy), clean)), 2) for noisy, clean in pairs])
        for title, method in methods.items()
    }


def interval_of_mean(values: np.ndarray) -> tuple[float, float]:
    """Estimate the 95 % interval of a mean by the percentile bootstrap, from a fixed seed."""
    drawn = bootstrap((values,), np.mean, method="percentile", random_state=np.random.default_rng(0))
    return tuple(drawn.confidence_interval)


def _interval(axes: Axes, height: float, values: np.ndarray, colour: str) -> None:
    """Draw a mean with its interval as a line with a point, and write them beside it."""
    low, high = interval_of_mean(values)
    axes.plot((low, high), (height, height), color=colour, linewidth=2.5, solid_capstyle="butt")
    axes.plot(values.mean(), height, "o", color=colour)
    axes.text(high + 0.4, height, f"{values.mean():.1f} ({low:.1f} to {high:.1f})", va="center", fontsize=8)
