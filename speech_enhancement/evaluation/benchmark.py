"""The command `benchmark`: all systems, trained for the same time and measured on the same files.

Each system has a folder: `run` of its training, `costs.json`, `scores.csv`, and what it made of each clip if it is
slower than sound. What is there already is not done again, unless the weights or the files are others. Systems are
applied as `enhance` applies them: those that denoise are given recordings without rumble below 50 Hz.
"""

import csv
import hashlib
import json
import math
import statistics
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement.configuration import Benchmark, Train
from speech_enhancement.engine.distributed import Process, choose_device
from speech_enhancement.engine.system_training import SystemTraining
from speech_enhancement.enhancement import FileEnhancer
from speech_enhancement.evaluation import costs, perceptual
from speech_enhancement.evaluation.ideal_ratio_mask import mask_ideally
from speech_enhancement.evaluation.scoring import (
    METRICS,
    Method,
    Score,
    score_pairs,
    write_scores,
)
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.failures import Failures
from speech_enhancement.systems import registry
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System

ORACLE = "oracle ratio mask"
_COLUMNS = {"snr": 1, "si_sdr": 1, "pesq": 2, "stoi": 3, "lsd": 2}
"""Metrics of the table, and their digits."""


@dataclass(frozen=True)
class Entrant:
    """What is measured: a system, what systems of a task are given, or the oracle.

    Attributes:
        title: as the table names it.
        task: as the table names it.
        folder: where its scores and costs are kept.
        method: from a noisy and a clean waveform to an estimate.
        costs: of a system; empty for what is none.
    """

    title: str
    task: str
    folder: Path
    method: Method
    costs: Mapping = field(default_factory=dict)


def find_entrants(configuration: Benchmark, failures: Failures) -> list[Entrant]:
    """Systems, trained and with their costs; before the first of each task what it is given, and last the oracle."""
    out = configuration.out
    denoising = System.task
    entrants = [
        Entrant("noisy", denoising, out / "noisy", lambda noisy, clean: noisy),
        Entrant("noisy, above 50 Hz", denoising, out / "above-50-hz", lambda noisy, clean: remove_rumble(noisy)),
    ]
    for name in tqdm(configuration.systems or tuple(registry.NAMES), desc="benchmark", unit="system"):
        with failures.noting(name):
            system = learned(name, configuration)
            costs_of_system = measured(system, out / name, configuration.size)
            if not any(entrant.task == system.task for entrant in entrants):
                before = f"before {system.task}"
                entrants.append(Entrant(before, system.task, out / before.replace(" ", "-"), _received(system)))
            method = _enhanced(system)
            if costs_of_system["real_time_factor"] > 1:
                decisive = hashlib.sha256(costs_of_system["arguments"].encode() + _weights(out / name))
                method = _kept(method, out / name / "enhanced", decisive.digest())
            entrants.append(Entrant(system.title, system.task, out / name, method, costs_of_system))
    return [*entrants, Entrant(ORACLE, denoising, out / "oracle", mask_ideally)]


def learned(name: str, configuration: Benchmark) -> System:
    """The system on the CPU in evaluation mode, trained where it learns."""
    torch.manual_seed(configuration.seed)
    system = registry.build(name, configuration.size).eval()
    if system.count_parameters() == 0:
        return system
    device = choose_device(configuration.device)
    training = Train(
        configuration.corpus,
        configuration.out / name / "run",
        system=name,
        size=configuration.size,
        minutes=configuration.minutes,
        crops_per_file=1,
        segment_seconds=configuration.segment_seconds,
        batch_size=configuration.batch_size,
        seed=configuration.seed,
        device=configuration.device,
    )
    try:
        SystemTraining(training, Process(0, 1, device)).run()
    except torch.OutOfMemoryError:
        message = f"expected a batch of {configuration.batch_size} to fit the GPU's memory, got too little of it"
        raise ValueError(f"{message}; --batch-size takes a smaller number") from None
    return load_model(training.out / "best.ckpt")[0]


