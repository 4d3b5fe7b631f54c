"""A milestone on a JupyterHub from its release to the feedback, by people who use nothing but a browser.

Each test is a station of the walk and begins where the last one ended.
"""

import csv
import json
import re
import shutil
from urllib.parse import quote

import pytest

from milestones.course import ROOT, load_course, load_milestone
from milestones.instructor.selftest import attacks
from milestones.instructor.selftest.attacks import CANARY, LEFT_BEHIND, TOLD
from tests.hub import pages

pytestmark = [pytest.mark.slow, pytest.mark.processes]

NAME = "milestone1"
HOME = f"speech/{NAME}"
NOTEBOOK = f"{NAME}.ipynb"
ATTACK = "rewritten-report"
ANSWER = "The peaks are single bins in which the noise was above its mean; the floor fills the gaps between them."
COMMENT = "Good. Name the floor's price as well."
SOLUTION = """    signal = target.square().sum(dim=-1)
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((signal + 1e-12) / (noise + 1e-20))
"""
EXECUTED = "executed"
"""Name of a file that a cell of the attack's notebook writes."""


@pytest.fixture(scope="module")
def attack():
    """The attack that the third student hands in."""
    return next(each for each in attacks.read() if each.name == ATTACK)


def test_instructor_releases_the_milestone(person, form_grader, photograph):
    page = person("grace")
    pages.choose(page, "Course List")
    page.wait_for_selector('a:text-is("speech")')
    photograph(page, "01-courses")
    pages.click_in_turn(page, form_grader, NAME, ("assign", "release"), lambda link: photograph(page, f"02-{link}"))


def test_student_writes_a_function_and_submits(person, hub, photograph):
    page, server, home = person("ada"), f"{hub.address}/user/ada", hub.home("ada") / HOME
    pages.open_assignments(page)
    photograph(page, "03-released")
    pages.fetch(page, NAME)
    module = home / "speech_enhancement" / "metrics.py"
    pages.open_lab(page, server, f"{HOME}/speech_enhancement/metrics.py")
    editor = page.locator(".jp-FileEditor .cm-content")
    editor.wait_for()
    photograph(page, "04-stub")
    text = module.read_text(encoding="utf-8")
    stub = text[text.index("def snr") : text.index("def si_sdr")]
    filled = text.replace(stub, re.sub(r"    raise NotImplementedError.*\n", SOLUTION, stub, count=1))
    assert filled != text
    pages.replace_text(page, editor, filled)
    page.keyboard.press("Control+S")
    pages.wait_until(page, lambda: module.read_text(encoding="utf-8") == filled)

    pages.open_lab(page, server, f"{HOME}/{NOTEBOOK}")
    pages.run_first_cell(page, "!python -m pytest -q tests/milestone1/test_metrics.py -k snr")
    page.locator(".jp-OutputArea-output", has_text="3 passed").first.wait_for()
    photograph(page, "05-visible-tests")
    answer = page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE").first
    answer.scroll_into_view_if_needed()
    answer.dblclick()
    pages.replace_text(page, answer.locator(".cm-content"), ANSWER)
    page.keyboard.press("Control+S")
    pages.wait_until(page, lambda: is_saved(home / NOTEBOOK, ANSWER))
    photograph(page, "06-answer")

    pages.open_lab(page, server)
    pages.open_assignments(page)
    pages.submit(page, NAME)
    photograph(page, "07-submitted")


