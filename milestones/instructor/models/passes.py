"""The passes of a grading: the public recordings of all entries first, and the hidden ones when all these have ended.

What a model's code says of public recordings is shown to students, and can thus tell nothing of hidden ones.
"""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from milestones.instructor.models import records
from milestones.instructor.models.entries import Entry
from milestones.instructor.models.recordings import Pair
from milestones.instructor.models.records import EntryRecord, RecordingScore, RecordingState
from milestones.instructor.models.running import ModelRunner, Output
from milestones.instructor.models.scoring import Judge
from milestones.model_terms import ModelTerms
from speech_enhancement.audio import save

MAX_TIMEOUTS = 3
"""Recordings on which a model may run out of time; the others then count so too, without a try."""

N_CLIPS = 3
"""Public recordings of which the enhanced versions are kept."""


@dataclass(frozen=True)
class Exam:
    """The recordings on which models are graded, and the terms.

    Attributes:
        terms: limits of the model.
        students_modules: names of the modules that students write.
        hidden, public: the recordings.
        recordings_hash, environment_hash: for the records.
        out: folder of the grades.
        allow_weak_isolation: True to run models even if Landlock or seccomp is missing.
    """

    terms: ModelTerms
    students_modules: tuple[str, ...]
    hidden: Sequence[Pair]
    public: Sequence[Pair]
    recordings_hash: str
    environment_hash: str
    out: Path
    allow_weak_isolation: bool = False

    @property
    def clips(self) -> list[str]:
        """Names of the public recordings of which the enhanced versions are kept."""
        step = max(1, len(self.public) // N_CLIPS)
        return [pair.name for pair in self.public[::step]][:N_CLIPS]


def grade_entries(entries: Sequence[Entry], exam: Exam, jobs: int) -> None:
    """Grade entries, and append the record of each to the log as soon as its hidden recordings are done.

    Args:
        entries: entries that were not refused.
        exam: the recordings and terms.
        jobs: entries at a time.

    Raises:
        CourseError: the grader cannot start workers.
    """
    total = len(entries) * (len(exam.public) + len(exam.hidden))
    with (
        tqdm(total=total, desc="grading", unit="recording", disable=not entries) as bar,
        _Threads(exam, jobs, bar.update) as threads,
    ):
        done = {entry.record.entry: made.public for entry, made in threads.run(entries, is_hidden=False)}
        for entry, made in threads.run(entries, is_hidden=True):
            records.append(exam.out / records.LOG_NAME, replace(made, public=done[entry.record.entry]))


def real_time_factor(scores: Sequence[RecordingScore]) -> float | None:
    """Compute the time of computing over the duration of all scored recordings; None without any.

    The median would let a model be as slow as it likes on nearly half of them.
    """
    scored = [each for each in scores if each.state == RecordingState.SCORED]
    if not scored:
        return None
    return round(sum(each.seconds for each in scored) / sum(each.duration for each in scored), 4)


class _Threads(contextlib.AbstractContextManager):
    """Threads, each of which has a runner and a judge of its own; all end soon if the block is left by an exception."""

    def __init__(self, exam: Exam, jobs: int, advance: Callable[[], object]):
        self._exam, self._advance = exam, advance
        self._executor = ThreadPoolExecutor(jobs)
        self._own = threading.local()
        self._opened = contextlib.ExitStack()
        self._saving = threading.Lock()
        self._is_stopped = threading.Event()

    def __exit__(self, *_: object) -> None:
        self._is_stopped.set()
        self._executor.shutdown(cancel_futures=True)
        self._opened.close()

    def run(self, entries: Sequence[Entry], is_hidden: bool) -> Iterator[tuple[Entry, EntryRecord]]:
        """Yield each entry as soon as it is done, and its record with the scores on hidden or public recordings."""
        futures = {self._executor.submit(self._grade, entry, is_hidden): entry for entry in entries}
        for future in as_completed(futures):
            yield futures[future], future.result()

    def _grade(self, entry: Entry, is_hidden: bool) -> EntryRecord:
        runner, judge = self._runner_and_judge()
        if entry.weights is not None:
            runner.take(entry.files, entry.weights.read_bytes())
        pairs = list(self._exam.hidden if is_hidden else self._exam.public)
        # Known to nobody who handed in, and the same if the grading is repeated.
        random.Random(entry.record.hash + self._exam.recordings_hash).shuffle(pairs)
        scores: list[RecordingScore] = []
        for pair in pairs:
            if self._is_stopped.is_set():
                break
            score, estimate = judge.score(pair, self._output(runner, entry, pair, scores), is_hidden)
            scores.append(score)
            if not is_hidden and estimate is not None and pair.name in self._exam.clips:
                path = records.clip_path(self._exam.out, entry.record.hash, pair.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                # Two that handed in the same files have the same path.
                with self._saving:
                    save(path, torch.from_numpy(estimate)[None].float())
            self._advance()
        return self._record(entry.record, runner, scores, is_hidden)

    def _output(self, runner: ModelRunner, entry: Entry, pair: Pair, scores: Sequence[RecordingScore]) -> Output:
        if entry.method is not None:
            return Output(entry.method(pair.noisy), 0.0)
        if sum(score.state == RecordingState.TIME for score in scores) >= MAX_TIMEOUTS:
            return Output(None, 0.0, RecordingState.TIME, f"not run: {MAX_TIMEOUTS} others took too long")
        return runner.enhance(pair.noisy)

    def _record(
        self, record: EntryRecord, runner: ModelRunner, scores: Sequence[RecordingScore], is_hidden: bool
    ) -> EntryRecord:
        ordered = tuple(sorted(scores, key=lambda score: score.recording))
        if not is_hidden:
            return replace(record, public=ordered)
        return replace(
            record,
            recordings=ordered,
            recordings_hash=self._exam.recordings_hash,
            environment_hash=self._exam.environment_hash,
            isolation=runner.isolation,
            real_time_factor=real_time_factor(ordered),
        )

    def _runner_and_judge(self) -> tuple[ModelRunner, Judge]:
        if not hasattr(self._own, "both"):
            runner = ModelRunner(self._exam.terms, self._exam.students_modules, self._exam.allow_weak_isolation)
            judge = Judge(self._exam.terms)
            self._opened.callback(runner.close)
            self._opened.callback(judge.close)
            self._own.both = runner, judge
        return self._own.both
