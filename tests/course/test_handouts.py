"""The examples in the handouts: what each prints is what it is said to print, for the reference."""

import doctest
import importlib
import re

import pytest
import torch

from milestones.course import PACKAGE, load_course

COURSE = load_course()
EXAMPLE = re.compile(r"^ *```python\n( *>>> .*?)^ *```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## Task (\d+\.\d+): ", re.MULTILINE)


def names_of(milestone):
    """What a reader has imported: torch, and the functions and classes of the milestone's modules."""
    modules = [importlib.import_module(f"{PACKAGE}.{module}") for module in milestone.modules]
    return {"torch": torch} | {name: value for module in modules for name, value in vars(module).items()}


@pytest.mark.parametrize("milestone", COURSE.milestones, ids=lambda milestone: f"milestone{milestone.number}")
def test_examples_print_what_they_say(milestone):
    text = (milestone.folder / "README.md").read_text(encoding="utf-8")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    examples = EXAMPLE.findall(text)
    for number, example in enumerate(examples):
        runner.run(doctest.DocTestParser().get_doctest(example, names_of(milestone), f"example {number}", None, 0))
    assert len(examples) > 5 and runner.summarize().failed == 0


@pytest.mark.parametrize("milestone", COURSE.milestones, ids=lambda milestone: f"milestone{milestone.number}")
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
