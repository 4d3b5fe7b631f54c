"""The page of `evaluate` and `benchmark` in a browser."""

import pytest

from milestones.course import load_milestone
from speech_enhancement.evaluation.html_report import write_report
from speech_enhancement.evaluation.scoring import METRICS, Score
from speech_enhancement.evaluation.tables import Table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with as many columns as the benchmark's."""
    path = tmp_path_factory.mktemp("evaluation") / "report.html"
    methods = {"noisy": lambda noisy, clean: noisy, "recurrent denoising autoencoder": lambda noisy, clean: 0.5 * noisy}
    scores = [Score("01", method, dict.fromkeys(METRICS, 1.0), {}) for method in methods]
    rows = [[method, "bandwidth extension", *["909,734.4 M"] * 13] for method in methods]
    table = Table(["system", "task", *["multiply-adds/s"] * 13], rows, ["A remark."], n_text_columns=2)
    recordings = load_milestone(3).folder / "recordings"
    pairs = {"01": (recordings / "noisy" / "01.flac", recordings / "clean" / "01.flac")}
    write_report(path, scores, ["01"], pairs, methods, table, "One clip.")
    return path.as_uri()


@pytest.mark.parametrize("width", [1400, 400])
def test_nothing_is_wider_than_the_window(browser, address, photograph, width):
    """Table and overview scroll sideways within themselves, and the first column then stays in sight."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.wide').scrollWidth > document.querySelector('.wide').clientWidth")
    page.evaluate("document.querySelector('.wide').scrollLeft = 300")
    assert page.get_by_role("cell", name="noisy", exact=True).bounding_box()["x"] >= 0
    photograph(page, f"evaluation_{width}", full_page=True)
    context.close()


def test_numbers_stand_right_in_one_line_and_texts_left(browser, address):
    page = browser.new_page()
    page.goto(address)
    looks = page.evaluate(
        """() => [...document.querySelectorAll('td')].map(cell => {
            const look = getComputedStyle(cell)
            return [look.textAlign, look.whiteSpace]
        })"""
    )
    assert looks == [*[["left", "normal"]] * 2, *[["right", "nowrap"]] * 13] * 2
    page.close()
