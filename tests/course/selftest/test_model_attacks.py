"""The attacks on the grading of models: well-formed, and found out if they get through. None is run."""

import ast
from dataclasses import replace

import pytest

from milestones.course import ROOT, CourseError
from milestones.instructor.models.records import RecordingState
from milestones.instructor.selftest import archive_attacks, model_attacks
from milestones.instructor.selftest.attacks import CANARY, TOLD
from milestones.instructor.selftest.model_attacks import ModelAttack
from tests.course.models.entries import entry, failed, score

ATTACKS = model_attacks.read()
PACKAGE = {"enhancement.py": (ROOT / "speech_enhancement/enhancement.py").read_text(encoding="utf-8")}
NOISY = entry("noisy", [score("one"), score("two", pesq=1.5)])


def test_there_are_enough():
    names = [each.name for each in (*ATTACKS, *archive_attacks.archives(b""))]
    assert len(names) == len(set(names)) >= 40
    assert {attack.family for attack in ATTACKS} == {"breaking", "disguises", "knowing"}
    assert {end for attack in ATTACKS for end in attack.ends} == set(model_attacks.ENDS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_well_formed(attack, tmp_path):
    """Its code defines what takes the place of enhancing, on top of the package's module."""
    files = attack.files(PACKAGE, tmp_path, "CLEAN = {}\n")
    tree = ast.parse(files["enhancement.py"])
    assert len([node for node in tree.body if getattr(node, "name", "") == "attack"]) == 1
    assert files["enhancement.py"].startswith(PACKAGE["enhancement.py"]) and CANARY not in str(files)


def ends(*names):
    return ModelAttack("family", "name", "title", names, "")


GAIN = score("one", pesq=2.03)
AS_NOISY = score("one", pesq=2.01, si_sdr=9.95)
LESS = score("one", stoi=0.8)
CRASH = failed("one", RecordingState.CRASH)


@pytest.mark.parametrize(
    ("expected", "first", "complaint"),
    [
        (("as noisy",), AS_NOISY, ""),
        (("as noisy",), GAIN, "expected as noisy, got a gain"),
        (("as noisy",), LESS, "expected as noisy, got no gain"),
        (("as noisy",), replace(LESS, pesq=None), "expected as noisy, got no gain"),
        (("as noisy",), CRASH, "expected as noisy, got crash"),
        (("no gain",), LESS, ""),
        (("no gain",), AS_NOISY, ""),
        (("no gain",), GAIN, "expected no gain, got a gain"),
        (("crash",), CRASH, "expected crash, got as noisy"),
        (("crash", "as noisy"), CRASH, ""),
        (("wrong output", "as noisy"), CRASH, "expected wrong output or as noisy, got crash"),
    ],
)
def test_complaints_about_ends(expected, first, complaint):
    record = entry("name", [first, score("two", pesq=1.5)])
    assert ends(*expected).complaint(record, NOISY) == complaint


def test_complaints_about_marks_and_secrets():
    """A mark of another entry is not that of the shipped model, and what public recordings tell is no secret."""
    record = replace(NOISY, marks=("outputs equal those of ada",))
    assert ends("marked").complaint(record, NOISY) == "expected a mark, got outputs equal those of ada"
    right = replace(NOISY, marks=(*record.marks, "outputs equal those of the shipped model"))
    assert ends("marked").complaint(right, NOISY) == ""
    told = replace(CRASH, message=TOLD)
    assert ends("crash").complaint(entry("name", [told, told]), NOISY) == "it told what is hidden"
    assert ends("as noisy").complaint(replace(NOISY, public=(told,)), NOISY) == ""
    leaked = replace(NOISY, notes=(CANARY,))
    assert ends("as noisy").complaint(leaked, NOISY) == "it leaked the canary"


def test_complaints_about_archives():
    attack = archive_attacks.ArchiveAttack("name", "title", b"", "got 2")
    assert attack.complaint("expected one model.safetensors, got 2") == ""
    assert attack.complaint(None).endswith("got None") and attack.complaint("other").endswith("got 'other'")
    read = replace(attack, reason=None)
    assert read.complaint(None) == "" and read.complaint("a fault") == "expected an archive that is read, got a fault"


@pytest.mark.parametrize("line", ["# ends: well", "# end: crash", "attack = None"])
def test_malformed_headers_are_named(tmp_path, line):
    path = tmp_path / "family.py"
    path.write_text(f"import os\n# attack one: it tries\n{line}\n")
    with pytest.raises(CourseError, match="family.py:2: expected '# attack NAME: what it tries' and '# ends: '"):
        model_attacks.read(tmp_path)
