"""The command `grade`: all submissions of a milestone, in parallel, and again from where it was when it was stopped."""

import contextlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
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
from milestones.instructor.sandbox import confinement, grading_server


def run(configuration: Grade) -> int:
    """Grade what is not graded yet, and write grades and pages; 1 where the grader itself failed on a submission."""
    if not (configuration.dask or configuration.allow_weak_isolation or confinement.can_be_strong()):
        raise CourseError("isolation: expected Landlock and seccomp, got a host without; see --allow-weak-isolation")
    milestone = load_milestone(configuration.milestone)
    paths = submissions.find(configuration.submissions)
    for path in submissions.left_out(configuration.submissions):
        print(f"not graded, as neither folder nor zip or tar archive: {printable(path.name)}", file=sys.stderr)
    if not paths:
        raise CourseError(f"{configuration.submissions}: expected submissions, folders or archives, got none")
    _check_names(paths)
    configuration.out.mkdir(parents=True, exist_ok=True)
    exam = Exam.of(milestone)
    log = configuration.out / "results.jsonl"
    before = latest(read(log))
    jobs = []
    for path in paths:
        record, job = exam.prepare(path, configuration.allow_weak_isolation)
        graded = before.get((record.submission, milestone.number))
        if not _is_done(graded, record):
            jobs.append((record, job))
        elif graded.submitted != record.submitted:
            append(log, replace(graded, submitted=record.submitted))
    with _executor(configuration) as executor:
        grade_all(jobs, executor, log)
    after = latest(read(log))
    names = {submissions.name(path) for path in paths}
    records = [record for (name, number), record in after.items() if number == milestone.number and name in names]
    _print(configuration, milestone, before, after, records)
    return int(any(record.has_fault for record in records))


def _check_names(paths: list[Path]) -> None:
    """Raise where two submissions have one name, however its accents are written."""
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(same(submissions.name(path)), path)
        if other is not path:
            raise CourseError(f"{path}: expected one submission of each name, got {other.name} beside it")


def grade_all(jobs: list[tuple[Record, Job | None]], executor: Executor, log: Path) -> None:
    """Grade jobs, and append each record to the log as it is done."""
    futures = {}
    with tqdm(total=len(jobs), desc="grading", unit="submission", disable=not jobs) as bar:
        for record, job in jobs:
            if job is None:
                append(log, record)
                bar.update()
            else:
                futures[executor.submit(grading_server.grade, job)] = record, job
        for future in as_completed(futures):
            record, job = futures[future]
            # A cluster's worker may be lost with its machine, which is no reason to lose the others' grades.
            error = future.exception()
            result = JobResult.fault(job, f"{type(error).__name__}: {error}") if error else future.result()
            append(log, replace(record, tests=result.tests, isolation=result.isolation))
            bar.update()


@contextlib.contextmanager
def _executor(configuration: Grade) -> Iterator[Executor]:
    if configuration.dask is None:
        with grading_server.local_executor(configuration.jobs or len(os.sched_getaffinity(0))) as executor:
            yield executor
        return
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--dask: expected the package distributed, which is not installed") from None
    with Client(configuration.dask) as client:
        yield client.get_executor(pure=False)


def _is_done(before: Record | None, now: Record) -> bool:
    """Tell if a record of the same submission, tests and environment is there, without a fault."""
    if before is None or before.has_fault:
        return False
    hashes = ("submission_hash", "tests_hash", "environment_hash", "refused")
    return all(getattr(before, name) == getattr(now, name) for name in hashes)


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
    print(f"{configuration.out / 'grades.csv'}, {configuration.out / 'class.html'}, {configuration.out / 'feedback'}")
