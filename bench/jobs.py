"""The command `enhance` over a folder of files: one process beside one for each core, everything included.

python -m bench.jobs
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from bench.measuring import rates

RATE, FILES, SECONDS = 16000, 8, 60


def main() -> None:
    n_cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        generator = np.random.default_rng(0)
        for number in range(FILES):
            noise = 0.1 * generator.standard_normal(SECONDS * RATE)
            soundfile.write(folder / "in" / f"{number:02}.wav", noise, RATE)

        def enhance(jobs: int) -> int:
            words = ["enhance", folder / "in", "--out", folder / "out", "--overwrite", "--jobs", jobs]
            command = [sys.executable, "-m", "speech_enhancement", *map(str, words)]
            subprocess.run(command, check=True, capture_output=True)
            return FILES

        ways = {
            "one process": lambda: enhance(1),
            f"{n_cores} processes": lambda: enhance(n_cores),
        }
        seen = rates(ways, rounds=2)
    for way, rate in seen.items():
        print(f"{way:24} {rate * SECONDS:6.1f} audio-seconds a second")
    one, several = seen.values()
    print(f"ratio {several / one:.2f}")


if __name__ == "__main__":
    main()
