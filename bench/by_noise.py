"""How much a system brings on noisy and on nearly clean recordings, from the scores of a benchmark.

    python -m bench.by_noise OUT

OUT is the folder of `benchmark` or of `bench.literature`. The recordings are ranked by the SI-SDR of the noisy one
above 50 Hz, and cut into quarters. The table has the mean change against it in each quarter, noisiest first: of SI-SDR
in dB, and of PESQ. Systems of other tasks are left out.
"""

import argparse
import csv
import sys
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from speech_enhancement.evaluation.scoring import METRICS
from speech_enhancement.evaluation.tables import Table
from speech_enhancement.systems import registry
from speech_enhancement.systems.system import System

INPUT = "above-50-hz"
QUARTERS = 4
DIGITS = {"si_sdr": 1, "pesq": 2}
"""Metrics, and digits of their changes."""


def main(out: Path) -> int:
    """Print the table."""
    before = read(out / INPUT)
    ranked = sorted(before, key=lambda file: before[file]["si_sdr"])
    bounds = [round(len(ranked) * quarter / QUARTERS) for quarter in range(QUARTERS + 1)]
    quarters = [ranked[begin:end] for begin, end in pairwise(bounds)]
    rows = []
    for path in sorted(out.rglob("scores.csv")):
        after = read(path.parent)
        name = path.relative_to(out).parts[0]
        if _denoises(name) and after.keys() == before.keys():
            cells = [cell for metric in DIGITS for cell in changes(before, after, quarters, metric)]
            rows.append([name, *cells])
    header = ["system", *(f"{METRICS[metric].title} {number + 1}" for metric in DIGITS for number in range(QUARTERS))]
    levels = ", ".join(f"{fmean(before[file]['si_sdr'] for file in each):.1f}" for each in quarters)
    remark = f"Mean SI-SDR of the noisy recordings above 50 Hz in the quarters: {levels} dB."
    print(Table(header, rows, [remark]).markdown())
    return 0


def _denoises(name: str) -> bool:
    """Return True for the folder of a system that denoises, or of its input."""
    if name in registry.NAMES:
        return registry.build(name).task == System.task
    return not name.startswith("before-")


def read(folder: Path) -> dict[str, dict[str, float]]:
    """Read the scores of a system by file."""
    with (folder / "scores.csv").open(encoding="utf-8") as file:
        return {row["file"]: {metric: float(row[metric]) for metric in DIGITS} for row in csv.DictReader(file)}


def changes(before: dict, after: dict, quarters: list[list[str]], metric: str) -> list[str]:
    """Write the mean change of a metric in each quarter."""
    means = [fmean(after[file][metric] - before[file][metric] for file in each) for each in quarters]
    return [f"{mean:+.{DIGITS[metric]}f}" for mean in means]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="folder of the benchmark")
    sys.exit(main(**vars(parser.parse_args())))
