"""Judge and worker on submissions of milestone 1: each kind of failure has its state, and affects no other test."""

import contextlib
from dataclasses import replace

import pytest

from milestones.course import load_milestone
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.sandbox.server_process import GradingServer
from milestones.instructor.selftest.reference import with_piece

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exam(suites_collected_once):
    return Exam.of(load_milestone(1))


@pytest.fixture(scope="module")
def server():
    with contextlib.closing(GradingServer(1, None)) as server:
        yield server


@pytest.fixture(scope="module")
def grade(exam, server):
    """Function that grades the reference with a piece of code appended to a module, by the first tests of tasks."""

    def grade_piece(module, piece, tasks=None, seconds=10.0, at_most=100, total=100.0):
        job = exam.job(with_piece(module, piece))
        tests = [test for test in job.tests if tasks is None or test.task in tasks]
        n_before = [sum(other.task == test.task for other in tests[:number]) for number, test in enumerate(tests)]
        tests = tuple(test for test, number in zip(tests, n_before, strict=True) if number < at_most)
        job = replace(job, tests=tests, seconds_per_test=seconds, seconds=total, tells=True)
        return server.run_job(job).tests

    return grade_piece


def states(lines, task):
    return {line.state for line in lines if line.task == task}


FAILURES = {
    "wrong": "def apply_mask(spectrogram, mask):\n    return spectrogram",
    "not implemented": "def apply_mask(spectrogram, mask):\n    raise NotImplementedError()",
    "crashed": "def apply_mask(spectrogram, mask):\n    return undefined_name",
    "out of memory": "def apply_mask(spectrogram, mask):\n    return torch.zeros(10**10) + bytearray(2**34)[0]",
}


@pytest.mark.parametrize("state", FAILURES)
def test_each_failure_has_its_state(grade, state):
    lines = grade("masking", FAILURES[state], tasks=("1.3", "1.4"))
    assert states(lines, "1.3") - {"passed"} == {state}
    assert states(lines, "1.4") == {"passed"}


def test_a_message_names_files_and_no_folder_of_this_machine(grade):
    lines = grade(
        "masking", "def apply_mask(spectrogram, mask):\n    raise OSError(__file__)", tasks=("1.3",), at_most=1
    )
    assert [line.message for line in lines] == ["OSError: speech_enhancement/masking.py"]


