"""The command `grade`: grade all submissions of a milestone in parallel, and resume if started again."""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from milestones.course import CourseError, Milestone, load_milestone
from milestones.instructor.configuration import Grade
from milestones.instructor.grading import submissions
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.records import Job, JobResult, Record, append, latest, read
from milestones.instructor.reports import reports, scores
from milestones.instructor.reports.escaping import printable, same
from milestones.instructor.sandbox import confinement, server_pool

LOG_NAME = "results.jsonl"


def run(configuration: Grade) -> int:
    """Grade submissions not yet graded, and write grades and pages; return 1 if the grader failed on a submission."""
    if not (configuration.dask or configuration.allow_weak_isolation or confinement.can_be_strong()):
        raise CourseError("isolation: expected Landlock and seccomp, got a host without; see --allow-weak-isolation")
    milestone = load_milestone(configuration.milestone)
    paths = _find(configuration.submissions)
    configuration.out.mkdir(parents=True, exist_ok=True)
    log = configuration.out / LOG_NAME
    before = latest(read(log))
    todo = _prepare(paths, Exam.of(milestone), configuration.allow_weak_isolation, before, log)
    with _servers(configuration) as submit:
        grade_class(todo, submit, log)
    after = latest(read(log))
    names = {submissions.name(path) for path in paths}
    records = [record for (name, number), record in after.items() if number == milestone.number and name in names]
    _print(configuration, milestone, before, after, records)
    return int(any(record.has_fault for record in records))


def grade_class(todo: Sequence[tuple[Record, Job | None]], submit: server_pool.Submit, log: Path) -> None:
    """Grade submissions, and append the record of each to the log as soon as it is done.

    Args:
        todo: for each submission, its record without results and its job, or None if there is nothing to grade.
        submit: function that sends a job to be graded.
        log: file for the records.
    """
    futures = {}
    with tqdm(total=len(todo), desc="grading", unit="submission", disable=not todo) as bar:
        for record, job in todo:
            if job is None:
                append(log, record)
                bar.update()
            else:
                futures[submit(job)] = record, job
        for future in as_completed(futures):
            record, job = futures[future]
            # A cluster's worker may be lost with its machine, which must not cost the others their grades.
            error = future.exception()
            result = JobResult.fault(job, f"{type(error).__name__}: {error}") if error else future.result()
            append(log, replace(record, tests=result.tests, isolation=result.isolation))
            bar.update()


def _find(folder: Path) -> list[Path]:
    """Find the submissions in a folder, and print a line about every other file.

    Raises:
        CourseError: there is none, or two have the same name, even if their accents are encoded differently.
    """
    paths = submissions.find(folder)
    for path in submissions.left_out(folder):
        print(f"not graded, as neither folder nor zip or tar archive: {printable(path.name)}", file=sys.stderr)
    if not paths:
        raise CourseError(f"{folder}: expected submissions, folders or archives, got none")
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(same(submissions.name(path)), path)
        if other is not path:
            raise CourseError(f"{path}: expected one submission of each name, got {other.name} beside it")
    return paths


def _prepare(
    paths: Sequence[Path], exam: Exam, allow_weak_isolation: bool, before: dict[tuple[str, int], Record], log: Path
) -> list[tuple[Record, Job | None]]:
    """Prepare the submissions left to grade; if only the time of handing in has changed, append a record with it."""
    todo = []
    for path in paths:
        record, job = exam.prepare(path, allow_weak_isolation)
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
        return server_pool.local_servers(configuration.jobs or len(os.sched_getaffinity(0)))
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
    all_scores = reports.write(configuration.out, records, milestone)
    print(reports.table(all_scores, milestone))
    known = {key: record for key, record in before.items() if key[1] == milestone.number}
    for line in scores.changes(known, {key: after[key] for key in known}, milestone):
        print(line)
    names = (reports.GRADES_NAME, reports.CLASS_NAME, reports.FEEDBACK_FOLDER)
    print(", ".join(str(configuration.out / name) for name in names))
