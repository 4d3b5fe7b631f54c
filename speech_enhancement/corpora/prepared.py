"""The prepared corpus: sources are converted to plain folders with a manifest, which training then reads."""

import csv
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, load, save
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.failures import Failures

SPLITS = ("train", "validation", "test")
PAIR_SNRS_DB = (2.5, 7.5, 12.5, 17.5)
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Source:
    """A recording to be converted, before it has its place in a corpus.

    Attributes:
        kind: `speech` or `noise`.
        split: `train`, `validation` or `test`.
        speaker: who talks; empty for noise.
        path: file to read.
        minus: file to subtract, where noise is given as noisy speech and its clean part.
    """

    kind: str
    split: str
    speaker: str
    path: str
    minus: str = ""


@dataclass(frozen=True)
class Entry:
    """A line of the manifest."""

    file: str
    kind: str
    split: str
    speaker: str
    seconds: float
    source: str


class CorpusError(ValueError):
    """A corpus that cannot be prepared or read; the message says why."""


def prepare(out: Path, sources: Iterable[Source], pairs: Sequence[tuple[str, str]] = (), seed: int = 0) -> Failures:
    """Convert all sources, mix or copy the test pairs, write the manifest, and rename the folder into place.

    Args:
        out: folder to make; it must not hold anything yet.
        sources: recordings with their splits.
        pairs: files `(clean, noisy)` of a test set that is mixed already; without them the test split is mixed here.
        seed: for the mixing.

    Returns:
        The sources that could not be converted; the others are in the corpus.

    Raises:
        CorpusError: `out` exists and is not empty, or there is no speech or no noise to train on.
    """
    check_is_free(out)
    failures = Failures()
    with building(out) as root:
        entries = list(_convert_all(root, list(sources), failures))
        for kind in ("speech", "noise"):
            if not any(entry.kind == kind and entry.split == "train" for entry in entries):
                raise CorpusError(f"{out}: expected {kind} to train on, got none that could be read")
        entries += _copy_pairs(root, pairs, failures) if pairs else mix_pairs(root, entries, seed)
        write_manifest(root, entries)
    return failures


