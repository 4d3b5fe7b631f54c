"""The reports of a grading: grades, feedback pages and the page of the class, which hostile names do not harm."""

import csv
import html
import re

import pytest

from milestones.course import CourseError
from milestones.instructor.reports import escaping, reports
from tests.course.records import HIDDEN_WORDS, MILESTONE, record, with_test


def written(out, *records):
    """Write the reports, and return their folder."""
    reports.write(out, records, MILESTONE)
    return out


FAILING = {"zero_gain": "wrong", "[4-float32]": "out of time", "silence": "not implemented"}


def page(out, name="ada"):
    """Read the visible text of a feedback page, without tags and with runs of spaces joined."""
    source = (out / "feedback" / f"{name}.html").read_text(encoding="utf-8")
    body = source.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def grades(out):
    """Read the rows of the grades, by submission."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def test_grades(tmp_path):
    """Submissions are rows, in the order of their names; tasks are columns, in the order of the milestone."""
    scores, _ = reports.write(tmp_path, [record("bob"), record("ada", FAILING, hours_late=30)], MILESTONE)
    assert [each.submission for each in scores] == ["ada", "bob"]
    assert (tmp_path / "grades.csv").read_text("utf-8-sig").splitlines() == [
        '"submission","milestone","task 1.1","task 1.2","task 1.10","sum","days late","late deduction","override",'
        '"total","maximum","note"',
        '"ada",1,2,3,0,5,2,1,"",4,10,""',
        '"bob",1,4,4,2,10,0,0,"",10,10,""',
    ]


def test_overrides_and_extensions_survive(tmp_path):
    """Both files are read each time and never written to, and grades and student's page show them."""
    overrides = "submission,milestone,task,points,reason\nada,1,gain.amplify,3,explained it well\nbob,1,,7,agreed\n"
    extensions = "submission,milestone,hours,reason\nada,1,24,ill\n"
    (tmp_path / "overrides.csv").write_text(overrides)
    (tmp_path / "extensions.csv").write_text(extensions)
    for _ in range(2):
        reports.write(tmp_path, [record("ada", FAILING, hours_late=30), record("bob", hours_late=30)], MILESTONE)
    ada, bob = grades(tmp_path).values()
    assert [ada[column] for column in ("task 1.1", "sum", "late deduction", "total")] == ["3", "6", "0.6", "5.4"]
    assert ada["override"] == "task 1.1: 3 (explained it well)"
    assert (bob["sum"], bob["total"], bob["override"]) == ("10", "7", "total: 7 (agreed)")
    text = page(tmp_path)
    assert "5.4 of 10 points" in text
    assert "Your instructor has given 3 points for task 1.1: explained it well" in text
    assert "1 day late" in text
    assert "extended by 24 hours for you (ill)" in text
    assert "Being late takes 10 % of the points: 6 − 0.6 = 5.4." in text
    assert "Your instructor has set the total to 7 points: agreed" in page(tmp_path, "bob")
    assert (tmp_path / "overrides.csv").read_text() == overrides
    assert (tmp_path / "extensions.csv").read_text() == extensions


def test_malformed_overrides_leave_the_grades_alone(tmp_path):
    """Earlier grades stay as they are."""
    reports.write(tmp_path, [record()], MILESTONE)
    before = (tmp_path / "grades.csv").read_bytes()
    (tmp_path / "overrides.csv").write_text("submission,milestone,task,points,reason\nada,1,gain.amplify,x,\n")
    with pytest.raises(CourseError, match=r"overrides\.csv:2"):
        reports.write(tmp_path, [record(states=FAILING)], MILESTONE)
    assert (tmp_path / "grades.csv").read_bytes() == before


def test_grades_open_in_a_spreadsheet_with_their_accents(tmp_path):
    """Excel takes a file without a byte-order mark for the encoding of its country."""
    reports.write(tmp_path, [record("Zoë Übung")], MILESTONE)
    assert (tmp_path / "grades.csv").read_bytes().startswith(b'\xef\xbb\xbf"submission"')
    assert list(grades(tmp_path)) == ["Zoë Übung"]


