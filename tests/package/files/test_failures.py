"""Errors that are reported in one line and do not end the work."""

from pathlib import Path

import pytest

from speech_enhancement.files.failures import Failures, missing_task

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


class Stub:
    """Task 2.5. A method of a class."""

    def __call__(self):
        raise NotImplementedError()


def stub_function():
    """Task 1.13. A function."""
    raise NotImplementedError()


def not_a_stub():
    raise NotImplementedError("The operator 'aten::hypot' is not implemented for this device.")


@pytest.mark.parametrize(
    ("call", "task"),
    [(Stub(), "2.5 of milestone 2, test_failures.Stub,"), (stub_function, "1.13 of milestone 1"), (not_a_stub, None)],
)
def test_a_stub_is_told_from_other_errors(call, task):
    with pytest.raises(NotImplementedError) as caught:
        call()
    missing = missing_task(caught.value)
    assert missing is None if task is None else f"expected task {task}" in missing


def test_a_name_with_a_line_break_or_without_an_encoding_stays_in_one_line(capsys):
    failures = Failures()
    for name in ("new\nline.wav", "caf\udce9.wav"):
        with failures.noting(name):
            raise ValueError(f"{name}: expected audio, got text")
    expected = ("new\\nline.wav", "caf\\xe9.wav")
    assert capsys.readouterr().err == "".join(f"failed: {name}: expected audio, got text\n" for name in expected)


def test_what_is_left_out_takes_a_line_for_each_reason(capsys):
    failures = Failures()
    for name, reason in (("b.txt", "no sound"), ("a.txt", "no sound"), (".c", "hidden")):
        failures.leave_out(Path(name), reason)
    failures.tell_left_out()
    assert capsys.readouterr().err == "left out: a.txt and 1 more: no sound\nleft out: .c: hidden\n"
    assert not failures
