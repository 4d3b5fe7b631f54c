"""Errors that are reported in one line and do not end the work."""

import pytest

from speech_enhancement.files.failures import Failures

IN_A_WORKER = """Caught AudioError in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "worker.py", line 1, in fetch
speech_enhancement.audio.AudioError: a.wav: expected audio, got text
"""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("b.wav: expected audio\nand more"), "b.wav: expected audio"),
        (ValueError(IN_A_WORKER), "system: a.wav: expected audio, got text"),
        (ValueError(), "system: ValueError"),
        (FileNotFoundError(2, "No such file or directory", "c.wav"), "system: No such file or directory"),
    ],
)
def test_an_error_is_one_line_that_names_it(error, line, capsys):
    failures = Failures()
    with failures.noting("b.wav" if "b.wav" in str(error) else "system"):
        raise error
    assert len(failures) == 1 and capsys.readouterr().err == f"failed: {line}\n"


def test_an_error_of_ours_is_not_taken_for_a_bad_file():
    failures = Failures()
    with pytest.raises(TypeError), failures.noting("a.wav"):
        raise TypeError
    assert not failures