def test_notes_on_the_reading(tmp_path):
    """Page, grades and table show them, and they are text everywhere."""
    notes = ("'<b>.zip' was graded", "red\x1b[31m", "n" * 500)
    scores, _ = reports.write(tmp_path, [record(notes=notes)], MILESTONE)
    text = page(tmp_path)
    assert "About your submission:" in text and "'<b>.zip' was graded" in text
    source = (tmp_path / "feedback" / "ada.html").read_text()
    assert "<b>.zip" not in source and "\x1b" not in source
    assert grades(tmp_path)["ada"]["note"].startswith("'<b>.zip' was graded; red\\u001b[31m; nnn")
    table = reports.table(scores, MILESTONE)
    assert all(line.isprintable() and len(line) < 400 for line in table.splitlines())
    assert "About your submission" not in page(written(tmp_path / "other", record()))


def test_overrides_without_submission_are_told(tmp_path):
    """The class page and the command show file, line and name, since the name may be misspelt."""
    (tmp_path / "overrides.csv").write_text("submission,milestone,task,points,reason\nadda,1,gain.amplify,2,\n")
    _, (stray,) = reports.write(tmp_path, [record()], MILESTONE)
    assert (stray.place, stray.submission) == ("overrides.csv:2", "adda")
    assert "overrides.csv:2: <bdi>adda</bdi>" in (tmp_path / "class.html").read_text()


def test_feedback(tmp_path):
    """A visible test has its sentence and message, a hidden one category and hint; each task says where to read on."""
    reports.write(tmp_path, [record(states=FAILING)], MILESTONE)
    text = page(tmp_path)
    assert "out of time Each sample is multiplied. (1 point, test_softer[4-float32] ) expected 2, got 3" in text
    assert "0 of 1 hidden test passed (0 of 2 points); failed: edge cases – What of a gain in 1.1?" in text
    assert "1 of 1 hidden test passed (2 of 2 points)." in text
    assert "milestones/milestone1/README.md , Task 1.2" in text
    assert "pytest tests/milestone1 --task 1.10" in text
    assert "Task 1.1 is not complete, and this one builds on it" in text
    assert "seed 123; tests version 777777777777;" in text
    assert "isolation landlock 7, seccomp" in text


@pytest.mark.parametrize("state", ["wrong", "crashed", "out of memory", "grader fault", "passed", "refused"])
def test_hidden_tests_stay_hidden(tmp_path, state):
    """No state of a hidden test puts its id, sentence or message on a student's page."""
    refused = "broken" if state == "refused" else None
    reports.write(tmp_path, [record(states={"zero_gain": state, "one_sample": state}, refused=refused)], MILESTONE)
    source = (tmp_path / "feedback" / "ada.html").read_text()
    assert not [word for word in HIDDEN_WORDS if word in source]


def test_on_reference_is_explained(tmp_path):
    """A test that passed on the reference's earlier modules is marked, and the page says why it counts."""
    reports.write(tmp_path, [with_test(record(), 2, on_reference=True)], MILESTONE)
    text = page(tmp_path)
    assert "Some tests of task 1.2 failed on your own modules of an earlier milestone" in text
    assert "It failed on your own modules of an earlier milestone, and passed on the reference's." in text


def test_grader_fault(tmp_path):
    """The score is pending, in words, and empty in the grades; a fault's message is for the instructor alone."""
    graded = with_test(record(states={"louder": "grader fault"}), 0, message="GraderFault: inner workings")
    reports.write(tmp_path, [graded], MILESTONE)
    row = grades(tmp_path)["ada"]
    assert [row[name] for name in ("task 1.1", "task 1.2", "sum", "total")] == ["", "4", "", ""]
    assert row["note"] == "pending: the grader failed in task 1.1"
    text = page(tmp_path)
    assert "Score pending" in text
    assert "earned 6 points so far" in text
    assert "inner workings" not in text
    assert "inner workings" in (tmp_path / "class.html").read_text()


