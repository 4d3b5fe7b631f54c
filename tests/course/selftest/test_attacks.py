"""The attacks are many, well-formed, and speak of tasks that there are. None of them is run here."""

import ast
from collections import Counter

import pytest

from milestones.course import ROOT, CourseError, load_course, load_milestone
from milestones.instructor.selftest import attacks

ATTACKS = attacks.read()


def test_there_are_enough():
    families = Counter(attack.family for attack in ATTACKS)
    assert set(families) == {"forging", "frames", "spying", "escaping", "exhausting", "breaking"}
    assert len(ATTACKS) >= 45 and min(families.values()) >= 10


def test_names_are_unique():
    assert not [name for name, count in Counter(attack.name for attack in ATTACKS).items() if count > 1]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_well_formed(attack):
    """It compiles on the reference's module, names tasks of the milestone, and leaves the canary to be found."""
    milestone = load_milestone(attacks.MILESTONE)
    tasks = {task.id for task in milestone.tasks}
    assert attack.loses | attack.risks <= tasks and not attack.loses & attack.risks
    assert attack.module in milestone.modules
    assert attacks.CANARY not in attack.code
    source = (ROOT / "speech_enhancement" / f"{attack.module}.py").read_text(encoding="utf-8")
    compile(f"{source}\n\n{attack.code}", attack.name, "exec")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_replaces_a_function_of_its_task(attack):
    """What must lose its points is defined anew, unless importing the module alone is the attack."""
    defined = {name for node in ast.parse(attack.code).body for name in _names(node)}
    functions = {
        task.name.partition(".")[2]: task
        for task in load_milestone(attacks.MILESTONE).tasks
        if task.module == attack.module
    }
    replaced = {functions[name].id for name in defined & set(functions)}
    of_module = {task.id for task in functions.values()}
    assert replaced & (attack.loses | attack.risks) or of_module <= attack.loses | attack.risks


def test_what_must_pass():
    """A task that depends on a lost one need not pass, also where it comes before that one."""
    attack = attacks.Attack("f", "n", "m", "t", frozenset({"1.10"}), frozenset({"1.3"}), "")
    course = load_course().up_to(attacks.MILESTONE)
    dependent = {task.id for task in course.tasks.values() if "1.10" in task.depends}
    assert dependent and attack.must_pass(course) == set(course.tasks) - {"1.10", "1.3"} - dependent


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n", 1),
        ("\n# attack a on stft: b\nx = 1\n", 2),
        ("# attack a: b\n# earns: all\n", 1),
        ("# attack a on stft: b\n# earns: nothing at all\n", 1),
        ("# attack a on stft: b\n", 1),
    ],
)
def test_wrong_headers_are_named(tmp_path, text, line):
    (tmp_path / "family.py").write_text(text)
    with pytest.raises(CourseError, match=rf"family\.py:{line}: expected"):
        attacks.read(tmp_path)


def _names(node):
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []
