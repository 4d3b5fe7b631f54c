"""The examples in the handouts print what they are said to print, for the reference and for other right solutions."""

import doctest
import importlib
import re

import pytest
import torch

from milestones.course import PACKAGE, ROOT, load_course
from milestones.instructor.selftest.variants import read

COURSE = load_course()
SELFTEST = ROOT / "milestones" / "instructor" / "selftest"
EXAMPLE = re.compile(r"^ *```python\n( *>>> .*?)^ *```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## Task (\d+\.\d+): ", re.MULTILINE)


def names_of(milestone):
    """What a reader has imported: torch, and the functions and classes of the milestone's modules."""
    modules = [importlib.import_module(f"{PACKAGE}.{module}") for module in milestone.modules]
    return {"torch": torch} | {name: value for module in modules for name, value in vars(module).items()}


def failed(text, names, title):
    """Run the examples of a text, each with the same names, and count those that print something else."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for example in EXAMPLE.findall(text):
        runner.run(doctest.DocTestParser().get_doctest(example, dict(names), title, None, 0))
    return runner.summarize().failed


@pytest.mark.parametrize("milestone", COURSE.tested, ids=lambda milestone: f"milestone{milestone.number}")
def test_examples_print_what_they_say(milestone):
    text = (milestone.folder / "README.md").read_text(encoding="utf-8")
    assert len(EXAMPLE.findall(text)) > 5
    assert failed(text, names_of(milestone), f"milestone {milestone.number}") == 0


@pytest.mark.slow
@pytest.mark.parametrize("milestone", COURSE.tested, ids=lambda milestone: f"milestone{milestone.number}")
def test_examples_print_the_same_for_every_right_solution(milestone):
    _, *parts = HEADING.split((milestone.folder / "README.md").read_text(encoding="utf-8"))
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    others = [variant for variant in read(SELFTEST, "right") if variant.task in sections]
    assert len(others) > 20
    for variant in others:
        names = {"__name__": f"{PACKAGE}.{variant.module}"}
        exec((ROOT / PACKAGE / f"{variant.module}.py").read_text(encoding="utf-8") + "\n\n" + variant.code, names)
        title = f"{variant.task}: {variant.title}"
        assert failed(sections[variant.task], names_of(milestone) | names, title) == 0, title


@pytest.mark.parametrize("milestone", COURSE.tested, ids=lambda milestone: f"milestone{milestone.number}")
def test_each_task_has_every_part(milestone):
    """Theory, why, source, contract, a number to check by hand, a hint, how to run its tests, and what they ask."""
    text = (milestone.folder / "README.md").read_text(encoding="utf-8")
    _, *parts = HEADING.split(text)
    for task, section in zip(parts[::2], parts[1::2], strict=True):
        places = [section.find(f"*{part}.*") for part in ("Why it matters", "Source")]
        places += [section.find(f"**{part}.**") for part in ("Contract", "By hand", "Hint")]
        places.append(section.find(f"**Run** the tests of this task: `pytest tests/milestone{milestone.number}"))
        assert f"--task {task}`" in section
        places.append(section.find("**What is graded.**"))
        assert min(places) > 0 and places == sorted(places), f"{task}: {places}"
