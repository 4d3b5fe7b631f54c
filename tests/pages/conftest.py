"""Pages as commands write them, opened from their folders in headless Chromium; skipped where there is none."""

from pathlib import Path

import pytest

from tests import browser as browsers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the suite where something is missing."""
    missing = browsers.lacking()
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            reason = f"pages are not opened: {', '.join(missing)} missing (see CONTRIBUTING.md)"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    with browsers.headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def photograph():
    """Function that keeps a screenshot if PAGES_SCREENSHOTS names a folder for them."""
    return browsers.photographer("PAGES_SCREENSHOTS")
