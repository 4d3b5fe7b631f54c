"""The picture of quality against cost: which systems are on it, and how many panels it has."""

import math

import matplotlib.image
import pytest

from speech_enhancement.evaluation.quality_picture import quality_and_cost, save_quality_against_cost
from speech_enhancement.evaluation.scoring import METRICS, Entrant, Score

COSTS = {"real_time_factor": 0.01, "multiply_adds": 1e8}


def entrant(title, task="denoising", costs=COSTS):
    return Entrant(title, task, None, None, costs)


def score(title, si_sdr):
    return Score("clip.wav", title, dict.fromkeys(METRICS, si_sdr), {})


@pytest.mark.parametrize(
    ("left_out", "si_sdr"),
    [
        (entrant("other", task="bandwidth extension"), 3.0),
        (entrant("other", costs={}), 3.0),
        (entrant("other", costs={"real_time_factor": 0.1, "multiply_adds": 0}), 3.0),
        (entrant("other"), math.nan),
    ],
    ids=["task", "no-costs", "not-counted", "no-value"],
)
def test_a_system_without_quality_or_cost_is_left_out(left_out, si_sdr):
    scores, entrants = [score("one", 5.0), score("other", si_sdr)], [entrant("one"), left_out]
    assert quality_and_cost(scores, entrants, "si_sdr", "multiply_adds") == {"one": (5.0, 1e8)}


def test_a_panel_for_each_cost_that_is_known(tmp_path):
    heights = []
    for costs in (COSTS, {"real_time_factor": 0.01}):
        entrants = [entrant("one", costs=costs), entrant("two", costs=costs)]
        scores = [score("one", 5.0), score("two", -40.0)]
        save_quality_against_cost(tmp_path / "picture.png", scores, entrants, "si_sdr", marks=["one"])
        heights.append(matplotlib.image.imread(tmp_path / "picture.png").shape[0])
    assert heights[0] == 2 * heights[1]


def test_no_picture_without_values(tmp_path):
    save_quality_against_cost(tmp_path / "picture.png", [score("one", math.nan)], [entrant("one")], "pesq")
    assert not list(tmp_path.iterdir())
