"""The page of the board: values, plots and rows put into its template.

A content security policy lets the page run its own script, which it names by a hash, and load nothing but the files
beside it.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from milestones.course import Milestone
from milestones.instructor.board.chart import FASTEST, Chart, Point, draw
from milestones.instructor.board.clips import Clips
from milestones.instructor.board.literature import LiteratureSystem
from milestones.instructor.board.rows import Row
from milestones.instructor.models.standings import WORST
from milestones.instructor.reports.escaping import printable
from milestones.model_terms import METRICS
from speech_enhancement.evaluation.scoring import METRICS as TITLES

_SIZES = ((960, 460), (380, 400))
"""Width and height of a plot in a wide and in a narrow window, CSS pixels."""

_TEMPLATES = Path(__file__).parent / "templates"
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader([_TEMPLATES, _TEMPLATES.parents[1] / "reports" / "templates"]),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {
    "printable": printable,
    "fixed": lambda value, digits: f"{value:.{digits}f}",
    "significant": lambda value: f"{value:.2g}",
}


def render(milestone: Milestone, rows: Sequence[Row], clips: Clips, literature: Sequence[LiteratureSystem]) -> str:
    """Make the page.

    Args:
        milestone: the milestone, whose work is a model.
        rows: entries, best first.
        clips: public recordings to hear and see.
        literature: systems that were measured on other recordings.
    """
    metric, limit = milestone.model.rank_by, milestone.model.fast_real_time_factor
    style, script = _source("style.css") + _source("board.css"), _source("board.js")
    return _PAGES.get_template("board.html").render(
        milestone=milestone,
        rows=rows,
        fast=sorted((row for row in rows if row.fast_rank), key=lambda row: row.standing.fast_rank),
        clips=clips,
        literature=literature,
        metrics=METRICS,
        metric=metric,
        limit=limit,
        titles=TITLES,
        worst=WORST,
        fastest=FASTEST,
        hidden_count=max((len(row.record.recordings) for row in rows), default=0),
        plot=_charts([point for row in rows if (point := _point(row, metric, clips))], limit),
        literature_plot=_charts([point for system in literature if (point := _literature_point(system, metric))]),
        policy=f"default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        style=Markup(style),
        script=Markup(script),
    )


def _source(name: str) -> str:
    return _PAGES.loader.get_source(_PAGES, name)[0]


def _hash(source: str) -> str:
    """Name an inline style or script as a content security policy does."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _charts(points: Sequence[Point], limit: float | None = None) -> list[Chart]:
    return [draw(points, *size, limit) for size in _SIZES] if points else []


def _point(row: Row, metric: str, clips: Clips) -> Point | None:
    factor = row.record.real_time_factor
    if metric not in row.standing.means or factor is None:
        return None
    mean, *interval = row.standing.means[metric]
    link = f"#entry-{row.number}" if clips.enhanced[row.number] else None
    return Point(row.name, mean, factor, row.record.kind, tuple(interval), link)


def _literature_point(system: LiteratureSystem, metric: str) -> Point | None:
    quality, factor = system.scores[metric], system.real_time_factor
    return Point(system.title, quality, factor, "literature") if quality is not None and factor else None
