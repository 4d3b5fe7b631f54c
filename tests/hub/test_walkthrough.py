"""A milestone on a JupyterHub from its release to the feedback, by people who use nothing but a browser.

Each test is a station of the walk and begins where the last one ended.
"""

import csv
import re
import shutil
import time
from urllib.parse import quote

import pytest

from milestones.course import ROOT, load_course, load_milestone
from milestones.instructor.selftest import attacks
from milestones.instructor.selftest.attacks import CANARY, LEFT_BEHIND, TOLD

pages = pytest.importorskip("tests.hub.pages", reason="playwright is missing", exc_type=ImportError)

pytestmark = [pytest.mark.slow, pytest.mark.processes]

ATTACK = "rewritten-report"
ANSWER = "The peaks are single bins in which the noise was above its mean; the floor fills the gaps between them."
COMMENT = "Good. Name the floor's price as well."
SOLUTION = """    signal = target.square().sum(dim=-1)
    noise = (estimate - target).square().sum(dim=-1)
    return 10 * torch.log10((signal + 1e-12) / (noise + 1e-20))
"""


def test_instructor_releases_the_milestone(person, address, photograph):
    page = person("grace")
    pages.choose(page, "Course List")
    page.wait_for_selector('a:text-is("speech")')
    photograph(page, "01-courses")
    page.goto(f"{address}/services/speech/formgrader/manage_assignments")
    for link in ("assign", "release"):
        title, text = pages.click_and_read(page, pages.assignment(page, link))
        assert title == "Success", text
        photograph(page, f"02-{link}")
        pages.close_answer(page)


def test_student_writes_a_function_and_submits(person, address, photograph):
    page = person("ada")
    pages.open_assignments(page)
    photograph(page, "03-released")
    pages.fetch(page)
    home = "speech/milestone1"
    pages.open_file(page, address, "ada", f"{home}/speech_enhancement/metrics.py")
    editor = page.locator(".jp-FileEditor .cm-content")
    editor.wait_for()
    photograph(page, "04-stub")
    path = f"{home}/speech_enhancement/metrics.py"
    text = read_of(page, address, path)
    stub = text[text.index("def snr") : text.index("def si_sdr")]
    filled = re.sub(r"    raise NotImplementedError.*\n", SOLUTION, stub, count=1)
    assert filled != stub
    pages.replace_text(page, editor, text.replace(stub, filled))
    wait_until(lambda: SOLUTION in read_of(page, address, path))

    pages.open_file(page, address, "ada", f"{home}/milestone1.ipynb")
    pages.run_first_cell(page, "!python -m pytest -q tests/milestone1/test_metrics.py -k snr")
    page.locator(".jp-OutputArea-output", has_text="passed").first.wait_for()
    photograph(page, "05-visible-tests")
    answer = page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE").first
    answer.scroll_into_view_if_needed()
    answer.dblclick()
    pages.replace_text(page, answer.locator(".cm-content"), ANSWER)
    wait_until(lambda: ANSWER in read_of(page, address, f"{home}/milestone1.ipynb"))
    photograph(page, "06-answer")

    page.goto(f"{address}/user/ada/lab?reset")
    pages.wait_for_lab(page)
    pages.open_assignments(page)
    pages.submit(page)
    photograph(page, "07-submitted")


@pytest.mark.parametrize("name", ["linus", "mallory"])
def test_others_submit_the_reference_and_an_attack(person, hub_folder, name):
    page = person(name)
    pages.open_assignments(page)
    pages.fetch(page)
    package = hub_folder / "homes" / name / "speech" / "milestone1" / "speech_enhancement"
    for module in load_milestone(1).modules:
        shutil.copyfile(ROOT / "speech_enhancement" / f"{module}.py", package / f"{module}.py")
    if name == "mallory":
        with (package / f"{attack().module}.py").open("a", encoding="utf-8") as module:
            module.write(attack().code)
    pages.submit(page)


def test_instructor_collects_and_autogrades(person, address, photograph):
    page = person("grace")
    page.goto(f"{address}/services/speech/formgrader/manage_assignments")
    title, text = pages.click_and_read(page, pages.assignment(page, "collect"))
    assert title == "Success", text
    for name in ("ada", "linus", "mallory"):
        said = pages.autograde(page, f"{address}/services/speech/formgrader", name)
        assert said.startswith("Success"), said
        photograph(page, f"08-autograded-{name}")
    page.goto(f"{address}/services/speech/formgrader/manage_submissions/milestone1")
    page.wait_for_selector("td.student-id")
    photograph(page, "09-submissions")


