"""PESQ of the deep network prior after more and more steps, with M and its square as gain, beside log-MMSE.

python -m bench.deep_network_prior NOISY CLEAN p232_002 p232_006 p232_017 --seconds 2.5 --iterations 2000

NOISY and CLEAN are folders of pairs, followed by names of files without their ending. Half an hour or more for the
above, on one core; `--filters 60 --iterations 5000 --device cuda` is the published size, for a machine with a GPU.
`--bfloat16` computes all but the network's last layer in 16 bits, in little more than half the time if the processor
can.
"""

import argparse
import math
import statistics
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.scoring import load_pair
from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble
from speech_enhancement.systems.deep_network_prior import (
    FIRST_STEP,
    DeepNetworkPrior,
    changes,
    mask_of_changes,
)
from speech_enhancement.systems.log_mmse import filter_by_log_mmse

EXPONENTS = (1, 2)
STEPS = (100, 200, 400, 600, 1000, 1500, 2000, 3000, 4000, 5000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.deep_network_prior", description=__doc__.splitlines()[0])
    parser.add_argument("noisy", type=Path)
    parser.add_argument("clean", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--seconds", type=float, help="of each file, from its beginning; all of it")
    parser.add_argument("--filters", type=int, default=DeepNetworkPrior.sizes["small"]["filters"])
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bfloat16", action="store_true")
    arguments = parser.parse_args()
    scores: dict[str, list[float]] = {}
    for name in arguments.names:
        noisy, clean = load_pair(*(folder / f"{name}.wav" for folder in (arguments.noisy, arguments.clean)))
        end = None if arguments.seconds is None else round(16000 * arguments.seconds)
        noisy, clean = remove_rumble(noisy)[:end], clean[:end]
        # Autocast's cache would keep the weights of the first step for all others.
        with torch.autocast(arguments.device, torch.bfloat16, arguments.bfloat16, cache_enabled=False):
            for title, estimate in estimates(noisy, arguments.filters, arguments.iterations, arguments.device):
                value = perceptual.pesq(estimate.numpy(), clean.numpy())
                tqdm.write(f"{name}, {title}: {value:.3f}")
                scores.setdefault(title, []).append(value)
    for title, values in scores.items():
        above = [value - reference for value, reference in zip(values, scores["log-MMSE"], strict=True)]
        error = statistics.stdev(above) / math.sqrt(len(above)) if len(above) > 1 else math.nan
        mean, difference = statistics.fmean(values), statistics.fmean(above)
        print(f"mean, {title}: {mean:.3f}, {difference:+.3f} to log-MMSE (standard error {error:.3f})")


def estimates(noisy: Tensor, filters: int, iterations: int, device: str) -> Iterator[tuple[str, Tensor]]:
    """Titles and waveforms `(time,)`: after each of `STEPS` with each gain, as `DeepNetworkPrior` makes them."""
    yield "noisy", noisy
    yield "log-MMSE", filter_by_log_mmse(noisy)
    torch.manual_seed(0)
    noisy = noisy.to(device).view(1, 1, -1)
    sums = tqdm(changes(noisy, filters, iterations), total=iterations - FIRST_STEP, unit="step")
    for step, total in enumerate(sums, FIRST_STEP + 1):
        if step in STEPS:
            for exponent in EXPONENTS:
                gain = mask_of_changes(total) ** exponent
                enhanced = istft(apply_mask(stft(noisy), gain), length=noisy.shape[-1])
                yield f"{step} steps, gain M ** {exponent}", enhanced.flatten().cpu()


if __name__ == "__main__":
    main()
