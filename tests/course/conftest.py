"""Fixtures that the course's tests share."""

import os

import pytest

from milestones import graded_tests


@pytest.fixture(scope="session")
def n_cores():
    """Number of cores for this process; the processes of pytest-xdist share those of the machine."""
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))


@pytest.fixture(scope="session")
def collect_once():
    """`collect` that remembers the list of each suite, by the suite's files: it starts a process that imports torch."""
    collect = graded_tests.collect
    lists = {}

    def collect_unless_known(folder, out):
        files = tuple((path.name, path.read_bytes()) for path in sorted(folder.rglob("*.py")))
        if files not in lists:
            lists[files] = collect(folder, out)
        return lists[files]

    return collect_unless_known


@pytest.fixture(scope="module")
def suites_collected_once(collect_once):
    """Have releases and exams of a test file share the lists of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("milestones.graded_tests.collect", collect_once)
        patch.setattr("milestones.instructor.release.template.collect", collect_once)
        yield
