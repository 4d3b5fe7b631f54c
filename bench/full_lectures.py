"""Lectures in the full setting on a GPU: how long each runs, and whether its text holds there.

    timeout 600 python -m bench.full_lectures demo/lectures

A notebook is written to the folder, and its line printed, as soon as it has ended, so that a limit on the time loses
only what it interrupts. The notebooks of the repository stay as they are.
"""

import sys
from pathlib import Path

import nbformat
import torch
import tyro
from tyro.conf import Positional

from milestones.instructor.notebooks import execute_all, find


def main(out: Positional[Path], jobs: int = 4, threads: int = 2) -> int:
    """Execute the notebooks, and print a table of them; return 1 if one has a fault.

    Args:
        out: folder for the executed notebooks.
        jobs: notebooks at a time; they share the GPU.
        threads: CPU threads of each.
    """
    if not torch.cuda.is_available():
        print("error: expected a GPU, which the full setting needs, got none", file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    print(f"| notebook | {torch.cuda.get_device_name()}, {jobs} at a time |\n|---|---|")
    has_fault = False
    for execution in execute_all(find(), jobs, threads):
        nbformat.write(execution.notebook, out / execution.path.name)
        outcome = "; ".join(execution.complaints) or f"{execution.seconds:.0f} s"
        print(f"| {execution.path.stem} | {outcome} |", flush=True)
        has_fault |= bool(execution.complaints)
    return int(has_fault)


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