def measured(system: System, folder: Path, size: str) -> dict:
    """What the system costs, from `costs.json` where it is there for that size, and what its training log says."""
    path = folder / "costs.json"
    # A size's name may come to mean another size.
    arguments = repr(system.sizes[size])
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")).get("arguments") != arguments:
        factor = costs.real_time_factor(system)
        row = {
            "arguments": arguments,
            "parameters": system.count_parameters(),
            "multiply_adds": costs.count_multiply_adds(system),
            "real_time_factor": factor,
            # What is slower than sound cannot keep up with it, and has the file before it begins.
            "latency": costs.latency(system) if factor < 1 else None,
        }
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(row), encoding="utf-8")
    row = json.loads(path.read_text(encoding="utf-8"))
    log = folder / "run" / "log.jsonl"
    if log.exists():
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        row["training_seconds"] = sum(record["seconds"] for record in records)
        row["epochs"] = len(records)
        row["training_rate"] = statistics.median(record["audio_seconds_per_second"] for record in records)
        row["waiting_share"] = statistics.median(record["waiting_share"] for record in records)
    return row


def scored(entrant: Entrant, pairs: Mapping[str, tuple[Path, Path]], failures: Failures, pool: Executor) -> list[Score]:
    """Scores of all pairs, from `scores.csv` where it is there for the same files, size and weights."""
    path, mark = entrant.folder / "scores.csv", entrant.folder / "scored.json"
    fingerprint = _fingerprint(entrant, pairs)
    kept = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else {}
    if path.exists() and kept.get("fingerprint") == fingerprint:
        with path.open(encoding="utf-8") as file:
            return [
                Score(
                    row["file"],
                    entrant.title,
                    {metric: float(row[metric]) for metric in METRICS},
                    kept["reasons"].get(row["file"], {}),
                )
                for row in csv.DictReader(file)
            ]
    scores = score_pairs(pairs, {entrant.title: entrant.method}, failures, pool)
    entrant.folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    # A file that could not be scored is tried again in the next run.
    if len(scores) == len(pairs):
        write_scores(path, scores)
        reasons = {score.file: score.reasons for score in scores if score.reasons}
        with replacing(mark) as temporary:
            temporary.write_text(json.dumps({"fingerprint": fingerprint, "reasons": reasons}), encoding="utf-8")
    return scores


def _fingerprint(entrant: Entrant, pairs: Mapping[str, tuple[Path, Path]]) -> str:
    """Of what scores depend on, but for the files' contents and the code."""
    files = [[str(path.resolve()) for path in pair] for _, pair in sorted(pairs.items())]
    digest = hashlib.sha256(
        json.dumps([entrant.costs.get("arguments"), files, perceptual.pesq_is_installed()]).encode()
    )
    digest.update(_weights(entrant.folder))
    return digest.hexdigest()


def _weights(folder: Path) -> bytes:
    """The model file of a system that has learned, else nothing."""
    path = folder / "run" / "best.ckpt"
    return path.read_bytes() if path.exists() else b""


