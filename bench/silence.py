"""Energy of silence: the level of what methods leave of noise alone, where the clean waveform would be silent.

    python -m bench.silence DATA

DATA holds `noise/val`, which training does not hear. Its recordings are cut into stretches of 10 s at -30 dBFS, and
each method starts afresh on each. Levels are those of the output beside the input.
"""

import argparse
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from bench.quality import DEEPFILTERNET, DEFAULT, U_NET, Method, methods
from speech_enhancement.audio import SAMPLE_RATE, find, load
from speech_enhancement.evaluation.tables import Table

METHODS = (DEFAULT, DEEPFILTERNET, U_NET)
STRETCH = 10 * SAMPLE_RATE
LEVEL_DECIBELS = -30.0
LOWEST_DECIBELS = -100.0


def main(data: Path) -> None:
    """Print the mean and the highest level of each method."""
    stretches = [
        at_level(stretch, LEVEL_DECIBELS) for path in find(data / "noise" / "val") for stretch in whole_stretches(path)
    ]
    rows = []
    for method in installed(METHODS):
        levels = levels_left(method, stretches)
        rows.append([method.title, f"{statistics.fmean(levels):.1f}", f"{max(levels):.1f}"])
    remark = f"{len(stretches)} stretches of noise alone; levels below {LOWEST_DECIBELS:.0f} dB count as that."
    print(Table(["method", "mean level left (dB)", "highest (dB)"], rows, [remark]).markdown())


def installed(titles: Iterable[str]) -> list[Method]:
    """List the methods of these titles whose packages are installed."""
    by_title: Mapping[str, Method] = {method.title: method for method in methods()}
    return [by_title[title] for title in titles if not by_title[title].missing_modules()]


def whole_stretches(path: Path) -> Sequence[Tensor]:
    """Load a file as stretches of exactly `STRETCH` samples, `(time,)` each; the rest is left out."""
    waveform = load(path).mean(dim=0)
    return [part for part in waveform.split(STRETCH) if len(part) == STRETCH]


def at_level(waveform: Tensor, decibels: float) -> Tensor:
    """Scale a waveform that is not silent to a level in dB below full scale."""
    return waveform * 10 ** (decibels / 20) / waveform.square().mean().sqrt()


@torch.inference_mode()
def levels_left(method: Method, waveforms: Iterable[Tensor]) -> list[float]:
    """Enhance waveforms `(time,)` that hold no speech, and measure the level of each output beside its input, in dB."""
    levels = []
    for waveform in waveforms:
        left = method.start()(waveform, torch.zeros_like(waveform)).square().sum() / waveform.square().sum()
        levels.append(10 * math.log10(max(left.item(), 10 ** (LOWEST_DECIBELS / 10))))
    return levels


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds noise/val")
    main(**vars(parser.parse_args()))
