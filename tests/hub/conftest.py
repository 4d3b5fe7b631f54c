"""A hub, a browser and people who are logged in; the suite is skipped, with the reason, where they cannot be had."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import browser as browsers
from tests.hub import pages, running

_failed: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the suite where something is missing."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    lacking = running.missing() if here else ""
    for item in here if lacking else []:
        item.add_marker(pytest.mark.skip(reason=f"the hub is not tested: no {lacking} (see CONTRIBUTING.md)"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a station that failed."""
    report = yield
    if report.failed:
        _failed.append(item.name)
    return report


@pytest.fixture(autouse=True)
def _stations_before() -> None:
    """Skip a station if one before it failed, since each begins where the last one ended."""
    if _failed:
        pytest.skip(f"{_failed[0]} failed before")


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Hub]:
    """A hub that runs."""
    with running.Hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    with browsers.headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def person(browser, hub: running.Hub) -> Callable:
    """Function that logs a person in at first, and returns the page in which they go on."""
    opened = {}

    def open_page(name: str):
        if name not in opened:
            context = browser.new_context(viewport={"width": 1200, "height": 750})
            context.set_default_timeout(pages.LONGEST_WAIT)
            # Pages of nbgrader load MathJax from the network.
            context.route(lambda url: not url.startswith(hub.address), lambda route: route.abort())
            opened[name] = context.new_page()
            pages.log_in(opened[name], hub.address, name)
        return opened[name]

    return open_page


@pytest.fixture(scope="session")
def form_grader(hub: running.Hub) -> str:
    """Address of the form grader that the course's instructors share."""
    return f"{hub.address}/services/speech/formgrader"


@pytest.fixture(scope="session")
def photograph() -> Callable:
    """Function that keeps a screenshot if HUB_SCREENSHOTS names a folder for them."""
    return browsers.photographer("HUB_SCREENSHOTS")
