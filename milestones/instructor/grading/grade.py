"""The command `grade`: grade all submissions of a milestone in parallel, and resume if started again."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from milestones.course import CourseError, Milestone, load_milestone
from milestones.instructor.configuration import Grade
from milestones.instructor.grading import submissions
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.grading.passes import grade_class
from milestones.instructor.grading.reader import SubmissionReader
from milestones.instructor.grading.reading import Reading
from milestones.instructor.grading.submissions import Submission
from milestones.instructor.records import LOG_NAME, Job, Record, append, latest, read
from milestones.instructor.reports import reports, scores
from milestones.instructor.reports.escaping import printable
from milestones.instructor.sandbox import confinement, server_pool
from speech_enhancement.files.processes import count_cores


def run(configuration: Grade) -> int:
    """Grade submissions not yet graded, and write grades and pages; return 1 if the grader failed on a submission."""
    if not (configuration.dask or configuration.allow_weak_isolation or confinement.can_be_strong()):
        raise CourseError("isolation: expected Landlock and seccomp, got a host without; see --allow-weak-isolation")
    milestone = load_milestone(configuration.milestone)
    found = find_submissions(configuration.submissions)
    configuration.out.mkdir(parents=True, exist_ok=True)
    log = configuration.out / LOG_NAME
    before = latest(read(log))
    todo = prepare(found, Exam.of(milestone), configuration.allow_weak_isolation, before, log)
    with _servers(configuration) as submit:
        grade_class(todo, submit, log)
    after = latest(read(log))
    names = {submission.name for submission in found}
    records = [record for (name, number), record in after.items() if number == milestone.number and name in names]
    _print(configuration, milestone, before, after, records)
    return int(any(record.has_fault for record in records))


def find_submissions(folder: Path) -> list[Submission]:
    """Find the submissions in a folder, and print a line about every other file and every pair of equal names.

    Raises:
        CourseError: there is none.
    """
    found, others = submissions.find(folder)
    for path in others:
        kinds = "a folder, an archive or a module of the course"
        print(f"not graded: expected {kinds}, got {printable(path.name)}", file=sys.stderr)
    for submission in found:
        if submission.refused is not None:
            print(f"not graded: {printable(submission.name)}: {submission.refused}", file=sys.stderr)
    if not found:
        raise CourseError(f"{folder}: expected submissions, folders or archives, got none")
    return found


def prepare(
    found: Sequence[Submission],
    exam: Exam,
    allow_weak_isolation: bool,
    before: dict[tuple[str, int], Record],
    log: Path,
) -> list[tuple[Record, Job | None]]:
    """Read the submissions and prepare those left to grade; if only the time of handing in has changed, record it.

    Args:
        found: the submissions.
        exam: the milestone and its tests.
        allow_weak_isolation: True to grade them even if Landlock or seccomp is missing.
        before: the last record of each submission and milestone.
        log: file of the records.

    Returns:
        Each submission's record without results, and its job, or None if it is refused.
    """
    todo = []
    with SubmissionReader() as reader:
        for submission in found:
            if submission.refused is None:
                reading = reader.read(submission.path)
            else:
                reading = Reading.refusal(submission.path, submission.refused)
            record, job = exam.prepare(submission.name, reading, allow_weak_isolation)
            graded = before.get((record.submission, record.milestone))
            if not _is_done(graded, record):
                todo.append((record, job))
            elif graded.submitted != record.submitted:
                append(log, replace(graded, submitted=record.submitted))
    return todo


def _is_done(before: Record | None, now: Record) -> bool:
    """Return True if there is a record of the same submission, tests and environment, without a fault."""
    if before is None or before.has_fault:
        return False
    hashes = ("submission_hash", "tests_hash", "environment_hash", "refused")
    return all(getattr(before, name) == getattr(now, name) for name in hashes)


def _servers(configuration: Grade) -> AbstractContextManager[server_pool.Submit]:
    if configuration.dask is None:
        return server_pool.local_servers(configuration.jobs or count_cores())
    try:
        from milestones.instructor.grading.cluster import cluster_servers
    except ImportError:
        raise CourseError("--dask: expected the package distributed, which is not installed") from None
    return cluster_servers(configuration.dask)


def _print(
    configuration: Grade,
    milestone: Milestone,
    before: dict[tuple[str, int], Record],
    after: dict[tuple[str, int], Record],
    records: list[Record],
) -> None:
    all_scores, strays = reports.write(configuration.out, records, milestone)
    print(reports.table(all_scores, milestone))
    for stray in strays:
        print(f"{stray.place}: expected the name of a submission, got {printable(stray.submission)}", file=sys.stderr)
    known = {key: record for key, record in before.items() if key[1] == milestone.number}
    for line in scores.changes(known, {key: after[key] for key in known}, milestone):
        print(line)
    names = (reports.GRADES_NAME, reports.CLASS_NAME, reports.FEEDBACK_FOLDER)
    print(", ".join(str(configuration.out / name) for name in names))
