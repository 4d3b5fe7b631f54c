"""All systems, trained for the same time and measured on the same files.

Each system has a folder with the `run` of its training, `costs.json`, `scores.csv`, and its results if it is slower
than real time. Finished work is not repeated unless the weights or the files have changed. Systems are applied as
`enhance` applies them: those that need it get recordings without the rumble below 50 Hz.
"""

import csv
import hashlib
import json
import statistics
import zlib
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement.configuration import Benchmark, Train
from speech_enhancement.engine.distributed import Process, choose_device
from speech_enhancement.engine.trainer import train
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.evaluation import costs, perceptual
from speech_enhancement.evaluation.ideal_ratio_mask import mask_ideally
from speech_enhancement.evaluation.scoring import (
    ABOVE_50_HZ,
    METRICS,
    ORACLE,
    Entrant,
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


def find_entrants(configuration: Benchmark, failures: Failures) -> list[Entrant]:
    """Train the systems and measure their costs; add the input of each task before its systems, and the oracle last."""
    out = configuration.out
    denoising = System.task
    entrants = [
        Entrant("noisy", denoising, out / "noisy", lambda noisy, clean: noisy),
        Entrant(ABOVE_50_HZ, denoising, out / "above-50-hz", lambda noisy, clean: remove_rumble(noisy)),
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
    """Train the system if it learns; return it on the CPU in evaluation mode."""
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
    train(training, Process(0, 1, device))
    return load_model(training.out / "best.ckpt")


def measured(system: System, folder: Path, size: str) -> dict:
    """Measure the costs of the system, or read them from `costs.json`; add figures from its training log."""
    path = folder / "costs.json"
    # The name of a size may later stand for other arguments.
    arguments = repr(system.sizes[size])
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")).get("arguments") != arguments:
        factor = costs.real_time_factor(Enhancer(system).enhance)
        row = {
            "arguments": arguments,
            "parameters": system.count_parameters(),
            "multiply_adds": costs.count_multiply_adds(system),
            "real_time_factor": factor,
            # A system that is slower than real time cannot process a stream, only a complete file.
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
    """Score all pairs, or read `scores.csv` if it holds scores for the same files, size and weights."""
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
    """Hash everything that scores depend on, except the contents of the files and the code."""
    files = [[str(path.resolve()) for path in pair] for _, pair in sorted(pairs.items())]
    digest = hashlib.sha256(
        json.dumps([entrant.costs.get("arguments"), files, perceptual.pesq_is_installed()]).encode()
    )
    digest.update(_weights(entrant.folder))
    return digest.hexdigest()


def _weights(folder: Path) -> bytes:
    """Read the model file of a system that has learned; for other systems, return no bytes."""
    path = folder / "run" / "best.ckpt"
    return path.read_bytes() if path.exists() else b""


def _received(system: System) -> Method:
    def degrade(noisy: Tensor, clean: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            # Every system of a task gets the same losses in a clip.
            torch.manual_seed(zlib.crc32(clean.numpy().tobytes()))
            return system.received(noisy[None, None], clean[None, None])[0, 0]

    return degrade


def _enhanced(system: System) -> Method:
    receive, enhancer = _received(system), Enhancer(system)
    return lambda noisy, clean: enhancer.enhance(receive(noisy, clean))


def _kept(method: Method, folder: Path, decisive: bytes) -> Method:
    """Wrap the method of a system that is slower than real time, so that a folder keeps each result.

    Args:
        method: method of the system.
        folder: folder for the results.
        decisive: bytes that identify everything on which the results depend, besides the clip.
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
