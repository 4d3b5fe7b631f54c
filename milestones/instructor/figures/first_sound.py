"""The figure after task 1.6: what the handout's own code makes of a noisy sentence."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from milestones.course import ROOT, load_milestone
from milestones.instructor.figures.drawing import new_figure
from speech_enhancement.audio import load
from speech_enhancement.plotting import plot_spectrogram, spectrogram_db


def run_handout_code(folder: Path) -> None:
    """Run the Python code of milestone 1's handout in a process of its own; it writes its sounds into `folder`."""
    handout = (load_milestone(1).folder / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"(?m)^```python\n(import torch\n[^`]*?^save\([^`]*?)^```$", handout)
    # The folder that the process runs in comes first on its path, and holds the sounds alone.
    words = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}"]
    subprocess.run(words, cwd=folder, check=True)


def first_sound() -> Figure:
    """Draw spectrograms of the noisy and of the enhanced sentence, in the same colours."""
    with tempfile.TemporaryDirectory() as folder:
        run_handout_code(Path(folder))
        sounds = {name: load(Path(folder, f"{name}.wav"))[0] for name in ("noisy", "enhanced")}
    figure = new_figure(2.9)
    highest_db = float(spectrogram_db(sounds["noisy"]).max())
    axes = figure.subplots(1, 2, sharey=True)
    for one, (name, waveform) in zip(axes, sounds.items(), strict=True):
        image = plot_spectrogram(one, waveform, highest_db)
        one.set_title(name)
        one.label_outer()
    figure.colorbar(image, ax=axes, label="power (dB)")
    return figure
