"""Draw the figures of the handouts into the folders of the handouts."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure
from tqdm.auto import tqdm

from milestones.course import ROOT
from milestones.instructor.configuration import Figures
from milestones.instructor.figures import comparing, drawing, first_sound, mixing, network, training, transform

FIGURES: dict[str, Callable[[], Figure]] = {
    "milestones/milestone1/framing.svg": transform.framing,
    "milestones/milestone1/overlap_add.svg": transform.overlap_add,
    "milestones/milestone1/first_sound.png": first_sound.first_sound,
    "milestones/milestone1/mixing_at_snr.svg": mixing.mixing_at_snr,
    "milestones/milestone2/u_net.svg": network.u_net,
    "milestones/milestone2/epoch_loop.svg": training.epoch_loop,
    "milestones/milestone2/checkpoint.svg": training.checkpoint,
    "milestones/milestone3/five_sets.svg": comparing.five_sets,
    "milestones/milestone3/paired_difference.svg": comparing.paired_difference,
}
"""The function that draws each figure, by the figure's path in the repository."""


def run(configuration: Figures) -> int:
    """Draw all figures."""
    for name in tqdm(FIGURES, desc="figures"):
        draw(name, ROOT / name)
    return 0


def draw(name: str, path: Path) -> None:
    """Draw one figure into a file."""
    with drawing.style():
        drawing.save(FIGURES[name](), path)
