"""The runner of models: its core."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

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
        ModelRunner(load_milestone(3).model, ())
        return os.sched_getaffinity(0)

    # In a thread of its own, since it stays on that core.
    with ThreadPoolExecutor(1) as executor:
        assert len(executor.submit(make).result()) == 1
