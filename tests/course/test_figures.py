"""The handouts' figures: committed as the command draws them, shown in the handouts, and made by the handout's code."""

import re

import matplotlib
import pytest
from matplotlib import pyplot

from milestones.course import ROOT
from milestones.instructor.figures.figures import FIGURES, draw
from milestones.instructor.figures.first_sound import run_handout_code
from speech_enhancement.audio import load


@pytest.mark.parametrize("name", [name for name in FIGURES if name.endswith(".svg")])
def test_committed_drawings_are_those_of_the_command(name, tmp_path):
    """Each text is the same, and with the same version of matplotlib each byte."""
    draw(name, tmp_path / "figure.svg")
    drawn, committed = ((tmp_path / "figure.svg").read_text(), (ROOT / name).read_text())
    texts = re.findall("<!-- (.*) -->", drawn)
    assert texts and texts == re.findall("<!-- (.*) -->", committed)
    if f"Matplotlib v{matplotlib.__version__}," in committed:
        assert drawn == committed


def test_handouts_show_all_figures():
    """Each handout shows the figures beside it, with a text for those who cannot see them, and no others."""
    shown = []
    for handout in sorted(ROOT.glob("milestones/milestone*/README.md")):
        pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", handout.read_text(encoding="utf-8"))
        assert all(len(text) > 20 for text, _ in pictures)
        shown += [(handout.parent / name).relative_to(ROOT).as_posix() for _, name in pictures]
    kept = [path for kind in ("svg", "png") for path in ROOT.glob(f"milestones/milestone*/*.{kind}")]
    assert sorted(shown) == sorted(FIGURES) == sorted(path.relative_to(ROOT).as_posix() for path in kept)


@pytest.mark.slow
def test_handout_code_makes_a_first_sound(tmp_path):
    """The code after task 1.6 runs as it is printed: the noise before the first word falls, the speech hardly does."""
    run_handout_code(tmp_path)
    noisy, enhanced = (load(tmp_path / f"{name}.wav")[0] for name in ("noisy", "enhanced"))
    assert noisy.shape == enhanced.shape

    def level(signal):
        return float(10 * signal.square().mean().log10())

    # Measured: 5.0 dB and 0.3 dB.
    assert level(noisy[:7000]) - level(enhanced[:7000]) > 4
    assert level(noisy[8000:]) - level(enhanced[8000:]) < 1


@pytest.mark.slow
def test_committed_picture_is_that_of_the_command(tmp_path):
    """The spectrograms are those of the handout's code; other versions of libraries may draw texts otherwise."""
    (name,) = (name for name in FIGURES if name.endswith(".png"))
    draw(name, tmp_path / "figure.png")
    drawn, committed = pyplot.imread(tmp_path / "figure.png"), pyplot.imread(ROOT / name)
    assert drawn.shape == committed.shape
    assert abs(drawn - committed).mean() < 0.02
