"""A hub, a browser and people who are logged in; the suite is skipped, with the reason, where they cannot be had."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import browser as browsers
from tests.hub import running

_failed: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the suite where something is missing."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    lacking = running.missing() if here else ""
    reason = f"{lacking} missing (see CONTRIBUTING.md)" if lacking else ""
    # Until the whole suite has passed within its eight minutes on two idle cores.
    if not reason and "HUB_TESTS" not in os.environ:
        reason = "HUB_TESTS=1 is not set"
    for item in here:
        if reason:
            item.add_marker(pytest.mark.skip(reason=f"the hub is not tested: {reason}"))


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
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the hub: course, exchange, homes."""
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="session")
def address(hub_folder: Path) -> Iterator[str]:
    """Address of a hub that runs."""
    with running.running_hub(hub_folder) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    with browsers.headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def person(browser, address: str):
    """Function that logs a person in, and returns the page in which they go on."""
    from tests.hub import pages

    opened = {}

    def open_page(name: str):
        if name not in opened:
            context = browser.new_context(viewport={"width": 1200, "height": 750})
            context.set_default_timeout(pages.SLOW)
            # Pages of nbgrader load MathJax from the network.
            context.route(lambda url: not url.startswith(address), lambda route: route.abort())
            opened[name] = context.new_page()
            pages.log_in(opened[name], address, name)
        return opened[name]

    return open_page


@pytest.fixture(scope="session")
def photograph() -> Callable:
    """Function that keeps a screenshot if HUB_SCREENSHOTS names a folder for them."""
    return browsers.photographer("HUB_SCREENSHOTS")
