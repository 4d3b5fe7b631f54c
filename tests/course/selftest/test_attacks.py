"""The attacks: they are many, well-formed, and aim at tasks and parts of the grader that exist. None is run."""

import ast
import importlib
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from milestones.course import ROOT, CourseError, load_course
from milestones.graded_tests import TestState
from milestones.instructor.records import TestResult
from milestones.instructor.sandbox.protocol import Decoder, Encoder, RemoteReference
from milestones.instructor.sandbox.worker import Worker, _failure
from milestones.instructor.selftest import attacks, cases

ATTACKS = attacks.read()
AIMS = sorted({(attack.name, aim) for attack in ATTACKS for aim in attack.aims})
SPEAKS_OF_THE_GRADER = re.compile(
    r'milestones|"Worker"|f_locals\.get\("|jsonl|package/|grading_|tests/|"tests"|"state":'
)


def test_there_are_enough():
    families = Counter(attack.family for attack in ATTACKS)
    assert set(families) == {"forging", "frames", "spying", "escaping", "exhausting", "breaking", "inventing"}
    assert len(ATTACKS) >= 45 and min(families.values()) >= 10


def test_names_are_unique():
    assert not [name for name, count in Counter(attack.name for attack in ATTACKS).items() if count > 1]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_well_formed(attack):
    """Each compiles on the reference's module, names tasks of its milestone, and does not hold the canary itself."""
    milestone = attack.milestone(load_course())
    tasks = {task.id for task in milestone.tasks}
    assert attack.loses | attack.risks <= tasks and not attack.loses & attack.risks
    assert attack.module in milestone.modules
    assert attacks.CANARY not in attack.code
    source = (ROOT / "speech_enhancement" / f"{attack.module}.py").read_text(encoding="utf-8")
    compile(f"{source}\n\n{attack.code}", attack.name, "exec")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_replaces_a_function_of_its_task(attack):
    """A function of a task that must lose its points is defined anew, unless the import is the attack."""
    defined = {name for node in ast.parse(attack.code).body for name in _names(node)}
    functions = {
        task.name.partition(".")[2]: task
        for task in attack.milestone(load_course()).tasks
        if task.module == attack.module
    }
    replaced = {functions[name].id for name in defined & set(functions)}
    of_module = {task.id for task in functions.values()}
    spoiled = attack.loses | attack.risks
    assert (
        replaced & spoiled or of_module <= spoiled or "_answer_with(" in attack.code.removeprefix(shared(attack.family))
    )


def test_an_attack_that_must_earn_nothing_passes_no_test_of_its_tasks():
    """Answers of the right shapes, without anything that computes them, are worth no point at all."""
    futile = {attack.name: attack for attack in ATTACKS if attack.is_futile}
    assert set(futile) == {"noise-for-networks", "noise-for-trainings", "noise-for-pairs"}
    attack = futile["noise-for-pairs"]
    complaint = cases._earns_no_more(attack, set())
    failed, passed = result("2.1", TestState.FAILED), result("2.1", TestState.PASSED)
    other = result("2.2", TestState.PASSED)
    assert complaint([failed, other]) == "" and complaint([failed, passed]) == f"it passed {passed.id}"
    assert cases._earns_no_more(replace(attack, is_futile=False), set())([failed, passed]) == ""


def result(task, state):
    """A test's result of which only task and state count."""
    return TestResult(task, task, 1.0, False, "", None, None, state, "", 0.0, False)


def test_what_must_pass():
    """A task that depends on a lost one need not pass, even if it comes before that one."""
    attack = attacks.Attack("f", "n", "m", "t", frozenset({"1.10"}), frozenset({"1.3"}), "")
    course = load_course().up_to(1)
    dependent = {task.id for task in course.tasks.values() if "1.10" in task.depends}
    assert dependent and attack.must_pass(course) == set(course.tasks) - {"1.10", "1.3"} - dependent


