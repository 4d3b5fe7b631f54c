"""What the figures share: size, colours that colour-blind readers tell apart, boxes and arrows."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, VERMILLION, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#777777"
WIDTH = 8.0  # inches, the width of a page on a code host

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "handout",
}


def new_figure(height: float) -> Figure:
    """Make a figure as wide as a page, on white, since code hosts may show pages on black."""
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def style():
    """Return a context in which figures are drawn and saved alike, with no text that depends on the reader's fonts."""
    return matplotlib.rc_context(_STYLE)


def save(figure: Figure, path: Path) -> None:
    """Write an SVG or PNG without its date, so that the same figure always gives the same bytes."""
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=110, metadata=metadata)


def canvas(figure: Figure, width: float, height: float) -> Axes:
    """Add axes without ticks for boxes and arrows, from (0, 0) at the lower left to (width, height)."""
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return axes


def box(axes: Axes, x: float, y: float, text: str, colour: str = GREY, width: float = 2.0, height: float = 0.7) -> None:
    """Draw a box with a text around a centre."""
    corner = (x - width / 2, y - height / 2)
    shape = matplotlib.patches.FancyBboxPatch(
        corner, width, height, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour + "22", edgecolor=colour
    )
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center", linespacing=1.35)


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = "black", dashed: bool = False
) -> None:
    """Draw an arrow from one place to another."""
    line = {"arrowstyle": "-|>", "color": colour, "linestyle": "--" if dashed else "-", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=line)