def format_table(scores: Sequence[Score], entrants: Sequence[Entrant], minutes: float) -> str:
    """Markdown: means over the files, and costs.

    Task by task, what systems are given before them, the best SI-SDR first, and the oracle last.
    """
    titles = ["task", *(METRICS[metric] for metric in _COLUMNS), "parameters", "multiply-adds/s", "real-time factor"]
    titles += ["training (s)", "epochs", "training (audio-s/s)", "waiting for data", "latency"]
    lines = ["| system | " + " | ".join(titles) + " |", "|---|---|" + "---:|" * (len(titles) - 1)]
    means = _means(scores)
    tasks = list(dict.fromkeys(entrant.task for entrant in entrants))

    def rank(entrant: Entrant) -> tuple:
        is_oracle = entrant.title == ORACLE
        return tasks.index(entrant.task), is_oracle, bool(entrant.costs), -means[entrant.title]["si_sdr"]

    for entrant in sorted(entrants, key=rank):
        values = [_number(means[entrant.title][metric], digits) for metric, digits in _COLUMNS.items()]
        lines.append("| " + " | ".join([entrant.title, entrant.task, *values, *_costs(entrant.costs)]) + " |")
    n_files = len({score.file for score in scores})
    lines.append(f"\nMeans over {n_files} files; at least {minutes:g} minutes of training each.")
    lines.append(
        "Multiply-adds are those of convolutions and matrix products; Fourier transforms and recursive filters are not "
        "counted."
    )
    for title, n_scores in Counter(score.method for score in scores).items():
        if n_scores < n_files:
            lines.append(f"{title}: means over {n_scores} files, since it failed on others.")
    if not perceptual.pesq_is_installed():
        lines.append(f"PESQ is left out: {perceptual.PESQ_MISSING}.")
    missing = [(score, metric, reason) for score in scores for metric, reason in score.reasons.items()]
    lines += [f"{score.file}, {score.method}, {METRICS[metric]}: {reason}." for score, metric, reason in missing]
    return "\n".join(lines) + "\n"


def quality_and_cost(scores: Sequence[Score], entrants: Sequence[Entrant]) -> dict[str, tuple[float, float]]:
    """By title of the systems that denoise: mean SI-SDR, and real-time factor."""
    means = _means(scores)
    return {
        entrant.title: (means[entrant.title]["si_sdr"], entrant.costs["real_time_factor"])
        for entrant in entrants
        if entrant.costs and entrant.task == System.task
    }


def _received(system: System) -> Method:
    def degrade(noisy: Tensor, clean: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            # What is lost of a clip is the same for every system of a task.
            torch.manual_seed(zlib.crc32(clean.numpy().tobytes()))
            return system.received(noisy[None, None], clean[None, None])[0, 0]

    return degrade


def _enhanced(system: System) -> Method:
    receive, enhancer = _received(system), FileEnhancer(system, system)
    return lambda noisy, clean: enhancer.enhance(receive(noisy, clean))


def _kept(method: Method, folder: Path, decisive: bytes) -> Method:
    """The method of a system that is slower than sound: the folder keeps each result as soon as it is there.

    Args:
        method: of the system.
        folder: of the results.
        decisive: what besides the clip they depend on.
    """

    def load_or_enhance(noisy: Tensor, clean: Tensor) -> Tensor:
        digest = hashlib.sha256(decisive)
        for waveform in (noisy, clean):
            digest.update(waveform.numpy().tobytes())
        path = folder / f"{digest.hexdigest()}.npy"
        if not path.exists():
            enhanced = method(noisy, clean).numpy()
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, enhanced)
        return torch.from_numpy(np.load(path, allow_pickle=False))

    return load_or_enhance


def _means(scores: Sequence[Score]) -> dict[str, dict[str, float]]:
    by_title: dict[str, list[Score]] = {}
    for score in scores:
        by_title.setdefault(score.method, []).append(score)
    return {
        title: {metric: _mean([score.values[metric] for score in of_title]) for metric in METRICS}
        for title, of_title in by_title.items()
    }


def _mean(values: Sequence[float]) -> float:
    values = [value for value in values if not math.isnan(value)]
    return statistics.fmean(values) if values else math.nan


def _costs(row: Mapping) -> list[str]:
    if not row:
        return ["-"] * 8
    latency = "file" if row["latency"] is None else f"{1000 * row['latency']:.0f} ms"
    seconds = f"{row['training_seconds']:.0f}" if "training_seconds" in row else "-"
    rate = f"{row['training_rate']:.0f}" if "training_rate" in row else "-"
    waiting = f"{100 * row['waiting_share']:.0f} %" if "waiting_share" in row else "-"
    multiply_adds = f"{row['multiply_adds'] / 1e6:,.1f} M" if row["multiply_adds"] else "-"
    factor = f"{row['real_time_factor']:.2g}"
    epochs = str(row.get("epochs", "-"))
    return [f"{row['parameters']:,}", multiply_adds, factor, seconds, epochs, rate, waiting, latency]


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
