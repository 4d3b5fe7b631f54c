"""The command `benchmark`: all systems, trained for the same time and measured on the same files.

Each system has a folder: `run` of its training, `costs.json` and `scores.csv`. What is there already is not done again.
"""

import csv
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement import costs, perceptual
from speech_enhancement.audio import AudioError, replacing
from speech_enhancement.configuration import Benchmark, Train
from speech_enhancement.distributed import Process, choose_device
from speech_enhancement.evaluation import METRICS, Method, Score, find_pairs, score_pairs, write_scores
from speech_enhancement.failures import Failures
from speech_enhancement.model_file import load_model
from speech_enhancement.plotting import save_quality_against_cost
from speech_enhancement.report import write_report
from speech_enhancement.system_training import SystemTraining
from speech_enhancement.systems import registry
from speech_enhancement.systems.ideal_ratio_mask import mask_ideally
from speech_enhancement.systems.system import System

NOISY, ORACLE = "noisy", "oracle ratio mask"
_COLUMNS = ("si_sdr", "pesq", "stoi", "lsd")


def run(configuration: Benchmark) -> int:
    """Train, measure and write; 1 where a system or a file failed, or a metric had no value."""
    names = configuration.systems or tuple(registry.NAMES)
    configuration.out.mkdir(parents=True, exist_ok=True)
    failures = Failures()
    pairs = find_pairs(configuration.noisy, configuration.clean, failures)
    if not pairs:
        raise AudioError(f"{configuration.noisy}: expected pairs, got none")
    methods: dict[str, Method] = {NOISY: lambda noisy, clean: noisy}
    rows: dict[str, dict] = {NOISY: {}}
    folders = [NOISY]
    for name in tqdm(names, desc="benchmark", unit="system"):
        with failures.noting(name):
            system = learned(name, configuration)
            rows[system.title] = measured(system, configuration.out / name)
            methods[system.title] = _method(system)
            folders.append(name)
    methods[ORACLE], rows[ORACLE] = mask_ideally, {}
    folders.append("oracle")
    scores = [
        score
        for folder, title in zip(folders, methods, strict=True)
        for score in scored(title, methods[title], pairs, configuration.out / folder, failures, configuration.workers)
    ]
    table = format_table(scores, rows, configuration.minutes)
    with replacing(configuration.out / "table.md") as temporary:
        temporary.write_text(table, encoding="utf-8")
    save_quality_against_cost(configuration.out / "quality.png", quality_and_cost(scores, rows))
    chosen = sorted(pairs)[:: -(-len(pairs) // configuration.players)]
    write_report(configuration.out / "report.html", scores, chosen, pairs, methods, METRICS, table)
    print(table)
    return 1 if failures or any(score.reasons for score in scores) else 0


def learned(name: str, configuration: Benchmark) -> System:
    """The system on the CPU in evaluation mode, trained where it learns."""
    torch.manual_seed(configuration.seed)
    system = registry.build(name, configuration.size).eval()
    if system.count_parameters() == 0:
        return system
    training = Train(
        configuration.corpus,
        configuration.out / name / "run",
        system=name,
        size=configuration.size,
        minutes=configuration.minutes,
        epochs=1_000_000,
        crops_per_file=1,
        segment_seconds=configuration.segment_seconds,
        batch_size=configuration.batch_size,
        seed=configuration.seed,
        device=configuration.device,
    )
    SystemTraining(training, Process(0, 1, choose_device(configuration.device))).run()
    return load_model(training.out / "best.ckpt")[0]


def measured(system: System, folder: Path) -> dict:
    """What the system costs, from `costs.json` where it is there, and what its training log says."""
    path = folder / "costs.json"
    if not path.exists():
        factor = costs.real_time_factor(system)
        row = {
            "parameters": system.count_parameters(),
            "multiply_adds": costs.count_multiply_adds(system),
            "real_time_factor": factor,
            # What fits itself to each file is too slow to be changed sample by sample, and needs the file anyway.
            "latency": costs.latency(system) if factor < 1 else None,
        }
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(row), encoding="utf-8")
    row = json.loads(path.read_text(encoding="utf-8"))
    log = folder / "run" / "log.jsonl"
    if log.exists():
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        row["training_rate"] = statistics.median(record["audio_seconds_per_second"] for record in records)
        row["waiting_share"] = statistics.median(record["waiting_share"] for record in records)
    return row


def scored(
    title: str,
    method: Method,
    pairs: Mapping[str, tuple[Path, Path]],
    folder: Path,
    failures: Failures,
    workers: int | None,
) -> list[Score]:
    """Scores of all pairs, from `scores.csv` where it is there."""
    path = folder / "scores.csv"
    if path.exists():
        with path.open(encoding="utf-8") as file:
            return [
                Score(row["file"], title, {metric: float(row[metric]) for metric in METRICS}, {})
                for row in csv.DictReader(file)
            ]
    scores = score_pairs(pairs, {title: method}, failures, workers)
    folder.mkdir(parents=True, exist_ok=True)
    if not any(score.reasons for score in scores):
        write_scores(path, scores)
    return scores


def format_table(scores: Sequence[Score], rows: Mapping[str, Mapping], minutes: float) -> str:
    """Markdown: means over the files, and costs; the best SI-SDR first, the noisy files before and the oracle last."""
    titles = ["SI-SDR (dB)", "PESQ", "STOI", "LSD", "parameters", "multiply-adds/s", "real-time factor"]
    titles += ["training (audio-s/s)", "waiting for data", "latency"]
    lines = ["| system | " + " | ".join(titles) + " |", "|---|" + "---|" * len(titles)]
    means = _means(scores)
    for title in sorted(rows, key=lambda title: (title == ORACLE, title != NOISY, -means[title]["si_sdr"])):
        values = [_number(means[title][metric], digits) for metric, digits in zip(_COLUMNS, (1, 2, 3, 2), strict=True)]
        lines.append(f"| {title} | " + " | ".join([*values, *_costs(rows[title])]) + " |")
    n_files = len({score.file for score in scores})
    lines.append(f"\nMeans over {n_files} files; {minutes:g} minutes of training each.")
    if not perceptual.pesq_is_installed():
        lines.append(f"PESQ is left out: {perceptual.PESQ_MISSING}.")
    missing = [(score, metric, reason) for score in scores for metric, reason in score.reasons.items()]
    lines += [f"{score.file}, {score.method}, {METRICS[metric]}: {reason}." for score, metric, reason in missing]
    return "\n".join(lines) + "\n"


def quality_and_cost(scores: Sequence[Score], rows: Mapping[str, Mapping]) -> dict[str, tuple[float, float]]:
    """By title: mean SI-SDR, and real-time factor."""
    means = _means(scores)
    return {title: (means[title]["si_sdr"], row["real_time_factor"]) for title, row in rows.items() if row}


def _method(system: System) -> Method:
    @torch.inference_mode()
    def enhance(noisy: Tensor, clean: Tensor) -> Tensor:
        padding = max(0, system.shortest - len(noisy))
        return system(torch.nn.functional.pad(noisy, (0, padding))[None, None])[0, 0, : len(noisy)]

    return enhance


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
        return ["-"] * 6
    latency = "file" if row["latency"] is None else f"{1000 * row['latency']:.0f} ms"
    rate = f"{row['training_rate']:.0f}" if "training_rate" in row else "-"
    waiting = f"{100 * row['waiting_share']:.0f} %" if "waiting_share" in row else "-"
    factor = f"{row['real_time_factor']:.4f}"
    return [f"{row['parameters']:,}", f"{row['multiply_adds'] / 1e6:,.1f} M", factor, rate, waiting, latency]


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
