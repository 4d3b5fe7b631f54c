"""From sources to a prepared corpus: every recording is converted, and the folder appears when it is complete."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, AudioError, load, save
from speech_enhancement.corpora.free_names import FreeNames
from speech_enhancement.corpora.manifest import CorpusError, Entry, write_manifest
from speech_enhancement.corpora.pairs import copy_pairs, mix_pairs
from speech_enhancement.files.atomic import new_folder
from speech_enhancement.files.failures import Failures


@dataclass(frozen=True)
class Source:
    """A recording to convert, and its place in the corpus.

    Attributes:
        kind: `speech` or `noise`.
        split: `train`, `validation` or `test`.
        speaker: name of the speaker; empty for noise.
        path: file to read.
        minus: file to subtract, if noise is given as noisy speech and its clean part.
    """

    kind: str
    split: str
    speaker: str
    path: str
    minus: str = ""


def prepare(
    out: Path,
    sources: Iterable[Source],
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    failures: Failures | None = None,
) -> Failures:
    """Convert all sources, mix or copy the test pairs, write the manifest, and rename the folder into place.

    Args:
        out: folder to make; it must not hold anything yet.
        sources: recordings with their splits.
        pairs: files `(clean, noisy)` of a test set that is mixed already; without them the test split is mixed here.
        seed: of the mixing.
        failures: is told of the sources that cannot be converted.

    Returns:
        `failures`, or new ones; the other sources are in the corpus.

    Raises:
        CorpusError: `out` exists and is not empty, or there is no speech or no noise to train or to validate on.
    """
    check_is_free(out)
    failures = Failures() if failures is None else failures
    with new_folder(out) as root:
        found = list(sources)
        failures.tell_left_out()
        entries = list(_convert_all(root, found, failures))
        for kind, split in product(("speech", "noise"), ("train", "validation")):
            if not any(entry.kind == kind and entry.split == split for entry in entries):
                raise CorpusError(f"{out}: expected {kind} for the split {split}, got none; are there three speakers?")
        entries += copy_pairs(root, pairs, failures) if pairs else mix_pairs(root, entries, seed)
        write_manifest(root, entries)
    return failures


def check_is_free(out: Path) -> None:
    """Raise `CorpusError` if `out` holds something: nothing that exists is overwritten."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(f"{out}: expected an empty or new folder, got one that holds something")


def _convert_all(root: Path, sources: list[Source], failures: Failures) -> Iterator[Entry]:
    destinations = _destinations(sources)
    for folder in {Path(root, destination).parent for destination in destinations}:
        folder.mkdir(parents=True, exist_ok=True)
    with _executor(len(sources)) as pool:
        jobs = {
            pool.submit(_convert, source, os.path.join(root, destination)): (source, destination)  # noqa: PTH118
            for source, destination in zip(sources, destinations, strict=True)
        }
        entries = {}
        try:
            for job in tqdm(as_completed(jobs), total=len(jobs), desc="prepare", unit="file"):
                source, destination = jobs[job]
                with failures.noting(source.path):
                    seconds = job.result()
                    entries[destination] = Entry(
                        destination, source.kind, source.split, source.speaker, seconds, Path(source.path).name
                    )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return (entries[destination] for destination in destinations if destination in entries)


def _executor(count: int) -> Executor:
    """Choose processes for many files, and a thread for a few, which are done before a process has started."""
    if count < 50:
        return ThreadPoolExecutor(1)
    # Forking a process that has run torch operations on several threads can hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(mp_context=context, initializer=torch.set_num_threads, initargs=(1,))


def _destinations(sources: Sequence[Source]) -> list[str]:
    """Name a file for each source after it, with a number if two have the same name."""
    free = FreeNames()
    return [f"{free.take(f'{source.kind}/{source.split}/{Path(source.path).stem}')}.wav" for source in sources]


def _convert(source: Source, destination: str) -> float:
    waveform = load(source.path).mean(dim=0, keepdim=True)
    if source.minus:
        subtracted = load(source.minus).mean(dim=0, keepdim=True)
        if subtracted.shape != waveform.shape:
            raise AudioError(
                f"{source.path}: expected the length of {source.minus}, {subtracted.shape[-1]} samples at 16 kHz, "
                f"got {waveform.shape[-1]}"
            )
        waveform = waveform - subtracted
    if not waveform.abs().max() * 32768 > 0.5:
        raise AudioError(f"{source.path}: expected {source.kind}, got silence")
    save(destination, waveform)
    return round(waveform.shape[-1] / SAMPLE_RATE, 3)
