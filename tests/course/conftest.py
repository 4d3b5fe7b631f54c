"""Fixtures that the course's tests share."""

import os

import pytest


@pytest.fixture(scope="session")
def n_cores():
    """Number of cores for this process; the processes of pytest-xdist share those of the machine."""
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))