def test_instructor_grades_a_question_by_hand(person, address, photograph):
    page = person("grace")
    page.goto(f"{address}/services/speech/formgrader/gradebook/milestone1/milestone1")
    links = page.locator('a:has-text("Submission #")')
    links.first.wait_for()
    # The form grader shows no names here.
    for link in [each.get_attribute("href") for each in links.all()]:
        page.goto(address + link)
        if page.get_by_text(ANSWER[:30]).count():
            break
    page.fill("#answer-1-1", "2.5")
    page.keyboard.press("Tab")
    page.fill("#answer-1-1-comment", COMMENT)
    page.keyboard.press("Tab")
    page.wait_for_load_state("networkidle")
    page.locator("#answer-1-1").scroll_into_view_if_needed()
    photograph(page, "10-by-hand")


def test_instructor_gives_feedback_and_exports(person, address, hub_folder, photograph):
    page = person("grace")
    page.goto(f"{address}/services/speech/formgrader/manage_assignments")
    for link in ("generate-feedback", "release-feedback"):
        title, text = pages.click_and_read(page, pages.assignment(page, link))
        assert title == "Success", text
        photograph(page, f"11-{link}")
        pages.close_answer(page)
    page.goto(f"{address}/services/speech/files/feedback/ada/milestone1/milestone1.html")
    assert COMMENT in page.inner_text("body")
    photograph(page, "12-feedback-page")
    page.goto(f"{address}/services/speech/lab?reset")
    pages.wait_for_lab(page)
    page.locator('.jp-LauncherCard[title*="terminal" i]').click()
    page.locator(".jp-Terminal .xterm-screen").click()
    page.keyboard.type("python -m nbgrader export\n")
    grades = hub_folder / "speech" / "grades.csv"
    wait_until(grades.exists)
    photograph(page, "13-export")


def test_scores_are_those_that_were_earned(hub_folder):
    with (hub_folder / "speech" / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == "milestone1"}
    points = {name: float(row["score"]) for name, row in rows.items()}
    tasks = {task.id: task.points for task in load_milestone(1).tasks}
    spoiled = attack().loses | load_course().dependents(*attack().loses)
    assert points["linus"] == pytest.approx(sum(tasks.values()))
    assert points["ada"] == pytest.approx(tasks["1.11"] + 2.5)
    kept = sum(points for task, points in tasks.items() if task not in spoiled)
    assert kept <= points["mallory"] < sum(tasks.values())


def test_attack_left_and_learnt_nothing(hub_folder):
    told = list(hub_folder.glob("speech/feedback/mallory/**/*.html"))
    assert told
    text = "".join(path.read_text(encoding="utf-8") for path in told)
    assert CANARY not in text
    assert TOLD not in text
    assert not list(hub_folder.rglob(LEFT_BEHIND))


def test_student_reads_the_feedback(person, address, hub_folder, photograph):
    page = person("ada")
    page.goto(f"{address}/user/ada/lab?reset")
    pages.wait_for_lab(page)
    pages.open_assignments(page)
    page.click('#submitted_assignments_list button:text-is("Fetch Feedback")')
    page.wait_for_selector('text="(view feedback)"')
    photograph(page, "14-feedback-fetched")
    home = hub_folder / "homes" / "ada"
    fetched = next(home.glob("speech/milestone1/feedback/*/milestone1.html"))
    page.goto(f"{address}/user/ada/files/{quote(str(fetched.relative_to(home)))}")
    assert COMMENT in page.inner_text("body")
    photograph(page, "15-feedback")


def attack() -> attacks.Attack:
    """The attack that the third student hands in."""
    return next(each for each in attacks.read() if each.name == ATTACK)


def read_of(page, address: str, path: str) -> str:
    """Read a file of ada's home folder through her server."""
    answer = page.request.get(f"{address}/user/ada/files/{path}")
    assert answer.ok, answer.status
    return answer.text()


def wait_until(holds) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + pages.SLOW / 1000
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
