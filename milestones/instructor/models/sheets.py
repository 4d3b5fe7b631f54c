"""The sheet of a grading with the scores of all entries, `scores.csv`, and the table that is printed."""

import csv
import io
from collections.abc import Sequence

from milestones.instructor.models.records import EntryRecord, Standing
from milestones.instructor.models.standings import public_mean
from milestones.instructor.reports.escaping import cell, printable
from milestones.model_terms import METRICS


def scores_csv(records: Sequence[EntryRecord], standings: Sequence[Standing]) -> str:
    """Make the text of `scores.csv`: a row for each entry, with hidden and public scores side by side."""
    header = ["entry", "kind", "rank", "fast rank", "real-time factor", "parameters", "bytes"]
    for metric in METRICS:
        header += [metric, f"{metric} low", f"{metric} high", f"{metric} public"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([*header, "failed recordings", "marks"])
    for record, standing in zip(records, standings, strict=True):
        row = [record.title, record.kind, standing.rank, standing.fast_rank, record.real_time_factor]
        row += [record.parameters, record.model_bytes]
        for metric in METRICS:
            interval = standing.means.get(metric, ("", "", ""))
            row += [*(_rounded(value) for value in interval), _rounded(public_mean(record.public, metric))]
        failed = sum(score.fault is not None for score in record.recordings)
        row += [failed, "; ".join(record.marks)]
        writer.writerow([cell(value) if isinstance(value, str) else "" if value is None else value for value in row])
    return text.getvalue()


def table(records: Sequence[EntryRecord], standings: Sequence[Standing], rank_by: str) -> str:
    """Format scores as a table for a terminal, best first: hidden mean with its interval, and public mean."""
    width = max(len("entry"), *(len(printable(record.title)) for record in records), 0)
    lines = [f"{'entry':<{width}}  rank  fast  real-time" + "".join(f"  {metric:<28}" for metric in METRICS)]
    order = sorted(zip(records, standings, strict=True), key=lambda pair: _order(pair[1], rank_by))
    for record, standing in order:
        factor = "" if record.real_time_factor is None else f"{record.real_time_factor:.3f}"
        line = (
            f"{printable(record.title):<{width}}  {standing.rank or '':>4}  {standing.fast_rank or '':>4}  {factor:>9}"
        )
        for metric in METRICS if standing.means else ():
            mean, low, high = standing.means[metric]
            public = _rounded(public_mean(record.public, metric))
            line += f"  {f'{mean:.2f} ({low:.2f}-{high:.2f}) public {public}':<28}"
        lines.append(f"{line}  {'; '.join(map(printable, record.marks))}".rstrip())
    return "\n".join(lines)


def _order(standing: Standing, rank_by: str) -> tuple[bool, float]:
    return (False, -standing.means[rank_by].mean) if standing.means else (True, 0.0)


def _rounded(value: float | str | None) -> float | str:
    return "" if value is None or value == "" else round(value, 3)
