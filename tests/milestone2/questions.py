"""Questions that lead from an error to its reason, for errors whose own message does not."""

import contextlib
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def asking(question: str) -> Iterator[None]:
    """Fail with the message of an error and a question behind it."""
    try:
        yield
    except (NotImplementedError, MemoryError):
        raise
    except Exception as error:
        pytest.fail(f"{type(error).__name__}: {error}: {question}")
