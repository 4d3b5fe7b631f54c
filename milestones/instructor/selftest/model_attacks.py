"""Attacks on the grading of models by the code of a model, and how each of them must end.

A file in `hostile_models` holds a family of attacks. Lines before the first header belong to each of them. An attack
begins with two lines and ends before the next header:

    # attack NAME: what it tries
    # ends: as noisy or crash

Its code is appended to the package's `enhancement.py`. It defines `attack(noisy)`, which takes the place of
`Enhancer.enhance`; `honest(noisy)` is what that would return. `GRADING_FOLDER` is the folder that holds the recordings,
and the module `known_recordings` holds what a student can know, the public ones. The second line names one end, or
several:

    as noisy            each hidden recording is scored as if nothing had been done
    no gain             each is scored no better than that
    marked              the entry is marked as equal to the shipped model, whose weights it has
    wrong output, crash, time, memory      each ends in this state
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from milestones.course import CourseError
from milestones.instructor.models.records import EntryRecord, RecordingScore, RecordingState
from milestones.instructor.models.standings import WORST
from milestones.instructor.selftest.attacks import CANARY, TOLD
from milestones.model_terms import METRICS

FOLDER = Path(__file__).with_name("hostile_models")
MODULE = "enhancement.py"
KNOWN = "known_recordings.py"
AS_NOISY, NO_GAIN, MARKED = "as noisy", "no gain", "marked"
ENDS = (AS_NOISY, NO_GAIN, MARKED, *(state.value for state in RecordingState if state != RecordingState.SCORED))

TOLERANCES = {"pesq": 0.02, "si_sdr": 0.1, "stoi": 0.005}
"""Differences that rounding makes: the judge computes in double precision from samples of single precision."""

_HEADER = re.compile(r"# attack ([^:]+): (.+)")
_ENDS = re.compile(r"# ends: (.+)")
_HOOK = """

_enhance = Enhancer.enhance


def _attacked(self, noisy, *rest):
    globals()["honest"] = lambda noisy: _enhance(self, noisy)
    return attack(noisy)


Enhancer.enhance = _attacked
"""


@dataclass(frozen=True)
class ModelAttack:
    """An attack by the code of a model.

    Attributes:
        family: name of the attack's file.
        name: short, unique name.
        title: what it tries, in a few words.
        ends: how it may end, some of `ENDS`.
        code: its text.
    """

    family: str
    name: str
    title: str
    ends: tuple[str, ...]
    code: str

    def files(self, package: dict[str, str], grading_folder: Path, known: str) -> dict[str, str]:
        """Add the attack to the files of a package.

        Args:
            package: sources by path within the package.
            grading_folder: folder that holds the recordings.
            known: source of the module that holds the public ones.
        """
        code = f"{package[MODULE]}\n\nGRADING_FOLDER = {str(grading_folder)!r}\n\n{self.code}{_HOOK}"
        return {**package, MODULE: code, KNOWN: known}

    def complaint(self, record: EntryRecord, noisy: EntryRecord) -> str:
        """Say what is wrong with how it ended; "" if nothing is.

        Args:
            record: record of its grading.
            noisy: that of doing nothing.
        """
        if CANARY in str(record):
            return "it leaked the canary"
        if TOLD in str(record.recordings):
            return "it told what is hidden"
        if not record.recordings:
            return "it has no scores"
        found = {_end(*pair) for pair in zip(record.recordings, noisy.recordings, strict=True)}
        if MARKED in self.ends:
            is_marked = "outputs equal those of the shipped model" in record.marks
            return "" if is_marked else f"expected a mark, got {', '.join(record.marks) or 'none'}"
        allowed = {*self.ends, AS_NOISY} if NO_GAIN in self.ends else set(self.ends)
        return (
            "" if found <= allowed else f"expected {' or '.join(self.ends)}, got {', '.join(sorted(found - allowed))}"
        )


def read(folder: Path = FOLDER) -> list[ModelAttack]:
    """Read all attacks by code, in the order of files and pieces.

    Raises:
        CourseError: a header is malformed; the message names file and line.
    """
    return [attack for path in sorted(folder.glob("*.py")) for attack in _pieces(path)]


def _pieces(path: Path) -> Iterator[ModelAttack]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith("# attack ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header = _HEADER.fullmatch(lines[start].rstrip())
        ends = _ENDS.fullmatch("".join(lines[start + 1 : start + 2]).rstrip())
        names = ends[1].split(" or ") if ends else []
        if header is None or not names or not set(names) <= set(ENDS):
            expected = f"'# attack NAME: what it tries' and '# ends: ' with some of {', '.join(ENDS)}"
            raise CourseError(f"{path}:{start + 1}: expected {expected}, got {lines[start].rstrip()!r}")
        code = "".join(lines[: starts[0]] + lines[start + 2 : end])
        yield ModelAttack(path.stem, header[1], header[2], tuple(names), code)


def _end(score: RecordingScore, noisy: RecordingScore) -> str:
    """Name the end of an attack on one recording."""
    if score.state != RecordingState.SCORED:
        return score.state.value
    gains = [_value(score, metric) - _value(noisy, metric) for metric in METRICS]
    limits = [TOLERANCES[metric] for metric in METRICS]
    if any(gain > limit for gain, limit in zip(gains, limits, strict=True)):
        return "a gain"
    return AS_NOISY if all(gain >= -limit for gain, limit in zip(gains, limits, strict=True)) else NO_GAIN


def _value(score: RecordingScore, metric: str) -> float:
    """Value of a metric, the least one where there is none."""
    value = getattr(score, metric)
    return WORST[metric] if value is None else value
