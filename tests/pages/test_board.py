"""The board in a browser: sorting, both widths, sounds and pictures, and a policy that lets nothing else in."""

import pytest

from milestones.course import load_milestone
from milestones.instructor.board import board
from milestones.instructor.configuration import Board
from tests.course.board.entries import HOSTILE_NAME, entry, refused, write_grades

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
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


def column(page, number):
    """Return the values of a column of the ranking, from top to bottom."""
    return page.evaluate(
        "number => [...document.querySelector('#ranking').tBodies[0].rows].map(row => row.cells[number].dataset.value)",
        number,
    )


def heading(page, number):
    return page.locator(f"#ranking th[data-column='{number}']")


def test_headings_sort(page):
    """Scores begin with the best, costs with the lowest; the other way round from then on; empty cells stay last."""
    before = column(page, 1)
    for number, falls in ((3, True), (8, False), (10, False)):
        for falling in (falls, not falls):
            heading(page, number).locator("button").click()
            values = [float(value) for value in column(page, number) if value]
            assert values == sorted(values, reverse=falling) and len(values) == 6
            assert column(page, number)[6:] == [""]
            assert heading(page, number).get_attribute("aria-sort") == ("descending" if falling else "ascending")
    assert page.locator("th[aria-sort]").count() == 1
    assert sorted(column(page, 1)) == sorted(before) and column(page, 1) != before


def test_keys_sort(page):
    """A heading is reached by the tabulator key and answers to Enter and to the space bar."""
    heading(page, 0).locator("button").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    names = column(page, 1)
    assert heading(page, 1).get_attribute("aria-sort") == "ascending" and names[1] == "ada"
    page.keyboard.press("Space")
    assert column(page, 1) == names[::-1]


def test_an_entry_is_opened_seen_and_heard(page, complaints):
    """The link of a name opens its clips, whose pictures and sounds a browser reads."""
    assert not page.locator("#entry-1").get_attribute("open")
    page.get_by_role("link", name="ada", exact=True).first.click()
    clips = page.locator("#entry-1[open]")
    clips.wait_for()
    assert clips.locator("audio").count() == 3
    page.wait_for_function(
        """() => [...document.querySelectorAll('#entry-1 img')].every(picture => picture.naturalWidth > 0)"""
    )
    duration = page.evaluate(
        """() => new Promise(resolve => {
            const player = document.querySelector('#entry-1 audio')
            player.addEventListener('loadedmetadata', () => resolve(player.duration))
            player.load()
            player.preload = 'metadata'
        })"""
    )
    assert duration == pytest.approx(4, abs=1.5)
    assert complaints == []


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(page, photograph, width, scheme):
    """Only tables scroll sideways, each within itself, and the rank and the name then stay in sight."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg.chart:visible").count() == 2
    page.evaluate("document.querySelector('.wide').scrollLeft = 200")
    for part in ("rank", "entry"):
        box = page.locator(f"#ranking tbody .{part}").first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] < 0.6 * width
    page.evaluate("document.querySelector('.wide').scrollLeft = 0")
    brightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (min(brightness) > 200) == (scheme == "light")
    photograph(page, f"board_{width}_{scheme}", full_page=True)


def test_the_ranking_fits_a_wide_window(page):
    """No column is cut off."""
    assert page.evaluate("document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth")


def test_it_is_a_plain_table_without_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#ranking tbody tr:visible").count() == 7
    assert page.locator("#ranking button").count() == 0
    assert not page.get_by_text("A click on a heading").is_visible()
    context.close()


def test_print_has_tables_and_plots_and_no_players(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#ranking").is_visible() and page.locator("svg.chart:visible").count() == 2
    assert page.locator("audio:visible, #listen:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_policy(page, complaints):
    """The name of an entry is text; what got onto the page all the same could neither run nor fetch anything."""
    assert page.locator("#ranking tbody .entry").filter(has_text=HOSTILE_NAME).count() == 1
    assert page.locator("img[onerror]").count() == 0
    page.evaluate(
        """() => {
            document.body.insertAdjacentHTML('beforeend', '<img src="sounds/none.webp" onerror="window.ran = 1">')
            const script = document.createElement('script')
            script.textContent = 'window.ran = 2'
            document.body.append(script)
            return fetch('index.html').catch(() => null)
        }"""
    )
    page.wait_for_function("document.querySelector('img[onerror]').complete")
    assert page.evaluate("window.ran") is None
    refused = [complaint for complaint in complaints if "Content Security Policy" in complaint]
    for what in ("inline event handler", "inline script", "connect"):
        assert any(what in complaint for complaint in refused), complaints
