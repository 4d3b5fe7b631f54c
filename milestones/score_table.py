"""The score table, as lines of text: the points that the tests of a run have earned for each task."""

from collections.abc import Callable
from dataclasses import dataclass

from milestones.course import Course, Milestone, Task
from milestones.graded_tests import GradedTest, TestState

_COLOURS = {TestState.PASSED: "green", TestState.FAILED: "red"}
_WORST_FIRST = (TestState.FAILED, TestState.NOT_IMPLEMENTED, TestState.SKIPPED, TestState.NOT_RUN)
_INDENT = " " * 15


@dataclass(frozen=True)
class Outcome:
    """The outcome of a test.

    Attributes:
        test: the test.
        state: `PASSED`, `FAILED` or `NOT_RUN`.
        stub: for a test that failed with `raise NotImplementedError`, the id of the task whose stub has that statement,
            or "" if no stub has it; None for all other tests.
    """

    test: GradedTest
    state: TestState
    stub: str | None = None


class ScoreTable:
    """The states of tests and tasks.

    Args:
        course: the course with all its milestones.
        is_stub: given the id of a task, True if one of its stubs is left as it was handed out.
    """

    def __init__(self, course: Course, is_stub: Callable[[str], bool]):
        self.course = course
        self._is_stub = is_stub
        self._outcomes: dict[str, Outcome] = {}

    def add(self, name: str, test: GradedTest, state: TestState, stub: str | None = None) -> None:
        """Note the outcome of a test; a later outcome (a fixture that fails at the end) replaces it."""
        self._outcomes[name] = Outcome(test, state, stub)

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
        cause = outcome.stub or next(filter(self._fails, self.course.dependencies(task)), "")
        return (TestState.SKIPPED, cause) if cause else (TestState.FAILED, "")

    def lines(self, milestone: Milestone, is_part: bool) -> list[tuple[str, dict[str, bool]]]:
        """The table of a milestone: its lines with pytest's markup, or no lines if none of its tests was collected.

        Args:
            milestone: the milestone.
            is_part: True if only some of its tests were collected.
        """
        ids = {task.id for task in milestone.tasks}
        outcomes = {name: each for name, each in self._outcomes.items() if each.test.task in ids}
        if not outcomes:
            return []
        lines = [("task   points  state", {"bold": True})]
        for task in milestone.tasks:
            names = [name for name, outcome in outcomes.items() if outcome.test.task == task.id]
            if names:
                lines += self._lines_of_task(task, names, f"milestones/milestone{milestone.number}/README.md")
        visible = [name for name, outcome in outcomes.items() if not outcome.test.is_hidden]
        hidden = [name for name, outcome in outcomes.items() if outcome.test.is_hidden]
        last = f"visible tests{' that were run' * is_part}: {self._points(visible, ' of ')} points; hidden tests"
        last += f": {self._points(hidden, ' of ')} points" if hidden else " are run by your instructor"
        return [*lines, (last, {"bold": True})]

    def _lines_of_task(self, task: Task, names: list[str], handout: str) -> list[tuple[str, dict[str, bool]]]:
        states = {name: self.state(name) for name in names}
        found = (each for worst in _WORST_FIRST for each in states.values() if each[0] == worst)
        state, cause = next(found, (TestState.PASSED, ""))
        row = f"{task.id:<5}{self._points(names, '/'):>8}  {f'{state}: {cause} fails' if cause else state:<20}"
        if state == TestState.PASSED:
            return [(row.rstrip(), {"green": True})]
        wrong = [name for name in names if states[name][0] == state]
        shown = wrong if state == TestState.FAILED else wrong[:1]
        sentences = dict.fromkeys(self._outcomes[name].test.sentence for name in shown)
        markup = {_COLOURS.get(state, "yellow"): True}
        return [(f"{row}  {handout}, Task {task.id}", markup), *((_INDENT + text, {}) for text in sentences)]

    def _points(self, names: list[str], separator: str) -> str:
        tests = [self._outcomes[name] for name in names]
        earned = sum(outcome.test.points for outcome in tests if outcome.state == TestState.PASSED)
        return f"{earned:g}{separator}{sum(outcome.test.points for outcome in tests):g}"

    def _fails(self, task: str) -> bool:
        states = [outcome.state for outcome in self._outcomes.values() if outcome.test.task == task]
        return TestState.FAILED in states or self._is_stub(task)
