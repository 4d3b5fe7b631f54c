"""Jobs on a cluster, without one."""

import pytest

from milestones.instructor.records import Job, JobEnd, JobResult

cluster = pytest.importorskip("milestones.instructor.grading.cluster")


def test_a_job_that_ends_its_workers_is_not_handed_on_for_ever(monkeypatch):
    """It is begun on another worker once, since a worker may be lost for any reason."""
    set_events, begun = set(), []

    class Event:
        def __init__(self, name):
            self.name = name

        def is_set(self):
            return self.name in set_events

        def set(self):
            set_events.add(self.name)

    class Plugin:
        def grade_job(self, job):
            begun.append(job)
            return JobResult((), JobEnd(0.0))

    class Worker:
        plugins = {"grading": Plugin()}

    monkeypatch.setattr(cluster, "Event", Event)
    monkeypatch.setattr(cluster, "get_worker", Worker)
    job = Job(1, {}, 0, (), "t" * 64, "e" * 64, 10, 60, False)
    results = [cluster._grade_job("grading", 7, job) for _ in range(4)]
    assert len(begun) == cluster.MAX_STARTS == 2 and [bool(result.end.fault) for result in results] == [0, 0, 1, 1]
    assert cluster._grade_job("grading", 8, job).end.fault is None, "other jobs are not concerned"
