"""The self-test of the grading of models: all attacks at once, on short recordings and with short limits."""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from milestones.course import load_course
from milestones.instructor.grading.reading import Reading
from milestones.instructor.models import marking, recordings, records
from milestones.instructor.models.archive import read_apart
from milestones.instructor.models.entries import SHIPPED, Entry, references
from milestones.instructor.models.passes import Exam, grade_entries
from milestones.instructor.models.recordings import Pair
from milestones.instructor.models.records import NOISY
from milestones.instructor.selftest import archive_attacks, attacks, model_attacks
from milestones.instructor.selftest.model_attacks import MARKED, ModelAttack
from milestones.model_submission import RECORDINGS
from speech_enhancement.audio import SAMPLE_RATE, save

N_PUBLIC, N_HIDDEN = 1, 2
SECONDS = 2.0
"""Duration of a recording, which PESQ needs to find speech."""

WITHOUT_TRAINING = "log-MMSE"
"""Title of the reference whose weights attacks have."""

LIMITS = {"seconds_to_load": 5.0, "seconds_per_second": 0.75}
ARCHIVE_MEBIBYTES = 16


@dataclass(frozen=True)
class Outcome:
    """An attack and the complaint about how it ended, "" if it ended as it must."""

    title: str
    complaint: str


def run_all(jobs: int) -> list[Outcome]:
    """Run all attacks on the grading of models."""
    os.environ["SPEECH_COURSE_CANARY"] = attacks.CANARY
    with tempfile.TemporaryDirectory(prefix="selftest_") as folder:
        return [*by_archive(Path(folder), jobs), *by_code(model_attacks.read(), Path(folder), jobs)]


def by_code(chosen: Sequence[ModelAttack], folder: Path, jobs: int) -> list[Outcome]:
    """Run attacks by the code of a model; references are graded beside them.

    Args:
        chosen: the attacks.
        folder: folder to write recordings, weights and grades to.
        jobs: attacks at a time.
    """
    exam = _exam(folder)
    shipped = {entry.record.title: entry for entry in references(folder)}
    known = _known(exam.public)
    entries = [_entry(attack, shipped, exam.out, known) for attack in chosen]
    grade_entries([shipped[NOISY], shipped[SHIPPED], *entries], exam, jobs)
    graded = records.read(exam.out / records.LOG_NAME)
    clean = {pair.name: pair.clean for pair in exam.public}
    marks = marking.marks(list(graded.values()), exam.out, clean, exam.terms.max_delay_seconds)
    noisy = graded[shipped[NOISY].record.entry]
    outcomes = []
    for attack in chosen:
        record = replace(graded[attack.name], marks=marks[attack.name])
        outcomes.append(Outcome(f"{attack.family}, {attack.name}", attack.complaint(record, noisy)))
    return outcomes


def by_archive(folder: Path, jobs: int) -> list[Outcome]:
    """Have all hostile archives read."""
    weights = next(entry.weights for entry in references(folder) if entry.weights is not None).read_bytes()

    def outcome(attack: archive_attacks.ArchiveAttack) -> Outcome:
        path = folder / f"{attack.name}.zip"
        path.write_bytes(attack.content)
        refused = read_apart(path, folder / f"{attack.name}.safetensors", ARCHIVE_MEBIBYTES).reading.refused
        return Outcome(f"archives, {attack.name}", attack.complaint(refused))

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(outcome, archive_attacks.archives(weights)))


def _exam(folder: Path) -> Exam:
    """Cut recordings out of the public ones, and write those that are hidden here to where a grader may have them."""
    milestone = next(each for each in load_course().milestones if each.model)
    pairs = [_cut(pair) for pair in recordings.read(milestone.folder / RECORDINGS)[: N_PUBLIC + N_HIDDEN]]
    for pair in pairs[N_PUBLIC:]:
        for kind, samples in (("noisy", pair.noisy), ("clean", pair.clean)):
            (folder / kind).mkdir(exist_ok=True)
            save(folder / kind / f"{pair.name}.wav", torch.from_numpy(samples)[None])
    return Exam(
        terms=replace(milestone.model, **LIMITS),
        students_modules=load_course().modules,
        hidden=pairs[N_PUBLIC:],
        public=pairs[:N_PUBLIC],
        recordings_hash=recordings.hash_of(pairs),
        environment_hash="",
        out=folder,
    )


def _cut(pair: Pair) -> Pair:
    length = round(SECONDS * SAMPLE_RATE)
    return Pair(pair.name, pair.noisy[:length].copy(), pair.clean[:length].copy())


def _known(public: Sequence[Pair]) -> str:
    """Write the module by which an attack knows the public recordings."""
    clean = {hashlib.sha256(pair.noisy.tobytes()).hexdigest(): pair.clean.tolist() for pair in public}
    return f"CLEAN = {clean!r}\n"


def _entry(attack: ModelAttack, shipped: Mapping[str, Entry], folder: Path, known: str) -> Entry:
    """Make the entry of an attack: a system without training, or the shipped model."""
    model = shipped[SHIPPED] if MARKED in attack.ends else shipped[WITHOUT_TRAINING]
    files = attack.files(model.files, folder, known)
    submission_hash = Reading(files, 0.0, None).submission_hash
    record = replace(model.record, entry=attack.name, kind="submission", title=attack.name, hash=submission_hash)
    return Entry(record, files, model.weights)
