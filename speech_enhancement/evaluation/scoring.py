"""Scores of a model, of classical methods and of the oracle, on pairs of noisy and clean files."""

import csv
import math
import multiprocessing
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement import metrics
from speech_enhancement.audio import AudioError, find, load
from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.ideal_ratio_mask import mask_ideally
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.failures import Failures
from speech_enhancement.files.names import printable
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble
from speech_enhancement.systems.log_mmse import filter_by_log_mmse
from speech_enhancement.systems.spectral_subtraction import subtract_noise
from speech_enhancement.systems.wiener import filter_by_wiener

# A method maps a noisy and a clean waveform, each (time,), to an estimate; only the oracle looks at the clean one.
Method = Callable[[Tensor, Tensor], Tensor]

ABOVE_50_HZ = "noisy, above 50 Hz"
ORACLE = "oracle ratio mask"
_HALF_A_STEP = 2.0**-16
"""Of 16-bit samples: what differs less is the same recording."""


@dataclass(frozen=True)
class Metric:
    """A metric in tables: its title, and the number of digits after the point."""

    title: str
    digits: int


METRICS = {
    "snr": Metric("SNR (dB)", 1),
    "si_sdr": Metric("SI-SDR (dB)", 1),
    "lsd": Metric("LSD", 2),
    "pesq": Metric("PESQ", 2),
    "stoi": Metric("STOI", 3),
}


@dataclass
class Score:
    """Scores of one method on one file: values by metric, NaN if missing, and the reason for each missing value."""

    file: str
    method: str
    values: dict[str, float]
    reasons: dict[str, str]


@dataclass(frozen=True)
class Entrant:
    """A row of a benchmark: a system, the input of the systems of a task, or the oracle.

    Attributes:
        title, task: names in the table.
        folder: folder for its scores and costs.
        method: function that maps a noisy and a clean waveform to an estimate.
        costs: costs of a system; empty for other entrants.
    """

    title: str
    task: str
    folder: Path
    method: Method
    costs: Mapping = field(default_factory=dict)


def methods_beside(model: Method, title: str) -> dict[str, Method]:
    """Add the model to the classical methods, in the order of the table; it replaces a method of the same title."""
    return {
        "noisy": lambda noisy, clean: noisy,
        ABOVE_50_HZ: lambda noisy, clean: remove_rumble(noisy),
        "spectral subtraction": lambda noisy, clean: subtract_noise(noisy),
        "Wiener, decision-directed": lambda noisy, clean: filter_by_wiener(noisy),
        "log-MMSE": lambda noisy, clean: filter_by_log_mmse(noisy),
        title: model,
        ORACLE: mask_ideally,
    }


def find_pairs(noisy: Path, clean: Path, failures: Failures) -> dict[str, tuple[Path, Path]]:
    """Pair files whose paths below the two folders agree but for the suffix; a file without a partner is a failure."""
    for root in (noisy, clean):
        if root.is_file():
            raise AudioError(f"{root}: expected a folder, got a file")
    sides = [{path.relative_to(root): path for path in find(root, failures)} for root in (noisy, clean)]
    failures.tell_left_out()
    counts = [Counter(path.with_suffix("") for path in side) for side in sides]

    def name_of(path: Path) -> str:
        # The suffix tells twice.wav from twice.flac.
        is_alone = all(count[path.with_suffix("")] <= 1 for count in counts)
        return printable(path.with_suffix("") if is_alone else path)

    named = [{name_of(relative): path for relative, path in side.items()} for side in sides]
    for name in sorted(named[0].keys() ^ named[1].keys()):
        with failures.noting(name):
            raise AudioError(f"{name}: expected it both in {noisy} and {clean}, got it in one of them")
    return {name: (named[0][name], named[1][name]) for name in sorted(named[0].keys() & named[1].keys())}


