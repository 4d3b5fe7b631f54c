"""The benchmark of docs/benchmark.md: the command `benchmark`, with the default model and DeepFilterNet 3 beside it.

    python -m bench.literature --corpus CORPUS --noisy NOISY --clean CLEAN --out OUT [options of benchmark]

`pip install -e '.[quality]'` installs DeepFilterNet 3. Its delay in each file is the one at which the output correlates
best with the clean file, and is removed.
"""

import hashlib
import sys
from pathlib import Path

import torch
import tyro
from torch import Tensor

from bench import deepfilternet_costs
from bench.alignment import find_delay, without_delay
from bench.quality import DEEPFILTERNET, DEFAULT
from bench.suppressors import start_deepfilternet
from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.commands import benchmark
from speech_enhancement.configuration import Benchmark
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.evaluation.benchmark import measured
from speech_enhancement.evaluation.costs import real_time_factor
from speech_enhancement.evaluation.scoring import Entrant
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System


def default_model(out: Path) -> Entrant:
    """Make the entrant of the model that comes with the package; other weights have another folder."""
    system = load_model()
    digest = hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in system.state_dict().values())).hexdigest()
    folder = out / "default-model" / digest[:12]
    enhancer = Enhancer(system)
    costs = measured(system, folder, "small")
    return Entrant(DEFAULT, System.task, folder, lambda noisy, clean: enhancer.enhance(noisy), costs)


def deepfilternet(out: Path) -> Entrant:
    """Make the entrant of DeepFilterNet 3."""
    enhance = start_deepfilternet()
    costs = {
        "parameters": deepfilternet_costs.count_parameters(),
        "multiply_adds": deepfilternet_costs.count_multiply_adds(),
        "real_time_factor": real_time_factor(lambda noisy: enhance(noisy.numpy())),
        # Windows of 20 ms, and two hops of 10 ms that it looks ahead.
        "latency": 0.04,
    }
    return Entrant(DEEPFILTERNET, System.task, out / "deepfilternet-3", enhance_by_deepfilternet, costs)


def enhance_by_deepfilternet(noisy: Tensor, clean: Tensor) -> Tensor:
    """Enhance a waveform `(time,)` and remove the delay."""
    estimate, target = start_deepfilternet()(noisy.numpy()), clean.numpy()
    return torch.from_numpy(without_delay(estimate, target, find_delay(estimate, target, largest=SAMPLE_RATE)))


if __name__ == "__main__":
    configuration = tyro.cli(Benchmark, description=__doc__.partition("\n")[0])
    configuration.out.mkdir(parents=True, exist_ok=True)
    marks = [make(configuration.out) for make in (default_model, deepfilternet)]
    sys.exit(benchmark.run(configuration, marks))
