"""Medians of interleaved runs, and the peak memory of a process."""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def rates(ways: dict[str, Callable[[], int]], rounds: int = 5) -> dict[str, float]:
    """Things per second of each way, the median over rounds in which all ways take their turns.

    A way does some work and returns how many things it made. One round goes before, unmeasured.
    """
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            count = way()
            elapsed = time.perf_counter() - begin
            if number:
                seen[name].append(count / elapsed)
    return {name: statistics.median(values) for name, values in seen.items()}


def peak_mebibytes(module: str, *arguments: object) -> float:
    """Peak resident memory of `python -m module arguments`, which prints it by `print_peak`."""
    words = [sys.executable, "-m", module, *map(str, arguments)]
    return float(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def print_peak() -> None:
    """Print this process's peak; not `ru_maxrss`, which a child inherits from the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)
