"""One pool of scoring processes for all tests, since each process takes seconds to start."""

import contextlib

import pytest

from speech_enhancement.commands import benchmark, evaluate
from speech_enhancement.evaluation.scoring import scoring_pool


@pytest.fixture(scope="session", autouse=True)
def shared_scoring_pool():
    with scoring_pool(1) as pool, pytest.MonkeyPatch.context() as patch:
        for command in (benchmark, evaluate):
            patch.setattr(command, "scoring_pool", lambda workers: contextlib.nullcontext(pool))
        yield
