"""The command `grade` for models: each runs on hidden and public recordings; run again, it resumes."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from milestones.course import CourseError, Milestone, load_course
from milestones.instructor import fingerprints
from milestones.instructor.configuration import Grade
from milestones.instructor.grading.grade import find_submissions
from milestones.instructor.models import feedback, marking, points, recordings, records, sheets
from milestones.instructor.models.entries import Entry, read_submissions, references
from milestones.instructor.models.passes import Exam, grade_entries
from milestones.instructor.models.records import EntryRecord, RecordingState, clip_path
from milestones.instructor.reports import reports
from milestones.instructor.reports.escaping import printable
from milestones.instructor.sandbox import confinement
from milestones.model_submission import RECORDINGS
from speech_enhancement import metrics
from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.perceptual import PESQ_MISSING, pesq_is_installed
from speech_enhancement.files.processes import count_cores

SCORES_NAME = "scores.csv"
_OF_THE_GRADER = ("model_*.py", "instructor/models/*.py")
_SAME = 0.999
"""Correlation of two recordings that are the same in other formats."""


def run(configuration: Grade) -> int:
    """Grade the models not yet graded, and write `grades.csv`, `scores.csv` and feedback."""
    if not (configuration.allow_weak_isolation or confinement.can_be_strong()):
        raise CourseError("isolation: expected Landlock and seccomp, got a host without; see --allow-weak-isolation")
    if not pesq_is_installed():
        raise CourseError(f"pesq: expected the package for scores and ranks, got none; {PESQ_MISSING}")
    milestone = load_course().milestone(configuration.milestone)
    exam = _exam(configuration, milestone)
    found = find_submissions(configuration.submissions)
    configuration.out.mkdir(parents=True, exist_ok=True)
    log = configuration.out / records.LOG_NAME
    before = records.read(log)
    with tempfile.TemporaryDirectory(prefix="weights_") as folder:
        entries = [*references(Path(folder))]
        entries += read_submissions(found, Path(folder), milestone.model.archive_mebibytes)
        grade_entries(_todo(entries, exam, before, log), exam, configuration.jobs or count_cores())
    names = {entry.record.entry for entry in entries}
    after = [record for name, record in records.read(log).items() if name in names]
    _report(_marked(after, exam, log), milestone, configuration.out)
    return 0


def _exam(configuration: Grade, milestone: Milestone) -> Exam:
    """Read the recordings.

    Raises:
        CourseError: one is missing or cannot be read, or a hidden one is public or has no PESQ or STOI.
    """
    public = recordings.read(milestone.folder / RECORDINGS)
    hidden = recordings.read(configuration.recordings, configuration.seed)
    known = [_direction(pair.clean) for pair in public]
    for pair in hidden:
        own = _direction(pair.clean)
        if any(len(own) == len(each) and own @ each > _SAME for each in known):
            raise CourseError(f"--recordings: expected hidden recordings, got one that is public, {pair.name}")
    for pair in tqdm(hidden, desc="hidden recordings", unit="recording", leave=False):
        # Without a value for the noisy recording, none can be expected of a model.
        if reasons := perceptual.scores(pair.noisy, pair.clean)[1]:
            raise CourseError(f"--recordings: expected PESQ and STOI of {pair.name}, got {'; '.join(reasons.values())}")
    return Exam(
        terms=milestone.model,
        students_modules=load_course().modules,
        hidden=hidden,
        public=public,
        recordings_hash=recordings.hash_of([*hidden, *public]),
        environment_hash=fingerprints.digest(
            fingerprints.of_environment(*_OF_THE_GRADER).encode(),
            repr(milestone.model.limits).encode(),
            # The judge computes SI-SDR by it, although students write one too.
            Path(metrics.__file__).read_bytes(),
        ),
        out=configuration.out,
        allow_weak_isolation=configuration.allow_weak_isolation,
    )


def _direction(samples: NDArray) -> NDArray:
    """Remove offset and gain of a recording `(time,)`, which is not silent."""
    centred = samples.astype(np.float64) - samples.mean()
    return centred / np.linalg.norm(centred)


def _todo(entries: Sequence[Entry], exam: Exam, before: dict[str, EntryRecord], log: Path) -> list[Entry]:
    """Find the entries left to grade; those that are refused or handed in at another time are recorded at once."""
    todo = []
    for entry in entries:
        hashes = {"recordings_hash": exam.recordings_hash, "environment_hash": exam.environment_hash}
        record, old = replace(entry.record, **hashes), before.get(entry.record.entry)
        names = ("hash", "refused", *hashes)
        is_same = old is not None and all(getattr(old, name) == getattr(record, name) for name in names)
        if is_same and _has_clips(old, exam):
            if old.submitted != record.submitted:
                records.append(log, replace(old, submitted=record.submitted))
        elif record.refused is not None:
            records.append(log, record)
        else:
            todo.append(entry)
    return todo


def _has_clips(record: EntryRecord, exam: Exam) -> bool:
    """Return True if no clip is missing of those that marks and the board need."""
    scored = [score.recording for score in record.public if score.state == RecordingState.SCORED]
    return all(clip_path(exam.out, record.hash, name).is_file() for name in scored if name in exam.clips)


def _marked(graded: Sequence[EntryRecord], exam: Exam, log: Path) -> list[EntryRecord]:
    """Mark entries whose outputs equal those of others, and record changes of marks."""
    clean = {pair.name: pair.clean for pair in exam.public if pair.name in exam.clips}
    marks = marking.marks(graded, exam.out, clean, exam.terms.max_delay_seconds)
    marked = []
    for record in graded:
        own = marks.get(record.entry, ())
        if own != record.marks:
            record = replace(record, marks=own)
            records.append(log, record)
        marked.append(record)
    return marked


def _report(graded: Sequence[EntryRecord], milestone: Milestone, out: Path) -> None:
    standing = points.final_standings(graded, milestone, out)
    submissions = [pair for pair in zip(graded, standing, strict=True) if pair[0].kind == "submission"]
    scores, strays = points.scores_of(submissions, milestone, out)
    parts = points.parts_of(milestone)
    texts = {reports.GRADES_NAME: reports.grades(scores, parts), SCORES_NAME: sheets.scores_csv(graded, standing)}
    for name, text in texts.items():
        reports.write_sheet(out / name, text)
    (out / reports.FEEDBACK_FOLDER).mkdir(exist_ok=True)
    by_name = {score.submission: score for score in scores}
    for record, own in submissions:
        values = feedback.view(record, own, by_name[record.entry], milestone)
        reports.write_feedback(out, record.entry, feedback.TEMPLATE, values)
    print(sheets.table(graded, standing, milestone.model.rank_by))
    print(reports.table(scores, parts))
    for record in graded:
        if record.refused is not None:
            print(f"not graded: {printable(record.entry)}: {printable(record.refused)}", file=sys.stderr)
    for line in strays:
        print(line, file=sys.stderr)
    print(", ".join(str(out / name) for name in (*texts, reports.FEEDBACK_FOLDER)))
