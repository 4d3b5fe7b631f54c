"""Pytest plugin that prints a table of the tasks and their points after the tests of a milestone.

Tests run in the order of their tasks, and the tests of a task run after those of the tasks that it depends on. A test
that fails counts as skipped if it ran code of an earlier task that fails too: that one may be the cause, and must be
fixed first. A test that ran no such code fails by itself, and is shown as failed.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType

import pytest

from milestones.course import PACKAGE, load_course
from milestones.graded_tests import GradedTest, TestState
from milestones.score_table import Outcome, ScoreTable
from milestones.stubs import Stub, find_stubs, raises_not_implemented

_PLACE_OF_RAISE = re.compile(r'File "(.+)", line (\d+), in .+\n\s+raise NotImplementedError')

_WORDS = {
    TestState.NOT_IMPLEMENTED: (TestState.NOT_IMPLEMENTED.value, "n", ("NOT IMPLEMENTED", {"yellow": True})),
    TestState.SKIPPED: (
        "skipped, as an earlier task fails",
        "w",
        ("SKIPPED, AS AN EARLIER TASK FAILS", {"yellow": True}),
    ),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("course")
    group.addoption("--task", action="append", default=[], metavar="ID", help="run the tests of this task alone (1.9)")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ScoreTablePlugin(config), "score table of the course")


class ScoreTablePlugin:
    """Collector of the tests' outcomes, and printer of the table.

    Args:
        config: of this run; milestones and package are below its root folder.
    """

    def __init__(self, config: pytest.Config):
        self.config = config
        self.course = load_course(config.rootpath)
        self.table = ScoreTable(self.course, self._is_stub)
        self._order = self.course.in_order_of_need()
        self._stubs: dict[Path, list[Stub]] = {}
        self._called: set[CodeType] = set()
        unknown = [task for task in config.getoption("--task") if task not in self.course.tasks]
        if unknown:
            raise pytest.UsageError(f"--task: expected one of {', '.join(self.course.tasks)}, got {unknown[0]}")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        wanted = self.config.getoption("--task")
        if wanted:
            tests = {item: GradedTest.of(item) for item in items}
            others = [item for item in items if tests[item] is None or tests[item].task not in wanted]
            items[:] = [item for item in items if item not in others]
            self.config.hook.pytest_deselected(items=others)
        places = {item: self._place(GradedTest.of(item)) for item in items}
        marked = [item for item in items if places[item] is not None]
        ordered = iter(sorted(marked, key=places.get))
        items[:] = [item if places[item] is None else next(ordered) for item in items]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            test = GradedTest.of(item)
            if test is not None:
                self._add(item.nodeid, Outcome(test, TestState.NOT_RUN))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Note all functions that are called while a test runs, and shorten its message."""

        def note(frame: FrameType, event: str, _: object) -> None:
            if event == "call":
                self._called.add(frame.f_code)

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            return (yield)
        except AssertionError as error:
            # Pytest writes the values behind the message, whole tensors among them; with -v they are shown.
            if GradedTest.of(item) is not None and self.config.get_verbosity() < 1:
                error.args = (str(error).partition("\nassert ")[0],)
            raise
        finally:
            sys.setprofile(before)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        report = yield
        called, self._called = self._called, set()
        test = GradedTest.of(item)
        if test is not None:
            # Only values that JSON can hold, since pytest-xdist's workers send reports to the main process.
            report.course = {"test": vars(test)}
            if report.failed:
                report.course["stub"] = _stub_that_raised(call.excinfo, self._stubs_in)
                report.course["ran"] = sorted(self._tasks_of(called))
                report.course["message"] = _message(call.excinfo.value)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        course = getattr(report, "course", None)
        if course is not None and (report.when == "call" or not report.passed):
            state = TestState.NOT_RUN if report.skipped else TestState(report.outcome)
            self._add(report.nodeid, Outcome(**{**course, "test": GradedTest(**course["test"])}, state=state))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple | None:
        if not report.failed or getattr(report, "course", None) is None:
            return None
        return _WORDS.get(self.table.state(report.nodeid)[0])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        yield
        selected = self.config.getoption("--task") or terminalreporter.stats.get("deselected")
        is_part = bool(selected) or any("::" in argument for argument in self.config.args)
        for milestone in self.course.milestones:
            width = self.config.get_terminal_writer().fullwidth
            lines = self.table.lines(milestone, is_part or not self._has_all_files(milestone.number), width)
            if lines:
                terminalreporter.section(f"milestone {milestone.number}: {milestone.title}")
            for line, markup in lines:
                terminalreporter.write_line(line, **markup)

    def _place(self, test: GradedTest | None) -> tuple[int, bool] | None:
        """Sort key of a test: its task, then tests in the file of the task's module first; None for other tests."""
        if test is None or test.task not in self.course.tasks:
            return None
        module = self.course.tasks[test.task].module
        return self._order.index(test.task), not test.id.startswith(f"test_{module}.py")

    def _add(self, nodeid: str, outcome: Outcome) -> None:
        if outcome.test.task in self.course.tasks:
            self.table.add(nodeid, outcome)

    def _has_all_files(self, number: int) -> bool:
        folder = self.config.rootpath / "tests" / f"milestone{number}"
        return {path.name for path in folder.glob("test_*.py")} <= self.table.files

    def _is_stub(self, task: str) -> bool:
        """Return True if a stub of a task is left as it was handed out."""
        path = self.config.rootpath / PACKAGE / f"{self.course.tasks[task].module}.py"
        return any(stub.task == task and not stub.is_implemented for stub in self._stubs_in(path))

    def _tasks_of(self, called: set[CodeType]) -> set[str]:
        """Ids of the tasks to whose stubs the called functions belong."""
        places = [(Path(code.co_filename), code.co_firstlineno) for code in called]
        places = [(path, line) for path, line in places if path.parent.name == PACKAGE]
        return {stub.task for path, line in places for stub in self._stubs_in(path) if line in stub}

    def _stubs_in(self, path: Path) -> list[Stub]:
        if path not in self._stubs:
            try:
                self._stubs[path] = find_stubs(ast.parse(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, SyntaxError):
                self._stubs[path] = []
        return self._stubs[path]


def _stub_that_raised(excinfo: pytest.ExceptionInfo | None, stubs_in: Callable[[Path], list[Stub]]) -> str | None:
    """Id of the task whose stub raised NotImplementedError, "" if no stub did; None for other failures."""
    if excinfo is None or not isinstance(excinfo.value, NotImplementedError):
        return None
    # A worker process of a data loader sends its traceback as text.
    sent = _PLACE_OF_RAISE.search(str(excinfo.value))
    entry = excinfo.traceback[-1]
    # PyTorch raises NotImplementedError too, for operations that a device does not have.
    if not sent and not _is_raise(str(entry.statement)):
        return None
    path, line = (sent[1], int(sent[2])) if sent else (entry.path, entry.lineno + 1)
    return next((stub.task for stub in stubs_in(Path(path)) if line in stub), "")


def _message(error: BaseException) -> str:
    """First line of an error's text, after its class unless the text is that of a test."""
    text = str(error).strip().partition("\n")[0]
    is_of_test = isinstance(error, AssertionError | pytest.fail.Exception)
    return text if is_of_test else f"{type(error).__name__}: {text}".rstrip(": ")


def _is_raise(statement: str) -> bool:
    try:
        return any(raises_not_implemented(node) for node in ast.parse(statement.strip()).body)
    except SyntaxError:
        return False
