"""A milestone of three tasks, and hand-made records of its grading."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from milestones.course import LatePolicy, Milestone, Task
from milestones.graded_tests import TestState
from milestones.instructor.records import Record, TestResult

MILESTONE = Milestone(
    number=1,
    title="Gains",
    deadline=datetime(2026, 12, 18, 23, 59, tzinfo=timezone(timedelta(hours=1))),
    seconds_per_test=10,
    seconds_per_submission=60,
    memory_mebibytes=512,
    late=LatePolicy(share_per_day=0.1, days=3),
    tasks=(Task("1.1", "gain.amplify", 4), Task("1.2", "gain.attenuate", 4, ("1.1",)), Task("1.10", "gain.mute", 2)),
)

TESTS = (
    # id, task, points, hidden
    ("test_gain.py::test_louder", "1.1", 2, False),
    ("test_gain.py::test_zero_gain", "1.1", 2, True),
    ("test_gain.py::test_softer[2-float64]", "1.2", 1, False),
    ("test_gain.py::test_softer[4-float32]", "1.2", 1, False),
    ("test_gain.py::test_one_sample", "1.2", 2, True),
    ("test_gain.py::test_silence", "1.10", 2, False),
)
HIDDEN_WORDS = ("test_zero_gain", "test_one_sample", "SECRET")


def record(name="ada", states=(), hours_late=-1, refused=None, **changes):
    """Make a record in which all tests passed except those whose states are given, by the ends of their ids."""
    states = dict(states)
    tests = []
    for test, task, points, hidden in TESTS:
        state = next((state for end, state in states.items() if test.endswith(end)), "passed")
        tests.append(
            TestResult(
                id=test,
                task=task,
                points=points,
                hidden=hidden,
                sentence="SECRET sentence." if hidden else "Each sample is multiplied.",
                category="edge cases" if hidden else None,
                hint=f"What of a gain in {task}?" if hidden else None,
                state=TestState(state) if refused is None else TestState.REFUSED,
                message="" if state == "passed" else "SECRET message" if hidden else "expected 2, got 3",
                seconds=0.02,
                on_reference=False,
            )
        )
    whole = Record(
        submission=name,
        milestone=1,
        submission_hash="5" * 64,
        tests_hash="7" * 64,
        environment_hash="9" * 64,
        isolation=("landlock 7", "seccomp"),
        seed=123,
        submitted=MILESTONE.deadline + timedelta(hours=hours_late),
        refused=refused,
        notes=(),
        tests=tuple(tests),
    )
    return replace(whole, **changes)


def with_test(graded, number, **changes):
    """Make a record in which one test is changed."""
    tests = list(graded.tests)
    tests[number] = replace(tests[number], **changes)
    return replace(graded, tests=tuple(tests))
