"""Messages that lead from an error, or from one that is missing, to its reason."""

import contextlib
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def asking(question: str) -> Iterator[None]:
    """Fail with a question, and the message of the error that led to it."""
    try:
        yield
    except (NotImplementedError, MemoryError):
        raise
    except Exception as error:
        pytest.fail(f"{question} ({type(error).__name__}: {error})")


@contextlib.contextmanager
def raising(kind: type[Exception], call: str) -> Iterator[None]:
    """Fail with a message about a call unless it raises an error of a kind."""
    try:
        yield
    except kind:
        return
    except (NotImplementedError, MemoryError):
        raise
    except Exception as error:
        pytest.fail(f"{call} must raise {kind.__name__}, got {type(error).__name__}: {error}")
    pytest.fail(f"{call} must raise {kind.__name__}, got no error")
