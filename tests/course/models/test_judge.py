"""The judge of models: what it says of hidden and of public recordings, and libraries that fail."""

from concurrent.futures import Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from milestones.course import load_milestone
from milestones.instructor.models import scoring
from milestones.instructor.models.recordings import Pair
from milestones.instructor.models.records import RecordingState
from milestones.instructor.models.running import Output
from milestones.instructor.models.scoring import Judge
from tests.course.models.making import speech_like

CLEAN = speech_like(0).numpy()
NOISY = CLEAN + 0.1 * speech_like(1).numpy()
PAIR = Pair("one", NOISY, CLEAN)


@pytest.fixture
def judge(monkeypatch):
    """A judge whose process for PESQ and STOI ends at once."""

    class Broken:
        _processes = {}

        def submit(self, *_):
            future = Future()
            future.set_exception(BrokenProcessPool("gone"))
            return future

        def shutdown(self, **_):
            pass

    monkeypatch.setattr(scoring, "scoring_pool", lambda workers: Broken())
    return Judge(load_milestone(3).model)


def test_a_library_that_fails_costs_its_values_alone(judge):
    score, estimate = judge.score(PAIR, Output(2 * NOISY, 0.25), is_hidden=True)
    assert (score.state, score.pesq, score.stoi) == (RecordingState.SCORED, None, None)
    assert score.message == "PESQ and STOI: expected values, got a library that failed"
    assert score.si_sdr == pytest.approx(20, abs=1) and (score.seconds, score.duration) == (0.25, 1.0)
    assert estimate.shape == CLEAN.shape


def test_a_process_that_was_killed_is_tried_again(monkeypatch):
    """Twice, on the same output."""
    answers = [BrokenProcessPool("gone"), TimeoutError(), ({"pesq": 1.5, "stoi": 0.5}, {})]

    class Pool:
        _processes = {}

        def submit(self, *_):
            future, answer = Future(), answers.pop(0)
            future.set_exception(answer) if isinstance(answer, Exception) else future.set_result(answer)
            return future

        def shutdown(self, **_):
            pass

    monkeypatch.setattr(scoring, "scoring_pool", lambda workers: Pool())
    score, _ = Judge(load_milestone(3).model).score(PAIR, Output(NOISY, 0.25), is_hidden=True)
    assert (score.pesq, score.stoi, score.message, answers) == (1.5, 0.5, "", [])


def test_libraries_have_more_time_for_longer_recordings(monkeypatch):
    limits = []

    class Waited(Future):
        def result(self, timeout):
            limits.append(timeout)
            return {"pesq": 1.0, "stoi": 0.5}, {}

    class Pool:
        def submit(self, *_):
            return Waited()

    monkeypatch.setattr(scoring, "scoring_pool", lambda workers: Pool())
    judge = Judge(load_milestone(3).model)
    for count in (1, 600):
        long = Pair("long", np.tile(NOISY, count), np.tile(CLEAN, count))
        judge.score(long, Output(long.noisy, 0.25), is_hidden=True)
    assert limits[1] - limits[0] >= 599


@pytest.mark.parametrize(
    ("output", "state", "hidden", "public"),
    [
        (
            Output(np.zeros((3, 7), np.float32), 0.1),
            RecordingState.WRONG_OUTPUT,
            "expected floating-point samples of the input's shape, (16000,)",
            "expected floating-point samples of the input's shape, (16000,), got float32 of shape (3, 7)",
        ),
        (
            Output(None, 0.0, RecordingState.CRASH, "the model's code failed", "ValueError: 0.125"),
            RecordingState.CRASH,
            "the model's code failed",
            "the model's code failed (ValueError: 0.125)",
        ),
    ],
)
def test_nothing_is_told_of_hidden_recordings(judge, output, state, hidden, public):
    """A shape and a message can hold what the model has heard."""
    for is_hidden, message in ((True, hidden), (False, public)):
        score, estimate = judge.score(PAIR, output, is_hidden)
        assert (score.state, score.message, score.si_sdr, estimate) == (state, message, None, None)