def check_is_free(out: Path) -> None:
    """Raise `CorpusError` where `out` holds something: nothing that exists is overwritten."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(f"{out}: expected an empty or new folder, got one that holds something")


def write_manifest(root: Path, entries: Iterable[Entry]) -> None:
    with (root / MANIFEST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Entry)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(entry) for entry in entries)


def files(root: Path, kind: str, split: str) -> Iterator[str]:
    """Paths of one kind and split, read from the manifest line by line.

    Raises:
        CorpusError: there is no manifest, or it names no such file.
    """
    path = root / MANIFEST
    if not path.is_file():
        raise CorpusError(f"{path}: expected the manifest of a prepared corpus, got nothing there")
    found = False
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("kind") == kind and row.get("split") == split:
                found = True
                yield os.path.join(root, row["file"])  # noqa: PTH118, thousands of Path objects take their time
    if not found:
        raise CorpusError(f"{path}: expected {kind} in the split {split}, got none")


def summary(root: Path) -> str:
    """How many files, minutes and speakers there are of each kind in each split, a line each."""
    rows: dict[tuple[str, str], list[tuple[str, float]]] = {}
    with (root / MANIFEST).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault((row["kind"], row["split"]), []).append((row["speaker"], float(row["seconds"])))
    lines = [f"{root}:"]
    for (kind, split), found in rows.items():
        speakers = len({speaker for speaker, _ in found if speaker})
        minutes = sum(seconds for _, seconds in found) / 60
        lines.append(
            f"  {kind:6} {split:10} {len(found):6} files {minutes:8.1f} min"
            + (f"  {speakers} speakers" if speakers else "")
        )
    return "\n".join(lines)


def assign_splits(groups: Iterable[str], seed: int = 0) -> dict[str, str]:
    """A split for each speaker or recording of noise: of ten, eight to train, one to validate, one to test.

    From three groups on, each split has at least one.
    """
    groups = sorted(set(groups))
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = max(1, len(groups) // 10) if len(groups) >= 3 else 0
    names = ["test"] * held_out + ["validation"] * held_out + ["train"] * (len(groups) - 2 * held_out)
    return {groups[i]: name for i, name in zip(order, names, strict=True)}


class building:
    """A folder beside `out` that is renamed to it when all went well, and removed when not."""

    def __init__(self, out: Path):
        self.out = out
        self.root = out.with_name(f".{out.name}.{os.getpid()}.part")

    def __enter__(self) -> Path:
        self.root.mkdir(parents=True)
        return self.root

    def __exit__(self, error_type, *_) -> None:
        if error_type is None:
            if self.out.exists():
                self.out.rmdir()
            self.root.rename(self.out)
        else:
            shutil.rmtree(self.root)


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
        for job in tqdm(as_completed(jobs), total=len(jobs), desc="prepare", unit="file"):
            source, destination = jobs[job]
            with failures.noting(source.path):
                seconds = job.result()
                entries[destination] = Entry(
                    destination, source.kind, source.split, source.speaker, seconds, Path(source.path).name
                )
    return (entries[destination] for destination in destinations if destination in entries)


def _executor(count: int) -> Executor:
    """Processes for many files; a thread for a few, which are done before a process has started."""
    if count < 50:
        return ThreadPoolExecutor(1)
    # Forking a process that has run torch operations on several threads can hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(mp_context=context, initializer=torch.set_num_threads, initargs=(1,))


def _destinations(sources: Sequence[Source]) -> list[str]:
    """A file for each source, named after it, with a number where two have the same name."""
    taken: dict[str, int] = {}
    destinations = []
    for source in sources:
        stem = f"{source.kind}/{source.split}/{Path(source.path).stem}"
        count = taken[stem] = taken.get(stem, 0) + 1
        destinations.append(f"{stem}.wav" if count == 1 else f"{stem}~{count}.wav")
    return destinations


def _convert(source: Source, destination: str) -> float:
    waveform = load(source.path).mean(dim=0, keepdim=True)
    if source.minus:
        waveform = waveform - load(source.minus).mean(dim=0, keepdim=True)[:, : waveform.shape[-1]]
    save(destination, waveform)
    return round(waveform.shape[-1] / SAMPLE_RATE, 3)


def mix_pairs(root: Path, entries: Sequence[Entry], seed: int) -> Iterator[Entry]:
    """The test speech with test noise, each file once, at the signal-to-noise ratios of VoiceBank-DEMAND's test set."""
    speech, noises = (
        [entry for entry in entries if entry.kind == kind and entry.split == "test"] for kind in ("speech", "noise")
    )
    if not speech or not noises:
        return
    generator = torch.Generator().manual_seed(seed)
    for number, entry in enumerate(speech):
        clean = load(root / entry.file)
        noise = load(root / noises[number % len(noises)].file)
        noisy = mix_at_snr(clean, _repeat_from(noise, clean.shape[-1], generator), PAIR_SNRS_DB[number % 4])
        scale = 1 / max(1.0, float(noisy.abs().max()))
        yield from _save_pair(root, Path(entry.file).name, clean * scale, noisy * scale, entry.speaker)


def _repeat_from(noise: Tensor, length: int, generator: torch.Generator) -> Tensor:
    start = int(torch.randint(noise.shape[-1], (), generator=generator))
    return noise.roll(-start, dims=-1).repeat(1, -(-length // noise.shape[-1]))[:, :length]


def _copy_pairs(root: Path, pairs: Sequence[tuple[str, str]], failures: Failures) -> Iterator[Entry]:
    for clean_path, noisy_path in tqdm(pairs, desc="test pairs", unit="pair"):
        with failures.noting(noisy_path):
            clean, noisy = (load(path).mean(dim=0, keepdim=True) for path in (clean_path, noisy_path))
            name = Path(clean_path).with_suffix(".wav").name
            yield from _save_pair(root, name, clean, noisy, Path(clean_path).name.split("_")[0])


def _save_pair(root: Path, name: str, clean: Tensor, noisy: Tensor, speaker: str) -> Iterator[Entry]:
    for kind, waveform in (("clean", clean), ("noisy", noisy)):
        path = root / "pairs" / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, waveform)
        seconds = round(waveform.shape[-1] / SAMPLE_RATE, 3)
        yield Entry(f"pairs/{kind}/{name}", kind, "test", speaker, seconds, name)