@pytest.mark.parametrize(("attack", "aim"), AIMS)
def test_attack_aims_at_what_is_there(attack, aim):
    """A part of the grader that was renamed would blunt the attack without anyone noticing."""
    code = next(each.code for each in ATTACKS if each.name == attack)
    spoken_of = found(aim)
    assert spoken_of in re.sub(r"# aims at: .*", "", code), f"expected {spoken_of!r} in the attack, got none"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_whatever_attack_names_is_there(attack):
    """Dotted names lead to something, and an attack that names the grader has a line with its aim."""
    for name in set(re.findall(r"milestones(?:\.\w+)+", attack.code)):
        found(name)
    own = attack.code.removeprefix(shared(attack.family))
    spoken_of = [line for line in own.splitlines() if SPEAKS_OF_THE_GRADER.search(line)]
    assert not spoken_of or "# aims at: " in own, f"expected a line '# aims at: ...', got none beside {spoken_of[0]!r}"


def found(aim):
    """Find the text by which an attack names an aim, which must exist."""
    if "/" in aim:
        path, _, word = aim.partition(":")
        files = list(ROOT.glob(path))
        assert files, f"expected a file {path}, got none"
        if not word:
            return path.rpartition("/")[2]
        assert any(word in file.read_text(encoding="utf-8") for file in files), f"expected {word} in {path}, got none"
        return word
    parts = aim.split(".")
    place = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], start=1):
        place = inner(place, ".".join(parts[:number]), part)
    return str(place) if isinstance(place, str) else parts[-1]


def inner(place, name, part):
    """Find a part of a module, class or function: an attribute, submodule, dataclass field or local variable."""
    if hasattr(place, part):
        return getattr(place, part)
    if part in getattr(place, "__dataclass_fields__", ()):
        return None
    if part in getattr(getattr(place, "__code__", None), "co_varnames", ()):
        return None
    try:
        return importlib.import_module(f"{name}.{part}")
    except ImportError:
        raise AssertionError(f"expected {part} in {name}, got none") from None


def shared(family):
    """Read the first lines of a family, which belong to each of its attacks."""
    return (attacks.FOLDER / f"{family}.py").read_text(encoding="utf-8").partition("# attack ")[0]


def defined_by_shared_lines(family):
    names = {"__name__": family}
    exec(compile(shared(family), family, "exec"), names)
    return names


def test_spies_look_for_the_course_where_it_is():
    assert defined_by_shared_lines("spying")["_course"]().resolve() == ROOT.resolve()
    assert Path(importlib.import_module("milestones").__file__).is_file()


def test_forged_answers_have_the_form_of_the_workers():
    """The protocol can read them; their number is that of the request, and their entries are those of a worker."""
    frames = defined_by_shared_lines("frames")

    class Submission:
        def forge(self):
            return frames["_frame"](frames["_answer"](result=True)).hex()

    worker = Worker()
    number = worker._keep(Submission())
    request = {"id": 4711, "call": "forge", "object": RemoteReference(number), "arguments": [], "keywords": {}}
    request["grad"] = True
    decoder = Decoder(worker.objects.__getitem__)
    answer = Decoder().read(_receiver(worker.frame(decoder.read(_receiver(Encoder().frame(request))), decoder)))
    forged = Decoder().read(_receiver(bytes.fromhex(answer["result"])))
    assert forged == {**answer, "result": True} and forged["id"] == 4711


def test_forged_errors_have_the_form_of_the_workers():
    frame = _failure(1, ValueError("no"))
    entries = set(Decoder().read(_receiver(frame))["error"])
    (attack,) = [attack for attack in ATTACKS if attack.name == "wrong-error"]
    assert entries == {"type", "builtin", "message"} and all(f'["{entry}", ' in attack.code for entry in entries)


def _receiver(data):
    stream = io.BytesIO(data)
    return lambda size: bytearray(stream.read(size))


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