def test_refused(tmp_path):
    """The page says why, and the class page leaves it out of the tests' rates."""
    reports.write(tmp_path, [record(refused="ada.zip: expected no links"), record("bob")], MILESTONE)
    assert "Your submission was refused, and no test was run: ada.zip: expected no links" in page(tmp_path)
    classes = (tmp_path / "class.html").read_text()
    assert "<bdi>ada</bdi>: ada.zip: expected no links" in classes
    assert "100 %" in classes
    assert "50 %" not in classes


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record()],
        [record(refused="broken")],
        [record(refused="broken", tests=[])],
        [record(states={"": "grader fault"}), record("bob", {"": "grader fault"})],
        [record(states={"": "not implemented"}, hours_late=9999)],
        [record(milestone=2)],
    ],
    ids=["empty", "one", "refused", "refused early", "all faults", "nothing done and late", "another milestone"],
)
def test_odd_classes(tmp_path, records):
    """All reports are written for any class."""
    scores, _ = reports.write(tmp_path, records, MILESTONE)
    classes = (tmp_path / "class.html").read_text()
    assert ("There are no submissions." in classes) == (not scores)
    assert len(grades(tmp_path)) == len(list((tmp_path / "feedback").iterdir())) == len(scores)
    assert reports.table(scores, MILESTONE).splitlines()[-1].split() == ["of", "4", "4", "2", "10"]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(A1)",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "{{ 7 * 7 }}",
    "../../escape",
    "/etc/escape",
    "..",
    ".hidden",
    "new\nline",
    "red\x1b[31m",
    "\u202egnp.exe",
    "half \udcff",
    "李雷 Ünï",
    "n" * 255,
    "李" * 85,
    "a;=1",
    "com,ma",
    " space ",
]


def test_hostile_names(tmp_path):
    """A name is text on every page, no formula in a spreadsheet, no path, and no command to a terminal."""
    out = tmp_path / "out"
    out.mkdir()
    scores, _ = reports.write(out, [record(name) for name in HOSTILE], MILESTONE)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in out.iterdir()) == ["class.html", "feedback", "grades.csv"]
    assert len(list((out / "feedback").glob("*.html"))) == len(HOSTILE)
    for path in out.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        assert "<script" not in source
        assert not re.search(r"<img(?! src=\"data:image/svg\+xml;base64,)", source)
    assert not [name for name in grades(out) if name[0] in "=+-@\t\r\n＝"]
    assert len(grades(out)) == len(HOSTILE)
    table = reports.table(scores, MILESTONE)
    assert all(line.isprintable() for line in table.splitlines())
    assert len(table.splitlines()) == len(HOSTILE) + 2


def test_names_can_be_copied_from_the_grades(tmp_path):
    """An override finds its submission by the name that the spreadsheet shows."""
    reports.write(tmp_path, [record(name) for name in HOSTILE], MILESTONE)
    with (tmp_path / "overrides.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["submission", "milestone", "task", "points", "reason"])
        rows.writerows([name, 1, "", 5, ""] for name in grades(tmp_path))
    scores, _ = reports.write(tmp_path, [record(name) for name in HOSTILE], MILESTONE)
    assert {each.total for each in scores} == {5}


def test_hostile_messages(tmp_path):
    """The message of a student's own exception is text, too."""
    graded = record(states={"louder": "crashed"})
    graded = with_test(graded, 0, message="</pre><script>alert(1)</script>\udc00\x00")
    reports.write(tmp_path, [graded], MILESTONE)
    assert "<script" not in (tmp_path / "feedback" / "ada.html").read_text(encoding="utf-8")


def test_same_records_same_bytes(tmp_path):
    """The order of the records does not matter, but a later one of a submission replaces an earlier one."""
    records = [record("ada", FAILING), record("bob"), record("eve", refused="broken")]
    reports.write(tmp_path / "one", records, MILESTONE)
    reports.write(tmp_path / "two", [record("ada"), *reversed(records)], MILESTONE)
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_class_page(tmp_path):
    """Rates of tests without the grader's faults, states counted, the hardest task first."""
    records = [record("ada", FAILING), record("bob", {"silence": "wrong"}), record("eve", {"louder": "grader fault"})]
    reports.write(tmp_path, records, MILESTONE)
    source = (tmp_path / "class.html").read_text()
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", source)).split())
    assert "Task Test Points Pass rate passed wrong out of time not implemented grader fault" in text
    assert "1.1 test_gain.py::test_louder 2 100 % 2 1 1.1" in text
    assert "1.10 test_gain.py::test_silence 2 33 % 1 1 1" in text
    assert re.search(r"Hardest tasks 1\.10 gain\.mute : on average 33 % .* in 1 of 3 submissions", text)
    assert source.count("data:image/svg+xml") == 3


def test_page_names():
    """An ordinary name is kept; others are told apart by a hash."""
    assert escaping.page_name("ada lovelace-2@x.org") == "ada lovelace-2@x.org.html"
    assert escaping.page_name("李雷") == "李雷.html"
    others = [escaping.page_name(name) for name in ("a/b", "a\\b", "a:b", "a\nb")]
    assert len(set(others)) == 4
    assert all(re.fullmatch(r"a_b-[0-9a-f]{8}\.html", name) for name in others)
