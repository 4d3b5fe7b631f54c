"""The page of a method that fails."""

import torch

from speech_enhancement.audio import save
from speech_enhancement.evaluation.html_report import write_report
from speech_enhancement.evaluation.scoring import METRICS, Score
from speech_enhancement.evaluation.tables import Table


def test_a_clip_that_is_not_finite_has_no_player(tmp_path):
    """The other clips of the page keep theirs."""
    save(tmp_path / "clip.wav", 0.1 * torch.randn(1, 4000))
    methods = {"noisy": lambda noisy, clean: noisy, "diverged": lambda noisy, clean: torch.full_like(noisy, torch.nan)}
    scores = [Score("clip", name, dict.fromkeys(METRICS, 1.0), {}) for name in methods]
    pairs = {"clip": (tmp_path / "clip.wav", tmp_path / "clip.wav")}
    write_report(tmp_path / "report.html", scores, ["clip"], pairs, methods, Table([], [], []), "")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 2 and page.count("No sound: expected finite samples, got NaN or infinity.") == 1
