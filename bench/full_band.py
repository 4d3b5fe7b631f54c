"""The band above 8 kHz, which the default model does not know, beside what other noise suppressors make of it.

    python -m bench.full_band NOISY CLEAN [--picture PICTURE]

The two folders hold files of the same names at 48 kHz. `pip install -e '.[quality]'` installs the suppressors of other
projects. Their delay is the one at which the output correlates best with the clean file.

The log-spectral distance is the root of the mean square of the differences of power spectra in dB, over the frequencies
above 8 kHz, and its mean over frames of 32 ms. The step at 8 kHz is the mean change of the level, in dB, that a method
makes from 8 to 9 kHz less that from 7 to 8 kHz: a seam would show there.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from bench import suppressors
from bench.alignment import common_delay, without_delay
from bench.bootstrap import interval_of_mean
from speech_enhancement.audio import load
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.evaluation.scoring import find_pairs
from speech_enhancement.evaluation.tables import Table
from speech_enhancement.files.failures import Failures
from speech_enhancement.systems.model_file import load_model

RATE = suppressors.FULL_BAND_RATE
N_FFT, HOP = 1536, 384
Method = Callable[[Tensor], Tensor]


def main(noisy: Path, clean: Path, picture: Path | None) -> int:
    """Measure and print; 1 if a file is missing."""
    failures = Failures()
    pairs = {
        name: tuple(load(path, RATE)[0] for path in paths) for name, paths in find_pairs(noisy, clean, failures).items()
    }
    results = {
        title: [enhance(pair, method) for pair in tqdm(pairs.values(), desc=title, leave=False)]
        for title, method in methods().items()
    }
    print(table(results, [clean for _, clean in pairs.values()], [noisy for noisy, _ in pairs.values()]).markdown())
    if picture:
        draw(picture, {title: waveforms[-1] for title, waveforms in results.items()}, list(pairs.values())[-1][1])
    return 1 if failures else 0


def methods() -> Mapping[str, Method]:
    """Name the methods, in the order of the table; each maps a noisy waveform `(time,)` to an estimate."""
    enhancer = Enhancer(load_model())
    return {
        "noisy": lambda noisy: noisy,
        "noisereduce": lambda noisy: torch.from_numpy(suppressors.start_noisereduce(RATE)(noisy.numpy())),
        "DeepFilterNet 3": lambda noisy: torch.from_numpy(suppressors.start_deepfilternet(RATE)(noisy.numpy())),
        "default model": lambda noisy: enhancer.enhance(noisy, RATE),
    }


def enhance(pair: tuple[Tensor, Tensor], method: Method) -> Tensor:
    """Enhance a recording and remove the method's delay."""
    noisy, clean = pair
    estimate, reference = method(noisy).numpy(), clean.numpy()
    delay = common_delay([(estimate, reference)], largest=RATE // 10)
    return torch.from_numpy(without_delay(estimate, reference, delay))


def table(results: Mapping[str, list[Tensor]], clean: list[Tensor], noisy: list[Tensor]) -> Table:
    """Tabulate means over the files with their intervals."""
    rows = []
    for title, waveforms in results.items():
        distances = [distance(*each) for each in zip(waveforms, clean, strict=True)]
        low, high = interval_of_mean(distances)
        steps = [step_at_8_khz(*each) for each in zip(waveforms, noisy, strict=True)]
        rows.append([title, f"{np.mean(distances):.2f} ({low:.2f} to {high:.2f})", f"{np.mean(steps):+.1f}"])
    header = ["method", "log-spectral distance above 8 kHz (dB)", "step at 8 kHz (dB)"]
    return Table(header, rows, [f"Means over {len(clean)} files, with 95 % intervals by the bootstrap."])


def distance(estimate: Tensor, clean: Tensor) -> float:
    """Compute the log-spectral distance above 8 kHz, in dB."""
    difference = (levels(estimate) - levels(clean))[_bin(8000) + 1 :]
    return difference.square().mean(0).sqrt().mean().item()


def step_at_8_khz(estimate: Tensor, noisy: Tensor) -> float:
    """Compute how much more a method changes the level from 8 to 9 kHz than from 7 to 8 kHz, in dB."""
    change = levels(estimate) - levels(noisy)
    return (change[_bin(8000) : _bin(9000)].mean() - change[_bin(7000) : _bin(8000)].mean()).item()


def levels(waveform: Tensor) -> Tensor:
    """Compute the power spectrum in dB, at least -100: `(freq, frames)`."""
    spectrum = torch.stft(waveform, N_FFT, HOP, window=torch.hann_window(N_FFT), return_complex=True)
    return 10 * spectrum.abs().square().clamp_min(1e-10).log10()


def draw(path: Path, waveforms: Mapping[str, Tensor], clean: Tensor) -> None:
    """Draw the spectrograms of a recording below each other."""
    shown = {**waveforms, "clean": clean}
    figure, axes = plt.subplots(len(shown), figsize=(10, 2.2 * len(shown)), sharex=True, layout="constrained")
    for axis, (title, waveform) in zip(axes, shown.items(), strict=True):
        extent = (0, len(waveform) / RATE, 0, RATE / 2000)
        axis.imshow(levels(waveform), origin="lower", aspect="auto", extent=extent, vmin=-60, vmax=40, cmap="magma")
        axis.set(title=title, ylabel="frequency (kHz)")
    axes[-1].set_xlabel("time (s)")
    figure.savefig(path, dpi=80)


def _bin(frequency: float) -> int:
    return round(frequency * N_FFT / RATE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("noisy", type=Path, help="folder of noisy files")
    parser.add_argument("clean", type=Path, help="folder of clean files of the same names")
    parser.add_argument("--picture", type=Path, help="file to draw the spectrograms of the last pair to")
    sys.exit(main(**vars(parser.parse_args())))