def load_pair(noisy: Path, clean: Path) -> tuple[Tensor, Tensor]:
    """Load two waveforms `(time,)` at 16 kHz, channels averaged.

    Raises:
        AudioError: a file is not audio, or the two differ in length.
    """
    pair = load(noisy).mean(dim=0), load(clean).mean(dim=0)
    if len(pair[0]) != len(pair[1]):
        raise AudioError(f"{noisy}: expected the length of {clean}, {len(pair[1])} samples, got {len(pair[0])}")
    return pair


def scoring_pool(workers: int | None) -> Executor:
    """Start processes for PESQ and STOI, which take longer than the other metrics; by default one for each core."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def score_pairs(
    pairs: Mapping[str, tuple[Path, Path]],
    methods: Mapping[str, Method],
    failures: Failures,
    pool: Executor,
) -> list[Score]:
    """Score all methods on all pairs; PESQ and STOI are computed in the pool."""
    scores: list[Score] = []
    pending: dict[Future, Score] = {}
    with tqdm(total=len(pairs) * len(methods), desc="evaluate", unit="clip") as bar:
        for name, paths in pairs.items():
            with failures.noting(name):
                noisy, clean = load_pair(*paths)
                for method, function in methods.items():
                    estimate = function(noisy, clean)
                    score = Score(name, method, *waveform_metrics(estimate, clean))
                    scores.append(score)
                    pending[pool.submit(perceptual.scores, estimate.numpy(), clean.numpy())] = score
            _collect(pending, bar, timeout=0)
            # Limit the clips that wait in memory, for any number of files.
            while len(pending) > 64:
                _collect(pending, bar)
        while pending:
            _collect(pending, bar)
    return scores


def waveform_metrics(estimate: Tensor, clean: Tensor) -> tuple[dict[str, float], dict[str, str]]:
    """Compute SNR, SI-SDR and LSD of waveforms `(time,)`, and the reason for each missing value."""
    if not estimate.isfinite().all():
        reason = "expected a finite estimate, got NaN or infinity"
        return dict.fromkeys(("snr", "si_sdr", "lsd"), math.nan), dict.fromkeys(("snr", "si_sdr", "lsd"), reason)
    distance = metrics.log_spectral_distance(estimate, clean).item()
    reason = None
    if not clean.any():
        reason = "the clean file is silent"
    elif (estimate - clean).abs().max() <= _HALF_A_STEP:
        reason = "there is no noise beside the clean file"
    if reason:
        return {"snr": math.nan, "si_sdr": math.nan, "lsd": distance}, {"snr": reason, "si_sdr": reason}
    ratios = {"snr": metrics.snr(estimate, clean).item(), "si_sdr": metrics.si_sdr(estimate, clean).item()}
    return {**ratios, "lsd": distance}, {}


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """Write a line for each file and method, with a column for each metric."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "method", *METRICS])
        for score in scores:
            writer.writerow([score.file, score.method, *(f"{score.values[metric]:.4f}" for metric in METRICS)])


def choose_clips(scores: Sequence[Score], count: int, title: str) -> list[str]:
    """Choose files evenly, from the one whose SI-SDR the model improves least to the one that it improves most."""
    si_sdr = {(score.file, score.method): score.values["si_sdr"] for score in scores}
    gains = {score.file: si_sdr[score.file, title] - si_sdr[score.file, "noisy"] for score in scores}
    ranked = sorted((file for file, gain in gains.items() if not math.isnan(gain)), key=lambda file: gains[file])
    if len(ranked) <= count:
        return ranked
    return [ranked[round(i * (len(ranked) - 1) / max(1, count - 1))] for i in range(count)]


def _collect(pending: dict[Future, Score], bar: tqdm, timeout: float | None = None) -> None:
    for future in wait(pending, timeout, return_when=FIRST_COMPLETED).done:
        score = pending.pop(future)
        values, reasons = future.result()
        score.values.update(values)
        score.reasons.update(reasons)
        bar.update()
