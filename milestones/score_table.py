"""The score table, as lines of text: the points that the tests of a run have earned for each task."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from milestones.course import Course, Milestone, Task
from milestones.graded_tests import GradedTest, TestState

_COLOURS = {TestState.PASSED: "green", TestState.FAILED: "red"}
_WORST_FIRST = (TestState.FAILED, TestState.NOT_IMPLEMENTED, TestState.SKIPPED, TestState.NOT_RUN)
_HEADING = "task   visible  {:>6}  state"
_INDENT = " " * 7

Line = tuple[str, dict[str, bool]]
"""A line of the table with pytest's markup."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a test.

    Attributes:
        test: the test.
        state: `PASSED`, `FAILED` or `NOT_RUN`.
        stub: for a test that failed with `raise NotImplementedError`, the id of the task whose stub has that statement,
            or "" if no stub has it; None for all other tests.
        ran: for a test that failed, the ids of the tasks whose code it ran.
        message: for a test that failed, the first line of its error's text.
    """

    test: GradedTest
    state: TestState
    stub: str | None = None
    ran: Sequence[str] = ()
    message: str = ""


class ScoreTable:
    """The states of tests and tasks.

    Args:
        course: the course with all its milestones.
        is_stub: given the id of a task, True if one of its stubs is left as it was handed out.
    """

    def __init__(self, course: Course, is_stub: Callable[[str], bool]):
        self.course = course
        self._is_stub = is_stub
        self._order = course.in_order_of_need()
        self._outcomes: dict[str, Outcome] = {}

    def add(self, name: str, outcome: Outcome) -> None:
        """Note the outcome of a test; a later outcome (a fixture that fails at the end) replaces it."""
        self._outcomes[name] = outcome

    @property
    def files(self) -> set[str]:
        """Names of the test files that were seen."""
        return {outcome.test.id.partition("::")[0] for outcome in self._outcomes.values()}

    def state(self, name: str) -> tuple[TestState, str]:
        """State of a test and, if it was skipped, the id of the task to fix first."""
        outcome = self._outcomes[name]
        task = outcome.test.task
        if outcome.state != TestState.FAILED:
            return outcome.state, ""
        if outcome.stub is not None and (outcome.stub in ("", task) or self._is_stub(task)):
            return TestState.NOT_IMPLEMENTED, ""
        earlier = self._order[: self._order.index(task)]
        cause = outcome.stub or next((each for each in earlier if each in outcome.ran and self._fails(each)), "")
        return (TestState.SKIPPED, cause) if cause else (TestState.FAILED, "")

    def lines(self, milestone: Milestone, is_part: bool, width: int) -> list[Line]:
        """The table of a milestone: its lines, or none if none of its tests was collected.

        Args:
            milestone: the milestone.
            is_part: True if only some of its tests were collected.
            width: number of columns; longer texts are wrapped.
        """
        ids = {task.id for task in milestone.tasks}
        outcomes = {name: each for name, each in self._outcomes.items() if each.test.task in ids}
        if not outcomes:
            return []
        visible, hidden = self._split(outcomes)
        lines = [(_HEADING.format("in all" if hidden else "worth"), {"bold": True})]
        for task in milestone.tasks:
            names = [name for name, outcome in outcomes.items() if outcome.test.task == task.id]
            if names:
                lines += self._lines_of_task(task, names, width)
        last = f"visible tests{' that were run' * is_part}: {self._points(visible, ' of ')} points; hidden tests"
        last += f": {self._points(hidden, ' of ')} points" if hidden else " are run by your instructor"
        handout = f"handout, with a section for each task: milestones/milestone{milestone.number}/README.md"
        return [*lines, (last, {"bold": True}), (handout, {})]

    def _lines_of_task(self, task: Task, names: list[str], width: int) -> Iterator[Line]:
        states = {name: self.state(name) for name in names}
        found = (each for worst in _WORST_FIRST for each in states.values() if each[0] == worst)
        state, cause = next(found, (TestState.PASSED, ""))
        visible, hidden = self._split(names)
        in_all = self._points(names, "/") if hidden else f"{task.points:g}"
        reason = f": may fail because {cause} fails; mend that first" * bool(cause)
        row = f"{task.id:<5}{self._points(visible, '/'):>9}{in_all:>8}  {state}{reason}"
        markup = {_COLOURS.get(state, "yellow"): True}
        yield row, markup
        if state == TestState.PASSED:
            return
        worst = [self._outcomes[name] for name in names if states[name][0] == state]
        told: set[str] = set()
        for outcome in worst if state == TestState.FAILED else worst[:1]:
            # The first message is enough for a test that fails with several sets of parameters.
            if outcome.test.sentence not in told:
                told.add(outcome.test.sentence)
                yield from _wrapped(outcome.test.sentence, _INDENT, width, {})
                yield from _wrapped(outcome.message * (outcome.stub is None), _INDENT + "  ", width, markup)
        if state == TestState.FAILED:
            for earlier, count in Counter(each for _, each in states.values() if each).items():
                yield from _wrapped(f"{count} more skipped: {earlier} fails", _INDENT, width, {"yellow": True})

    def _split(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Split tests into the visible and the hidden ones."""
        hidden = [name for name in names if self._outcomes[name].test.is_hidden]
        return [name for name in names if name not in hidden], hidden

    def _points(self, names: list[str], separator: str) -> str:
        tests = [self._outcomes[name] for name in names]
        earned = sum(outcome.test.points for outcome in tests if outcome.state == TestState.PASSED)
        return f"{earned:g}{separator}{sum(outcome.test.points for outcome in tests):g}"

    def _fails(self, task: str) -> bool:
        states = [outcome.state for outcome in self._outcomes.values() if outcome.test.task == task]
        return TestState.FAILED in states or self._is_stub(task)


def _wrapped(text: str, indent: str, width: int, markup: dict[str, bool]) -> Iterator[Line]:
    for line in textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent):
        yield line, markup
