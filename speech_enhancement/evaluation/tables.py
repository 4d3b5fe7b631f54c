"""Tables of scores and costs, as rows for a page and as Markdown."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.scoring import METRICS, ORACLE, Entrant, Score

_COSTS = ("parameters", "multiply-adds/s", "real-time factor", "training (s)", "epochs", "training (audio-s/s)")
_COSTS += ("waiting for data", "latency")


@dataclass(frozen=True)
class Table:
    """A table and the sentences below it.

    Attributes:
        header: title of each column.
        rows: cells of each row.
        remarks: sentences below the table.
        n_text_columns: number of columns, the first ones, that hold text instead of numbers.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    remarks: Sequence[str] = field(default_factory=list)
    n_text_columns: int = 1

    def markdown(self) -> str:
        """Format the table in Markdown, with its remarks below it."""
        rule = "|" + "---|" * self.n_text_columns + "---:|" * (len(self.header) - self.n_text_columns)
        lines = [_line(self.header), rule, *map(_line, self.rows)]
        return "\n".join([*lines, "", *self.remarks]) + "\n"


def method_table(scores: Sequence[Score]) -> Table:
    """Tabulate the mean and the standard deviation over files of each method, in the order of the scores."""
    rows = []
    for method, of_method in _by_method(scores).items():
        cells = [_mean_and_deviation([score.values[name] for score in of_method], name) for name in METRICS]
        rows.append([method, *cells])
    remarks = [f"Mean ± standard deviation over {_count_files(scores)} files.", *_missing_values(scores)]
    return Table(["method", *(metric.title for metric in METRICS.values())], rows, remarks)


def system_table(scores: Sequence[Score], entrants: Sequence[Entrant], minutes: float) -> Table:
    """Tabulate the means over the files and the costs of each entrant.

    Rows come task by task: first the input of the systems, then the systems, best SI-SDR first. The oracle comes last.
    """
    means = mean_scores(scores)
    tasks = list(dict.fromkeys(entrant.task for entrant in entrants))

    def rank(entrant: Entrant) -> tuple:
        is_oracle = entrant.title == ORACLE
        return tasks.index(entrant.task), is_oracle, bool(entrant.costs), -means[entrant.title]["si_sdr"]

    rows = []
    for entrant in sorted(entrants, key=rank):
        values = [_number(means[entrant.title][name], metric.digits) for name, metric in METRICS.items()]
        rows.append([entrant.title, entrant.task, *values, *_costs(entrant.costs)])
    n_files = _count_files(scores)
    remarks = [
        f"Means over {n_files} files; at least {minutes:g} minutes of training each.",
        "Multiply-adds are those of convolutions and matrix products; Fourier transforms and recursive filters are not "
        "counted.",
    ]
    for title, n_scores in Counter(score.method for score in scores).items():
        if n_scores < n_files:
            remarks.append(f"{title}: means over {n_scores} files, since it failed on others.")
    header = ["system", "task", *(metric.title for metric in METRICS.values()), *_COSTS]
    return Table(header, rows, [*remarks, *_missing_values(scores)], n_text_columns=2)


def mean_scores(scores: Sequence[Score]) -> dict[str, dict[str, float]]:
    """Average each metric over the files on which it has a value, by method."""
    return {
        method: {name: _mean([score.values[name] for score in of_method]) for name in METRICS}
        for method, of_method in _by_method(scores).items()
    }


def _by_method(scores: Sequence[Score]) -> dict[str, list[Score]]:
    by_method: dict[str, list[Score]] = {}
    for score in scores:
        by_method.setdefault(score.method, []).append(score)
    return by_method


def _count_files(scores: Sequence[Score]) -> int:
    return len({score.file for score in scores})


def _missing_values(scores: Sequence[Score]) -> list[str]:
    """Write sentences that say which values are missing, and why."""
    remarks = []
    if not perceptual.pesq_is_installed():
        remarks.append(f"PESQ is left out: {perceptual.PESQ_MISSING}.")
    missing = [(score, name, reason) for score in scores for name, reason in score.reasons.items()]
    if missing:
        remarks.append(f"{len(missing)} values are missing and not in the means:")
        for score, name, reason in missing:
            remarks.append(f"- {score.file}, {score.method}, {METRICS[name].title}: {reason}")
    return remarks


def _mean(values: Sequence[float]) -> float:
    values = [value for value in values if not math.isnan(value)]
    return statistics.fmean(values) if values else math.nan


def _mean_and_deviation(values: Sequence[float], name: str) -> str:
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return "-"
    digits = METRICS[name].digits
    deviation = statistics.stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else 0.0
    return f"{statistics.fmean(values):.{digits}f} ± {deviation:.{digits}f}"


def _costs(row: Mapping) -> list[str]:
    if not row:
        return ["-"] * len(_COSTS)
    latency = "file" if row["latency"] is None else f"{1000 * row['latency']:.0f} ms"
    seconds = f"{row['training_seconds']:.0f}" if "training_seconds" in row else "-"
    rate = f"{row['training_rate']:.0f}" if "training_rate" in row else "-"
    waiting = f"{100 * row['waiting_share']:.0f} %" if "waiting_share" in row else "-"
    multiply_adds = f"{row['multiply_adds'] / 1e6:,.1f} M" if row["multiply_adds"] else "-"
    factor = f"{row['real_time_factor']:.2g}"
    epochs = str(row.get("epochs", "-"))
    return [f"{row['parameters']:,}", multiply_adds, factor, seconds, epochs, rate, waiting, latency]


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
