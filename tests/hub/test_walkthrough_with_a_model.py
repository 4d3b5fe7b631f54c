"""Milestone 3 on the hub: a model and a report are handed in together; one is graded by a command, one by hand.

The stations follow those of milestone 1, whose submissions lie beside these.
"""

import csv
import json
import re
import shutil

import pytest

from milestones.course import ROOT, load_course, load_milestone
from milestones.instructor.gradebook.course_folder import write_assignment
from milestones.instructor.release import template
from speech_enhancement.audio import SAMPLE_RATE, load, save
from tests.course.gradebook.nbgrader_course import graded_cells, submission
from tests.course.models.making import write_run
from tests.hub import pages

pytestmark = [pytest.mark.slow, pytest.mark.processes]

MILESTONE = load_milestone(3)
NAME = "milestone3"
HOME = f"speech/{NAME}"
PUBLIC = MILESTONE.folder / "recordings"
SECTIONS = [answer.id for answer in MILESTONE.answers]
QUESTION = "Does a recurrent network remove more babble than the U-Net?"
EXECUTED = "executed-of-a-report"
"""Name of a file that the cells and the unpacked package of the submission write."""


def test_instructor_releases_milestone_3(person, hub, form_grader, monkeypatch):
    # The course is checked by tests of its release, which take seconds.
    monkeypatch.setattr(template, "_check", lambda *_: None)
    write_assignment(hub.course, MILESTONE)
    pages.click_in_turn(person("grace"), form_grader, NAME, ("assign", "release"), lambda _: None)


def test_student_packs_a_model_and_submits_it_with_the_report(person, hub):
    page, home = person("ada"), hub.home("ada") / HOME
    pages.start_server(page, hub.address, "ada")
    pages.open_assignments(page)
    pages.fetch(page, NAME)
    for module in load_course().modules:
        shutil.copyfile(ROOT / f"speech_enhancement/{module}.py", home / f"speech_enhancement/{module}.py")
    write_run(home / "runs" / "mine")
    trap = f"open({str(hub.folder / EXECUTED)!r}, 'w').close()\n"
    write_report(home / f"{NAME}.ipynb", trap)

    pages.open_lab(page, f"{hub.address}/user/ada")
    said = pages.run_in_terminal(page, f"cd {HOME} && python -m milestones submit 3 --model runs/mine")
    files = f"model.safetensors, configuration.json, log.jsonl, {NAME}.ipynb"
    assert re.search(rf"packed: {files} and \d+ modules\r\n", said), said
    assert "warning: 4 of 5 answers are missing: 2, 3, 4, 5" in said
    # The archive has the package as it was before.
    with (home / "speech_enhancement" / "__init__.py").open("a", encoding="utf-8") as module:
        module.write(trap)
    pages.open_lab(page, f"{hub.address}/user/ada")
    pages.open_assignments(page)
    pages.submit(page, NAME)


def test_instructor_grades_the_model(person, hub, form_grader, photograph):
    """Its points stand in the sheet, where those who handed in nothing for milestone 3 have none."""
    page, server = person("grace"), f"{hub.address}/services/speech"
    pages.click_in_turn(page, form_grader, NAME, ("collect",), lambda _: None)
    write_hidden_recordings(hub.folder / "hidden")
    pages.open_lab(page, server)
    out = hub.course / "grades" / NAME
    command = f"python -m milestones grade submitted --milestone 3 --recordings {hub.folder / 'hidden'}"
    said = pages.run_in_terminal(page, f"{command} --out {out.relative_to(hub.course)}")
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    ada = rows.pop("ada")
    assert float(ada["task rank"]) == MILESTONE.model.rank_points[0]
    assert float(ada["task thresholds"]) > 0
    assert all(float(row["total"]) == 0 for row in rows.values())
    for name in rows:
        assert f"not graded: {name}: expected one archive (.zip) that holds model.safetensors, got none" in said
    page.goto(f"{server}/files/grades/{NAME}/feedback/ada.html")
    assert "Rank 1" in page.inner_text("body")
    photograph(page, "16-model")
    assert not (hub.folder / EXECUTED).exists()


def test_instructor_grades_the_report_by_hand(person, hub, form_grader):
    """Autograding runs nothing: a section with a text has no points yet, and one without has zero."""
    page = person("grace")
    pages.autograde(page, form_grader, NAME, "ada")
    assert not (hub.folder / EXECUTED).exists()
    page.goto(f"{form_grader}/gradebook/{NAME}/{NAME}")
    link = page.locator('a:has-text("Submission #")')
    page.goto(hub.address + link.get_attribute("href"))
    page.get_by_text(QUESTION).wait_for()
    pages.save_changed(page, f"#{SECTIONS[0]}", "6.5")
    with submission(hub.course, "ada", NAME) as graded:
        assert {each.name: each.auto_score for each in graded.grades} == {
            SECTIONS[0]: None,
            **dict.fromkeys(SECTIONS[1:], 0),
        }
        assert graded.score == 6.5


def write_report(path, code):
    """Answer the first question of the fetched notebook, and put code into all its cells of code."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    graded_cells(notebook)[SECTIONS[0]]["source"] = QUESTION
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = code
    path.write_text(json.dumps(notebook), encoding="utf-8")


def write_hidden_recordings(folder):
    """Write two seconds of two public voices, and of the noise behind two others, for the grader to mix."""
    for kind, names in {"speech": ("03", "04"), "noise": ("01", "02")}.items():
        (folder / kind).mkdir(parents=True)
        for name in names:
            noisy, clean = (load(PUBLIC / side / f"{name}.flac") for side in ("noisy", "clean"))
            waveform = clean if kind == "speech" else noisy - clean
            save(folder / kind / f"{name}.wav", waveform[:, SAMPLE_RATE : 3 * SAMPLE_RATE])
