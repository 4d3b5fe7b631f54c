"""The board as the command writes it, opened from its folder in headless Chromium; skipped where there is none."""

from pathlib import Path

import pytest

from milestones.course import load_milestone
from milestones.instructor.board import board
from milestones.instructor.configuration import Board
from tests import browser as browsers
from tests.course.board.entries import HOSTILE_NAME, entry, refused, write_grades


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the suite where something is missing."""
    missing = browsers.lacking()
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            reason = f"the board is not opened: {', '.join(missing)} missing (see CONTRIBUTING.md)"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a board of a small class, in whose folder's name a browser must not stumble over the space."""
    folder = tmp_path_factory.mktemp("board")
    records = [
        entry("ada", 2.6, 0.031),
        entry("grace", 2.4, 0.34, parameters=1_377_361, model_bytes=5_520_000),
        entry("katherine-johnson-whose-name-is-long", 1.9, 0.004, parameters=48_833, model_bytes=197_000),
        entry(HOSTILE_NAME, 1.7, 0.09, failed=2, marks=(HOSTILE_NAME,)),
        refused("late"),
        entry("noisy", 1.4, 0.0004, "reference", parameters=0, model_bytes=0),
        entry("log-MMSE", 1.85, 0.012, "reference", parameters=0, model_bytes=0),
    ]
    write_grades(folder / "grades", records, load_milestone(3).folder / "recordings")
    out = folder / "the board"
    assert board.run(Board(out, folder / "grades")) == 0
    return (out / board.PAGE_NAME).as_uri()


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    with browsers.headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def photograph():
    """Function that keeps a screenshot if BOARD_SCREENSHOTS names a folder for them."""
    return browsers.photographer("BOARD_SCREENSHOTS")


@pytest.fixture
def complaints() -> list[str]:
    """What the page's console has said, such as what its policy has stopped."""
    return []


@pytest.fixture
def page(browser, address: str, complaints: list[str]):
    """The page, opened anew."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    yield page
    context.close()
