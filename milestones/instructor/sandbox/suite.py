"""The graded suite: pytest collects it once, and then runs single tests of it, in any order and any number of times."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from milestones.graded_tests import GradedTest
from milestones.instructor.sandbox import scratch
from milestones.instructor.sandbox.failures import GraderFault

_UNUSED = (
    *("cacheprovider", "faulthandler", "junitxml", "legacypath", "logging", "terminal", "tmpdir"),
    *("unraisableexception", "warnings"),
)
"""Pytest's plugins that print, write files, or take time after each test."""


@dataclass(frozen=True)
class Failure:
    """The first failure of a test.

    Attributes:
        error: the exception.
        when: "setup", "call" or "teardown".
    """

    error: BaseException
    when: str


class Suite:
    """The tests of a milestone within one session of pytest, of which this is a plugin.

    Args:
        folder: folder of the tests.
        scratch: folder for their files.
    """

    def __init__(self, folder: Path, scratch: Path):
        self._folder = folder
        self._scratch = scratch
        self._items: dict[str, pytest.Item] = {}
        self._work: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self._failure: Failure | None = None

    def serve(self, work: Callable[[], None]) -> None:
        """Collect the tests, and call a function that runs some of them.

        Raises:
            GraderFault: the tests could not be collected.
        """
        self._work = work
        options = ["-s", "-c", os.devnull]
        for name in _UNUSED:
            options += ["-p", f"no:{name}"]
        options += ["--rootdir", str(self._folder), "--confcutdir", str(self._folder)]
        status = pytest.main([*options, str(self._folder)], plugins=[self])
        if self._error is not None:
            raise self._error
        if status != pytest.ExitCode.OK:
            raise GraderFault(f"pytest: expected it to collect the tests, got {status!r}")

    def run(self, test: str) -> Failure | None:
        """Run a test; return its first failure, None if it passed."""
        item = self._item(test)
        self._failure = None
        # Without a next item, everything that the test has set up is torn down.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        failure, self._failure = self._failure, None
        return failure

    def starts_processes(self, test: str) -> bool:
        """Return True if a test needs a worker that may start processes."""
        return self._item(test).get_closest_marker("processes") is not None

    def writes_files(self, test: str) -> bool:
        """Return True if a test writes files for the submission to read."""
        return "tmp_path" in self._item(test).fixturenames

    def _item(self, test: str) -> pytest.Item:
        if test not in self._items:
            raise GraderFault(f"{test}: expected pytest to collect it, got no such test")
        return self._items[test]

    @pytest.fixture
    def tmp_path(self) -> Path:
        """The folder for a test's files, which was emptied before the test and which the worker may write."""
        return self._scratch / scratch.TESTS

    def pytest_configure(self, config: pytest.Config) -> None:
        for marker in ("task", "processes"):
            config.addinivalue_line("markers", f"{marker}: of the course")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._error = GraderFault(f"pytest: expected tests that can be collected, got {report.longreprtext[-300:]}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {test.id: item for item in session.items if (test := GradedTest.of(item))}
        if self._error is None:
            try:
                self._work()
            except BaseException as error:  # noqa: BLE001, raised again outside of pytest
                self._error = error
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        # Pytest's own report would describe the traceback, which nobody reads.
        if call.excinfo is not None and self._failure is None:
            self._failure = Failure(call.excinfo.value, call.when)
        outcome = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)
