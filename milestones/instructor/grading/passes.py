"""The passes of a grading: the visible tests of the whole class first, and the hidden ones when all these have ended.

A message of a visible test can thus tell nothing of a hidden one, not even through traces on the machine that all
servers share, such as the access times of files.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from milestones.instructor.grading.parts import Parts
from milestones.instructor.records import Job, JobEnd, JobResult, Record, append
from milestones.instructor.sandbox.server_pool import Submit


def grade_class(todo: Sequence[tuple[Record, Job | None]], submit: Submit, log: Path) -> None:
    """Grade submissions, and append the record of each to the log as soon as its hidden tests are done.

    If grading is interrupted, submissions that have no record yet are graded anew.

    Args:
        todo: for each submission, its record without results and its job, or None if there is nothing to grade.
        submit: function that sends a job to be graded.
        log: file for the records.
    """
    for record, job in todo:
        if job is None:
            append(log, record)
    graded = [(record, job) for record, job in todo if job is not None]
    with tqdm(total=2 * len(graded), desc="grading", unit="pass", disable=not graded) as bar:
        for number, result in grade_in_passes([job for _, job in graded], submit, bar.update):
            record = graded[number][0]
            notes = (*record.notes, *result.notes)
            append(log, replace(record, tests=result.tests, isolation=result.isolation, notes=notes))


def grade_in_passes(
    jobs: Sequence[Job], submit: Submit, advance: Callable[[], object]
) -> Iterator[tuple[int, JobResult]]:
    """Grade submissions, and yield the number of each and its result as soon as it is done.

    Args:
        jobs: for each submission, the job of all its tests.
        submit: function that sends a job to be graded.
        advance: function to call after each of a submission's two passes.
    """
    all_parts = [Parts(job) for job in jobs]
    first = {_submitted(parts.visible(), submit): parts for parts in all_parts}
    for future in as_completed(first):
        parts = first[future]
        parts.add(parts.visible(), _result(future, parts.visible()))
        advance()
    hidden = {number: parts.hidden() for number, parts in enumerate(all_parts)}
    running = {_submitted(job, submit): (number, job) for number, job in hidden.items()}
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            number, job = running.pop(future)
            parts = all_parts[number]
            parts.add(job, _result(future, job))
            following = None if job.on_reference else parts.on_reference()
            if following is not None:
                running[submit(following)] = number, following
            else:
                advance()
                yield number, parts.result()


def _submitted(job: Job, submit: Submit) -> Future[JobResult]:
    if job.tests:
        return submit(job)
    future: Future[JobResult] = Future()
    future.set_result(JobResult((), JobEnd(0.0, job.failed_imports)))
    return future


def _result(future: Future[JobResult], job: Job) -> JobResult:
    # A cluster's worker may be lost with its machine, which must not cost the others their grades.
    error = future.exception()
    return JobResult.fault(job, f"{type(error).__name__}: {error}") if error else future.result()