@pytest.mark.parametrize("name", ["linus", "mallory"])
def test_others_submit_the_reference_and_an_attack(person, hub, attack, name):
    """The first has handed in the untouched milestone before; the last one counts."""
    page, home = person(name), hub.home(name) / HOME
    pages.open_assignments(page)
    pages.fetch(page, NAME)
    if name == "linus":
        pages.submit(page, NAME)
    package = home / "speech_enhancement"
    for module in load_milestone(1).modules:
        shutil.copyfile(ROOT / "speech_enhancement" / f"{module}.py", package / f"{module}.py")
    if name == "mallory":
        with (package / f"{attack.module}.py").open("a", encoding="utf-8") as module:
            module.write(attack.code)
        notebook = json.loads((home / NOTEBOOK).read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["source"] = f"open({str(hub.folder / EXECUTED)!r}, 'w').close()"
        (home / NOTEBOOK).write_text(json.dumps(notebook), encoding="utf-8")
    pages.submit(page, NAME)


def test_hub_is_stopped_while_autograding(person, hub, form_grader):
    """The grading goes on, and its points are there after a later click."""
    page = person("grace")
    page.goto(f"{form_grader}/manage_assignments")
    title, text = pages.click_and_read(page, pages.assignment(page, NAME, "collect"))
    assert title == "Success", text
    title, text = pages.click_and_read(page, pages.autograde_link(page, form_grader, NAME, "ada"))
    assert title == "Success" or "grading goes on in the background" in text
    hub.stop()
    hub.start()


def test_instructor_autogrades(person, hub, form_grader, photograph):
    page = person("grace")
    for name in ("ada", "linus", "mallory"):
        pages.autograde(page, form_grader, NAME, name)
        photograph(page, f"08-autograded-{name}")
    page.goto(f"{form_grader}/manage_submissions/{NAME}")
    page.wait_for_selector("td.student-id")
    photograph(page, "09-submissions")
    assert not (hub.folder / EXECUTED).exists()


def test_instructor_grades_a_question_by_hand(person, hub, form_grader, photograph):
    page = person("grace")
    page.goto(f"{form_grader}/gradebook/milestone1/milestone1")
    links = page.locator('a:has-text("Submission #")')
    links.first.wait_for()
    # The form grader shows no names here.
    for link in [each.get_attribute("href") for each in links.all()]:
        page.goto(hub.address + link)
        if page.get_by_text(ANSWER[:30]).count():
            break
    pages.save_changed(page, "#answer-1-1", "2.5")
    pages.save_changed(page, "#answer-1-1-comment", COMMENT)
    page.locator("#answer-1-1").scroll_into_view_if_needed()
    photograph(page, "10-by-hand")


def test_instructor_gives_feedback_and_exports(person, hub, form_grader, photograph):
    page = person("grace")
    links = ("generate-feedback", "release-feedback")
    pages.click_in_turn(page, form_grader, NAME, links, lambda link: photograph(page, f"11-{link}"))
    page.goto(f"{hub.address}/services/speech/files/feedback/ada/milestone1/milestone1.html")
    assert COMMENT in page.inner_text("body")
    photograph(page, "12-feedback-page")
    pages.open_lab(page, f"{hub.address}/services/speech")
    pages.run_in_terminal(page, "python -m nbgrader export")
    assert len(exported(hub)) == 3
    photograph(page, "13-export")


def test_scores_are_those_that_were_earned(hub, attack):
    points = {row["student_id"]: float(row["score"]) for row in exported(hub)}
    tasks = {task.id: task.points for task in load_milestone(1).tasks}
    spoiled = attack.loses | load_course().dependents(*attack.loses)
    assert points["linus"] == pytest.approx(sum(tasks.values()))
    assert points["ada"] == pytest.approx(tasks["1.11"] + 2.5)
    kept = sum(points for task, points in tasks.items() if task not in spoiled)
    assert kept <= points["mallory"] < sum(tasks.values())


def test_attack_left_and_learnt_nothing(hub):
    told = list(hub.course.glob("feedback/mallory/**/*.html"))
    assert told
    text = "".join(path.read_text(encoding="utf-8") for path in told)
    assert CANARY not in text
    assert TOLD not in text
    assert not list(hub.folder.rglob(LEFT_BEHIND))


def test_student_reads_the_feedback(person, hub, photograph):
    page = person("ada")
    pages.start_server(page, hub.address, "ada")
    pages.open_assignments(page)
    page.click('#submitted_assignments_list button:text-is("Fetch Feedback")')
    page.wait_for_selector('text="(view feedback)"')
    photograph(page, "14-feedback-fetched")
    fetched = next(hub.home("ada").glob(f"{HOME}/feedback/*/milestone1.html"))
    page.goto(f"{hub.address}/user/ada/files/{quote(str(fetched.relative_to(hub.home('ada'))))}")
    assert COMMENT in page.inner_text("body")
    photograph(page, "15-feedback")


def is_saved(notebook, text) -> bool:
    """Tell whether a notebook has been written to its end, with a text in one of its cells."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except ValueError:
        return False
    return any(text in "".join(cell["source"]) for cell in cells)


def exported(hub) -> list[dict[str, str]]:
    """The milestone's complete rows in the table that nbgrader has exported."""
    with (hub.course / "grades.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["assignment"] == NAME and row["max_score"]]