ENDS = {
    "exit": "import os\n    os._exit(0)",
    "system exit": "raise SystemExit(0)",
    "interrupt": "raise KeyboardInterrupt",
    "segmentation fault": "import ctypes\n    ctypes.string_at(0)",
    "kill": "import os\n    os.kill(os.getpid(), 11)",
    "recursion": "return apply_mask(spectrogram, mask)",
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_of_the_process_costs_one_task(grade, end):
    lines = grade("masking", f"def apply_mask(spectrogram, mask):\n    {ENDS[end]}", tasks=("1.3", "1.4"))
    assert states(lines, "1.3") == {"crashed"}
    assert states(lines, "1.4") == {"passed"}


def test_a_function_that_never_ends_costs_one_task(grade):
    piece = "def wiener_mask(speech_power, noise_power):\n    while True:\n        pass"
    lines = grade("masking", piece, tasks=("1.3", "1.4"), seconds=1.0, at_most=4)
    assert states(lines, "1.4") == {"out of time"}
    assert states(lines, "1.3") == {"passed"}


def test_a_module_that_is_never_imported_costs_its_tests_but_its_time_once(grade):
    """Tests that need no more than its neighbours are not concerned."""
    lines = grade("masking", "while True:\n    pass", tasks=("1.1", "1.3", "1.4"), seconds=1.0, at_most=3)
    assert states(lines, "1.3") == states(lines, "1.4") == {"out of time"} and states(lines, "1.1") == {"passed"}
    assert sum(line.seconds > 0.5 for line in lines) == 1
    messages = {line.message for line in lines if line.task == "1.4" and not line.hidden}
    assert messages == {"importing masking.py: took more than 1 s"}


def test_an_import_that_another_test_spoilt_costs_only_that_test(grade):
    piece = """
def wiener_mask(speech_power, noise_power):
    import builtins, os
    builtins.__import__ = lambda *arguments, **keywords: os._exit(0)
    return speech_power / (speech_power + noise_power).clamp(min=1e-30)
"""
    lines = grade("masking", piece, tasks=("1.4", "1.9", "1.11"), at_most=3)
    assert states(lines, "1.9") == states(lines, "1.11") == {"passed"}


def test_a_submission_has_a_time_limit_as_a_whole(grade):
    """The tests of a function that never ends come last, so that those of others are run in time."""
    piece = "def wiener_mask(speech_power, noise_power):\n    while True:\n        pass"
    lines = grade("masking", piece, tasks=("1.3", "1.4"), seconds=0.5, total=2.0)
    assert states(lines, "1.3") == {"passed"} and states(lines, "1.4") == {"out of time"}
    not_run = "not run: the tests took more than 2 s together"
    assert {line.message for line in lines if line.seconds == 0 and not line.hidden} == {not_run}


def test_what_one_test_spoils_costs_no_other(grade):
    """Later tests that global state has spoilt are run again, each on its own worker."""
    piece = """
def wiener_mask(speech_power, noise_power):
    torch.Tensor.clone = torch.Tensor.mean = torch.maximum = None
    return 0
"""
    lines = grade("masking", piece)
    assert "passed" not in states(lines, "1.4")
    assert {line.state for line in lines if line.task != "1.4"} == {"passed"}


def test_in_place_changes_are_seen(grade):
    lines = grade(
        "masking",
        "def wiener_mask(speech_power, noise_power):\n    total = speech_power.add_(noise_power)\n"
        "    return (total - noise_power) / torch.where(total > 0, total, 1)",
        tasks=("1.4",),
    )
    failed = [line for line in lines if line.state != "passed"]
    assert any("changed" in line.message for line in failed)


def test_inputs_that_are_changed_to_fit_earn_nothing(grade):
    """Expected values that tests compute from changed inputs would fit them."""
    piece = """
def apply_mask(spectrogram, mask):
    spectrogram.detach().zero_()
    mask.detach().zero_()
    return spectrogram * mask
"""
    passed = [line.id for line in grade("masking", piece, tasks=("1.3",)) if line.state == "passed"]
    assert passed == ["test_conventions.py::test_other_tasks_stay_on_the_device[1.3]"], "zeros are on the right device"


def test_so_many_files_cost_only_the_test_that_writes_them(grade):
    """There are more names than one command may be given."""
    piece = """
def apply_mask(spectrogram, mask):
    for number in range(9_000):
        open(f"{number:0>250}", "w").close()
    return spectrogram
"""
    lines = grade("masking", piece, tasks=("1.3", "1.4"), at_most=3)
    assert "grader fault" not in {line.state for line in lines} and states(lines, "1.4") == {"passed"}


def test_a_long_name_of_an_error_is_cut(grade):
    piece = "def apply_mask(spectrogram, mask):\n    raise type('E' * 100_000, (Exception,), {})"
    assert max(len(line.message) for line in grade("masking", piece, tasks=("1.3",))) < 1000


def test_a_module_that_cannot_be_imported_costs_its_own_tasks(grade):
    own, others = ("1.3", "1.4", "1.5", "1.6"), ("1.1", "1.9", "1.12")
    lines = grade("masking", "def broken(:", tasks=(*own, *others))
    assert {line.state for line in lines if line.task in own} == {"crashed"}
    assert {line.state for line in lines if line.task in others} == {"passed"}


@pytest.mark.parametrize("place", ["notes.txt", "pytest", "pytest/pytest"])
def test_no_test_reads_what_another_wrote(grade, place):
    """The message of a visible test could give away the inputs of hidden ones."""
    piece = f"""
def wiener_mask(speech_power, noise_power):
    from contextlib import suppress
    from pathlib import Path
    notes = Path("{place}")
    before = notes.read_text() if notes.is_file() else ""
    with suppress(OSError):
        notes.parent.mkdir(exist_ok=True)
        notes.write_text(f"{{before}} {{tuple(speech_power.shape)}}")
    raise RuntimeError(f"before: {{before!r}}")
"""
    messages = [line.message for line in grade("masking", piece, tasks=("1.4",)) if not line.hidden]
    assert messages and all("before: ''" in message for message in messages)


def test_messages_of_hidden_tests_are_not_written_down(grade):
    lines = grade("stft", "def stft(waveform, n_fft=512, hop_length=128):\n    return waveform")
    assert all(not line.message for line in lines if line.hidden)
    assert any(line.message for line in lines if not line.hidden)


def test_isolation_is_told(server):
    assert "limits" in server.terms.isolation
