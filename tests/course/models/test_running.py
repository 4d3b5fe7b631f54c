"""The runner of models: its core."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from milestones.course import load_milestone
from milestones.instructor.models.running import ModelRunner
from milestones.instructor.sandbox import cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a host that keeps threads to cores")
def test_one_core_even_if_all_are_taken(tmp_path, monkeypatch):
    """A model on two cores would take half of its time by using two threads."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(cores, "take", lambda: None)
    monkeypatch.setattr(ModelRunner, "_start", lambda self: None)

    def make():
        before = os.sched_getaffinity(0)
        runner = ModelRunner(load_milestone(3).model, ())
        during = os.sched_getaffinity(0)
        runner._launcher = SimpleNamespace(close=lambda: None)
        runner.close()
        return before, during, os.sched_getaffinity(0)

    # In a thread of its own, so that a failure leaves the tests on all cores.
    with ThreadPoolExecutor(1) as executor:
        before, during, after = executor.submit(make).result()
    assert len(during) == 1 and before == after
