"""Ranks are shared by entries that cannot be told apart, and points follow from thresholds and ranks."""

from dataclasses import replace

import numpy as np
import pytest

from milestones.course import CourseError
from milestones.instructor.models.records import NOISY, RecordingState, reference_name
from milestones.instructor.models.standings import WORST, public_mean, standings
from milestones.model_terms import ModelTerms, Threshold
from speech_enhancement.evaluation.scoring import ABOVE_50_HZ
from tests.course.models.entries import entry, failed, score

TERMS = ModelTerms(
    archive_mebibytes=64,
    seconds_to_load=30,
    seconds_per_second=2,
    memory_mebibytes=3072,
    max_delay_seconds=0.1,
    rank_by="pesq",
    fast_real_time_factor=0.2,
    rank_points=(5, 3, 1),
    fast_rank_points=(2, 1),
    thresholds=(Threshold("pesq", 2.0, 10), Threshold("pesq", 3.0, 10), Threshold("stoi", 0.95, 4)),
)
N = 40
NAMES = [f"{number:02}" for number in range(N)]


def scored(name, pesq, **changes):
    """Make the record of an entry with the given PESQ on each recording."""
    return entry(name, [score(each, pesq=float(value)) for each, value in zip(NAMES, pesq, strict=True)], **changes)


def quality(mean, seed=0, spread=0.3):
    """Draw PESQ of each recording, with exactly this mean."""
    drawn = np.random.default_rng(seed).normal(0, spread, N)
    return mean + drawn - drawn.mean()


def ranks(*records):
    return {each.entry: each.rank for each in standings(records, TERMS)}


def test_a_small_difference_on_every_recording_makes_two_ranks():
    """The same recordings are hard for both, so a twentieth of their spread suffices."""
    shared = quality(2.5)
    noise = quality(0, seed=1, spread=0.01)
    assert ranks(scored("ada", shared), scored("ben", shared + 0.015 + noise)) == {"ben": 1, "ada": 2}


def test_the_same_difference_on_other_recordings_is_none():
    assert ranks(scored("ada", quality(2.5)), scored("ben", quality(2.515, seed=1))) == {"ada": 1, "ben": 1}


def test_a_rank_counts_the_better_entries():
    """Two that share the first rank leave no second one."""
    first = quality(3)
    records = [scored("ada", first), scored("ben", first), scored("eve", first - 0.5), scored("ida", first - 1)]
    assert ranks(*records) == {"ada": 1, "ben": 1, "eve": 3, "ida": 4}


@pytest.mark.parametrize("seed", range(20))
def test_order_of_records_and_recordings_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    records = [scored(f"entry {number}", quality(2 + 0.1 * generator.random(), number)) for number in range(5)]
    shuffled = [replace(each, recordings=tuple(generator.permutation(each.recordings))) for each in records]
    again = standings([shuffled[number] for number in generator.permutation(5)], TERMS)
    assert sorted(again, key=lambda each: each.entry) == standings(records, TERMS)


def test_intervals_cover_the_mean_as_often_as_they_say():
    """Of 300 intervals of 95 %, binomial spread leaves 93 to 97 % in 9 of 10 runs; percentiles cover a little less."""
    covered = 0
    for seed in range(300):
        pesq = np.random.default_rng(seed).normal(2.5, 0.3, N)
        (each,) = standings([scored("ada", pesq)], TERMS)
        assert each.means["pesq"].mean == pytest.approx(pesq.mean())
        covered += each.means["pesq"].low <= 2.5 <= each.means["pesq"].high
    assert 0.90 <= covered / 300 <= 0.98


def test_references_have_means_and_neither_rank_nor_points():
    records = [scored("shipped", quality(4), kind="reference"), scored("ada", quality(3))]
    shipped, ada = standings(records, TERMS)
    assert (shipped.rank, shipped.fast_rank, shipped.points) == (None, None, 0)
    assert shipped.means["pesq"].mean == pytest.approx(4)
    assert ada.rank == 1


def test_doing_nothing_earns_nothing():
    """Neither does a model that cannot be told apart from it, although its mean is above both thresholds and zero."""
    nothing = quality(3)
    records = [
        scored(reference_name(NOISY), nothing, kind="reference"),
        scored("ada", nothing),
        scored("ben", nothing + quality(0.001, seed=1, spread=0.1)),
        scored("eve", nothing + 0.01),
    ]
    found = standings(records, TERMS)
    assert [each.rank for each in found] == [None, None, None, 1]
    assert [each.points for each in found] == [0, 0, 0, 10 + 10 + 5 + 2]


