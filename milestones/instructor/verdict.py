"""What came of one test, and what a record says of it."""

from dataclasses import dataclass

from milestones.graded_tests import GradedTest, TestState


@dataclass(frozen=True)
class Verdict:
    """What came of one test.

    Attributes:
        state: one that a grading tells.
        message: why, as far as pytest can tell.
        was_fresh: whether the worker had run no test before.
        has_changed_inputs: whether an input was changed in place.
        seconds: wall-clock time.
        on_reference: whether an earlier milestone's modules were the reference's.
    """

    state: TestState
    message: str = ""
    was_fresh: bool = True
    has_changed_inputs: bool = False
    seconds: float = 0.0
    on_reference: bool = False

    def line(self, test: GradedTest) -> dict:
        """The record's entry for a test; of a hidden one it never holds a message, which could tell what is asked."""
        tells = self.state == TestState.GRADER_FAULT or not (test.is_hidden or self.on_reference)
        return {
            "id": test.id,
            "task": test.task,
            "points": test.points,
            "hidden": test.is_hidden,
            "sentence": test.sentence,
            "category": test.category,
            "hint": test.hint,
            "state": self.state,
            "message": self.message if tells else "",
            "seconds": round(self.seconds, 3),
            "on_reference": self.on_reference,
        }
