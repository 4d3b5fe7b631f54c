"""The check of a model before it is handed in: size, speed, memory, and scores on the public recordings."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from milestones import model_scoring
from milestones.course import CourseError
from milestones.model_terms import METRICS, ModelTerms
from milestones.packing import WEIGHTS, run_apart
from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.evaluation.perceptual import PESQ_MISSING, pesq_is_installed
from speech_enhancement.evaluation.scoring import METRICS as TITLES
from speech_enhancement.evaluation.scoring import find_pairs, load_pair
from speech_enhancement.files.failures import Failures

LOADER = Path(__file__).resolve().with_name("model_loading.py")
"""The loader, which runs only beside the package that was handed in."""

Pairs = Mapping[str, tuple[NDArray, NDArray]]
"""Noisy and clean recordings by name, each float32, `(time,)`, 16 kHz."""

_SECONDS_TO_TRY = 1800
_TRY = """
import json, runpy, time
from pathlib import Path
import numpy, torch

weights, loader, folder = map(Path, sys.argv[1:])
torch.set_num_threads(1)
begin = time.perf_counter()
try:
    loaded = runpy.run_path(str(loader))
    loaded["load"](weights)
    trial = {"seconds_to_load": time.perf_counter() - begin, "seconds": {}, "memory": None}
    for path in sorted(folder.glob("*.npy")):
        noisy = torch.from_numpy(numpy.load(path))
        begin = time.perf_counter()
        enhanced = loaded["enhance"](noisy)
        trial["seconds"][path.stem] = time.perf_counter() - begin
        numpy.save(path, enhanced.numpy())
except Exception as error:
    lines = str(error).strip().splitlines()
    reason = ": ".join([type(error).__name__, *lines[:1]])
    raise SystemExit(f"model: expected one that loads and enhances in a fresh process, got {reason}")
try:
    import resource
except ImportError:
    pass
else:
    # Linux counts kilobytes, macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trial["memory"] = peak if sys.platform == "darwin" else 1024 * peak
(folder / "trial.json").write_text(json.dumps(trial))
print("done")
"""


@dataclass(frozen=True)
class Trial:
    """What a fresh process found of a model.

    Attributes:
        seconds_to_load: wall-clock time.
        seconds: wall-clock time for each recording, by name.
        memory: most that the process had, PyTorch included, in bytes; None on a system that does not tell.
        outputs: for each recording, by name.
    """

    seconds_to_load: float
    seconds: dict[str, float]
    memory: int | None
    outputs: dict[str, NDArray]


def read_pairs(folder: Path) -> Pairs:
    """Read the recordings in the folders `noisy` and `clean` of a folder.

    Raises:
        CourseError: there are none, or a pair cannot be read.
    """
    failures = Failures()
    try:
        found = find_pairs(folder / "noisy", folder / "clean", failures)
        pairs = {name: tuple(each.numpy() for each in load_pair(*paths)) for name, paths in found.items()}
    except (OSError, ValueError) as error:
        raise CourseError(str(error)) from None
    if failures or not pairs:
        reason = next(iter(failures.messages.values()), "none")
        raise CourseError(f"{folder}: expected pairs of noisy and clean recordings, got {reason}")
    return pairs


def try_model(unpacked: Path, pairs: Pairs) -> Trial:
    """Load an unpacked model in a fresh process, and enhance the noisy recordings there.

    Raises:
        CourseError: it fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, (samples, _) in pairs.items():
            np.save(folder / f"{name}.npy", samples)
        arguments = [WEIGHTS, str(LOADER), str(folder)]
        run_apart(_TRY, arguments, unpacked, _SECONDS_TO_TRY, "a model that loads and enhances")
        told: dict[str, Any] = json.loads((folder / "trial.json").read_text())
        return Trial(**told, outputs={name: np.load(folder / f"{name}.npy") for name in pairs})


def print_check(trial: Trial, pairs: Pairs, weights: bytes, terms: ModelTerms) -> None:
    """Print size, speed, memory and scores of a model."""
    print(f"weights: {len(weights) / 1e6:.2f} MB, {_count_numbers(weights):,} numbers")
    duration = sum(len(clean) for _, clean in pairs.values()) / SAMPLE_RATE
    factor = sum(trial.seconds.values()) / duration
    print(f"loading: {trial.seconds_to_load:.1f} s of {terms.seconds_to_load:g} s")
    print(f"real-time factor: {factor:.3f} on one core of this machine; limit {terms.seconds_per_second:g}")
    if trial.memory is not None:
        print(f"memory: {trial.memory / 2**20:.0f} MiB in all, PyTorch included")
    print(f"{'recording':<12}" + "".join(f"{TITLES[metric].title:>14}" for metric in METRICS))
    rows, unprocessed = [], []
    for name, (noisy, clean) in pairs.items():
        fault = model_scoring.fault(trial.outputs[name], noisy)
        if fault is not None:
            print(f"{name:<12}  {fault}")
            continue
        rows.append(model_scoring.scores(trial.outputs[name], clean, terms.max_delay_seconds))
        unprocessed.append(model_scoring.scores(noisy, clean, terms.max_delay_seconds))
        print(_line(name, rows[-1:]))
    if rows:
        print(_line("mean", rows))
        print(_line("noisy, mean", unprocessed))
    thresholds = ", ".join(f"{TITLES[each.metric].title} {each.at_least:g}" for each in terms.thresholds)
    print(f"thresholds of the means over the hidden recordings: {thresholds}")
    if not pesq_is_installed():
        print(f"PESQ: {PESQ_MISSING}")


def _line(name: str, scores: Sequence[Mapping[str, float]]) -> str:
    """Write the means of some recordings' scores as a line of the table."""
    means = {metric: np.mean([row[metric] for row in scores]) for metric in METRICS}
    return f"{name:<12}" + "".join(f"{means[metric]:14.{TITLES[metric].digits}f}" for metric in METRICS)


def _count_numbers(weights: bytes) -> int:
    """Count the numbers in a safetensors file, from its header."""
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    return sum(int(np.prod(each["shape"])) for name, each in header.items() if name != "__metadata__")