def test_a_network_that_returns_its_input_gains_nothing_by_the_filter_before_it():
    nothing = quality(3)
    filtered = scored(reference_name(ABOVE_50_HZ), nothing + 0.01, kind="reference")
    records = [
        scored(reference_name(NOISY), nothing, kind="reference"),
        filtered,
        scored("ada", nothing + 0.01),
        scored("eve", nothing + 0.02),
    ]
    found = standings(records, TERMS)
    assert [each.rank for each in found] == [None, None, None, 1] and found[2].points == 0


def test_an_unranked_submission_takes_no_rank_from_others():
    records = [scored(name, quality(4 - number)) for number, name in enumerate(("ada", "ben", "eve"))]
    found = standings(records, TERMS, {"ada"})
    assert [(each.rank, each.fast_rank) for each in found] == [(None, None), (1, 1), (2, 2)]
    assert found[0].means["pesq"].mean == pytest.approx(4) and found[0].points == 10 + 10


def test_fast_models_have_a_ranking_of_their_own():
    """The limit itself is too slow."""
    first = quality(3)
    records = [
        scored("ada", first, real_time_factor=0.2),
        scored("ben", first - 0.5, real_time_factor=0.199),
        scored("eve", first - 1, real_time_factor=0.01),
    ]
    assert [(each.rank, each.fast_rank) for each in standings(records, TERMS)] == [(1, None), (2, 1), (3, 2)]


def test_points_of_thresholds_and_ranks():
    """A threshold is reached by the mean itself, and a rank without points earns none."""
    flat = np.full(N, 3.0)
    records = [scored(name, flat - 0.25 * number) for number, name in enumerate(("ada", "ben", "eve", "ida"))]
    earned = [each.points for each in standings(records, replace(TERMS, fast_real_time_factor=0.1))]
    assert earned == [10 + 10 + 5, 10 + 3, 10 + 1, 10]
    assert [each.points for each in standings(records[:1], TERMS)] == [10 + 10 + 5 + 2]


def test_a_recording_on_which_a_model_failed_counts_for_the_least():
    scores = [score("one", pesq=3.0, si_sdr=-60.0, stoi=-0.1), score("two", pesq=None), failed("three")]
    (each,) = standings([entry("ada", scores)], TERMS)
    assert each.means["pesq"].mean == pytest.approx((3 + 2 * WORST["pesq"]) / 3)
    assert each.means["si_sdr"].mean == pytest.approx((2 * WORST["si_sdr"] + 10) / 3)
    assert each.means["stoi"].mean == pytest.approx((2 * WORST["stoi"] + 0.9) / 3)


@pytest.mark.parametrize("metric", ["pesq", "si_sdr", "stoi"])
def test_a_public_recording_counts_as_a_hidden_one_would(metric):
    """Otherwise who fails on both would seem better on the public ones."""
    scores = [score("one", **{metric: 2.0}), score("two", **{metric: -99.0}), failed("three")]
    (each,) = standings([entry("ada", scores)], TERMS)
    assert public_mean(scores, metric) == pytest.approx(each.means[metric].mean)
    assert public_mean((), metric) is None


def test_nobody_gains_by_failing():
    """An entry without any scored recording has no rank; one that was refused has no means either."""
    useless = entry("ada", [failed("one", RecordingState.TIME)], real_time_factor=None)
    refused = entry("ben", refused="expected a zip archive, got none", recordings=())
    refused = replace(refused, recordings=())
    ada, ben, eve = standings([useless, refused, entry("eve")], replace(TERMS, thresholds=(Threshold("stoi", 0, 9),)))
    assert (ada.rank, ada.points, ben.rank, ben.points, ben.means) == (None, 0, None, 0, {})
    assert eve.rank == 1 and ada.means["stoi"].mean == WORST["stoi"]


def test_no_entries_have_no_standings():
    assert standings([], TERMS) == []


def test_scores_on_other_recordings_are_not_compared():
    with pytest.raises(CourseError, match="ben: expected scores on the 1 recordings of ada, got others"):
        standings([entry("ada", [score("one")]), entry("ben", [score("two")])], TERMS)
