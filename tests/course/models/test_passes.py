"""The passes over recordings: the real-time factor, and entries that handed in the same files."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from milestones.course import load_milestone
from milestones.instructor.models import passes
from milestones.instructor.models.entries import Entry
from milestones.instructor.models.passes import Exam, real_time_factor
from milestones.instructor.models.recordings import Pair
from milestones.instructor.models.records import RecordingState
from tests.course.models.entries import entry, failed, score


def test_no_recording_may_be_slow_unseen():
    """Of three recordings of four seconds, one takes eight seconds; one that failed does not count."""
    scores = [score("one", seconds=0.2), score("two", seconds=0.2), score("three", seconds=8.0)]
    assert real_time_factor(scores) == pytest.approx(8.4 / 12)
    assert real_time_factor([*scores, failed("four", RecordingState.TIME)]) == real_time_factor(scores)
    assert real_time_factor([failed()]) is None


def test_the_same_files_twice_are_saved_one_after_the_other(tmp_path, monkeypatch):
    """Both have the same clip, whose temporary file would be renamed under the other's hands."""
    both = threading.Barrier(2)
    met = []

    def save(*_):
        try:
            both.wait(0.5)
            met.append(True)
        except threading.BrokenBarrierError:
            pass

    class Runner:
        isolation = ()

        def __init__(self, *_):
            pass

        def close(self):
            pass

    class Judge(Runner):
        def score(self, pair, output, is_hidden):
            return score(pair.name), output.samples

    for name, fake in {"save": save, "ModelRunner": Runner, "Judge": Judge}.items():
        monkeypatch.setattr(passes, name, fake)
    pair = Pair("one", np.ones(16, np.float32), np.ones(16, np.float32))
    exam = Exam(load_milestone(3).model, (), [pair], [pair], "", "", tmp_path)
    twice = [Entry(replace(entry(name), recordings=(), public=()), {}, None, np.copy) for name in ("ada", "ben")]
    passes.grade_entries(twice, exam, jobs=2)
    assert not met
