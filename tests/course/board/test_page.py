"""The page: what it shows of an entry, what it keeps back, and that no text of a submission becomes anything else."""

import base64
import hashlib
import html
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from milestones.course import load_milestone
from milestones.instructor.board.clips import Clip, Clips
from milestones.instructor.board.literature import LiteratureSystem
from milestones.instructor.board.naming import OpenNames, Pseudonyms
from milestones.instructor.board.page import render
from milestones.instructor.board.rows import make_rows
from tests.course.board.entries import HOSTILE_NAME, entry, refused, standing

LITERATURE = [
    LiteratureSystem("noisy", {"pesq": 2.09, "si_sdr": 8.2, "stoi": 0.92}, None, None),
    LiteratureSystem("SEGAN", {"pesq": 1.5, "si_sdr": 3.4, "stoi": None}, 1_966_601, 0.025),
]
HOSTILE = [
    "<script>alert(1)</script>",
    f'">{HOSTILE_NAME}',
    "' autofocus onfocus=alert(1) x='",
    "</title></style></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}",
    "../../escape",
    "new\nline",
    "red\x1b[31m",
    "\u202egnp.exe",
    "half \udcff",
    "李雷 Ünï",
    "n" * 255,
    "",
]


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def values(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def rendered(*records, ranks=(), pseudonyms=False, silent=(), literature=LITERATURE):
    """Make the page of some entries, each with one clip unless it is silent.

    The ranks are those of the first entries in both rankings.
    """
    by_name = {record.entry: record for record in records}
    ranks = [*ranks, *[None] * len(records)]
    standings = [standing(record, rank, rank, 7.5) for record, rank in zip(records, ranks, strict=False)]
    rows = make_rows(by_name, standings, "pesq", Pseudonyms(by_name) if pseudonyms else OpenNames())

    def clip(folder):
        return [Clip("01", f"sounds/{folder}/01.flac", f"sounds/{folder}/01.webp", 4.0)]

    heard = [row for row in rows if row.record.hash and row.record.entry not in silent]
    enhanced = {row.number: clip(row.record.hash[:16]) if row in heard else [] for row in rows}
    return render(load_milestone(3), rows, Clips(clip("noisy"), clip("clean"), enhanced), literature)


def rows_of(source, table):
    """Return the texts of the cells of a table's body, row by row."""
    body = re.search(rf'id="{table}">.*?<tbody>(.*?)</tbody>', source, re.DOTALL)[1]
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    return [[" ".join(html.unescape(re.sub("<[^>]*>", " ", cell)).split()) for cell in row] for row in cells]


def test_rows():
    """Best first, references among them without a rank, refused ones last; shared ranks say so."""
    records = [entry("ada", 2.5), entry("bob", 2.4, 0.2, failed=3), entry("eve", 2.1)]
    records += [entry("shipped", 2.45, kind="reference", title="the package's model"), refused()]
    source = rendered(*records, ranks=(1, 2, 2))
    ada, shipped, bob, eve, late = rows_of(source, "ranking")
    assert ada[:4] == ["1", "ada", "2.50 2.30 to 2.70", "2.60"]
    assert ada[4:6] == ["17.0 15.5 to 18.5", "18.0"]
    assert ada[8:] == ["0.05", "1", "213,544", "0.87", "7.5", ""]
    assert shipped[:2] == ["", "the package's model reference"] and shipped[12] == ""
    assert bob[:2] == ["=2", "bob"] and bob[13] == "crash on 3 of 20 hidden recordings"
    assert eve[:2] == ["=2", "eve"]
    assert late == ["", "late", *[""] * 10, "7.5", "refused: late.zip: expected no links"]
    assert [row[:2] for row in rows_of(source, "fast")] == [["1", "ada"], ["=2", "bob"], ["=2", "eve"]]
    assert rows_of(source, "literature")[1] == ["SEGAN", "1.50", "3.4", "", "0.025", "1,966,601"]


def test_columns_have_the_values_that_they_are_sorted_by():
    """A heading that sorts names a cell with a value in each row; an empty cell has an empty one."""
    source = rendered(entry("ada"), refused())
    for table in re.findall(r"<table.*?</table>", source, re.DOTALL):
        columns = [int(column) for column in re.findall(r'data-column="(\d+)"', table)]
        assert sorted(columns) == list(range(len(columns)))
        for row in re.findall(r"<tr.*?</tr>", table.partition("<tbody>")[2], re.DOTALL):
            cells = re.findall(r"<t[dh]([^>]*)>(.*?)</t[dh]>", row, re.DOTALL)
            values = [re.search(r'data-value="([^"]*)"', attributes)[1] for attributes, _ in cells[: len(columns)]]
            assert [value == "" for value in values] == [text == "" for _, text in cells[: len(columns)]]


def test_hidden_recordings_stay_hidden():
    """Neither their names nor what was said about them are on the page."""
    source = rendered(entry(failed=2), ranks=(1,))
    assert "secret" not in source and "it said" not in source


def test_links_lead_to_elements():
    """An entry without clips has no link, neither in the table nor in the plot."""
    page = Page(rendered(entry("ada"), entry("bob"), entry("cy", 1.5), refused(), silent=("cy",)))
    links = {link.removeprefix("#") for link in page.values("href")}
    assert links == {"entry-1", "entry-2"} and links <= set(page.values("id"))


def test_doing_nothing_takes_no_time_and_is_in_the_plot():
    source = rendered(entry("ada"), entry("noisy", 1.2, 0.0, kind="reference"))
    assert source.count("noisy: PESQ 1.20, real-time factor 0</title>") == 2


def test_literature_without_times_has_no_plot():
    untimed = [replace(system, real_time_factor=None) for system in LITERATURE]
    source = rendered(entry("ada"), literature=untimed)
    assert rows_of(source, "literature") and source.count("<svg") == rendered(entry("ada")).count("<svg") - 2


def test_same_grading_same_bytes():
    """The order of the log does not matter."""
    assert rendered(entry("ada"), entry("bob")) == rendered(entry("bob"), entry("ada"))


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_texts_of_submissions_remain_texts(pseudonyms):
    """Hostile names, marks and reasons change no element of the page, and nothing of it comes from elsewhere."""
    sources = []
    for texts in (HOSTILE, [f"harmless {number}" for number in range(len(HOSTILE))]):
        records = [
            entry(text, title=text, marks=(f"outputs equal those of {text}",), hash=f"{number:064x}")
            for number, text in enumerate(texts)
        ]
        late = replace(refused("late", texts[0]), marks=(texts[1],))
        sources.append(rendered(*records, late, pseudonyms=pseudonyms, ranks=range(1, len(texts) + 1)))
    hostile, harmless = map(Page, sources)

    def elements(page):
        # Labels in the plot are left out where there is no room.
        return Counter((tag, *attributes) for tag, attributes in page.elements if tag != "text")

    assert elements(hostile) == elements(harmless)
    assert all(re.match(r"#[\w-]+$", link) for link in hostile.values("href"))
    assert all(re.match(r"sounds/\w+/01\.(flac|webp)$", source) for source in hostile.values("src"))
    assert not {character for character in sources[0] if not character.isprintable()} - {"\n"}
    assert ("<script>alert(1)</script>" in hostile.text) != pseudonyms


def test_pseudonyms_hide_all_names():
    """No name is left, whether in the table, in the plot or in a remark."""
    records = [entry("Ada Lovelace", marks=("outputs equal those of Grace Hopper",)), entry("Grace Hopper")]
    source = rendered(*records, refused("Evelyn", "Evelyn.zip: expected no links"), pseudonyms=True, ranks=(1, 1))
    assert not [name for name in ("Ada", "Lovelace", "Grace", "Hopper", "Evelyn") if name in source]


def test_policy_names_the_pages_own_script_and_style():
    """The hashes are those of the elements as a browser reads them, and nothing else may run or be loaded."""
    source = rendered(entry())
    policy = next(attributes["content"] for _, attributes in Page(source).elements if "http-equiv" in attributes)
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    for kind in ("style", "script"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert allowed == {
        "default-src": "'none'",
        "img-src": "'self' file:",
        "media-src": "'self' file:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not re.search(r"\son\w+=|javascript:|https?:", source)


@pytest.mark.parametrize(
    "records",
    [[], [refused()], [entry(failed=20, factor=None)], [entry(kind="reference")], [entry(public=())]],
    ids=["empty", "refused", "all failed", "reference alone", "no public scores"],
)
def test_odd_classes(records):
    source = rendered(*records)
    assert ("There are no entries." in source) == (not records)
    assert "SEGAN" in source
