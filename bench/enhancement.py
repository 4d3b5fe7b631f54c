"""Real-time factor of the default model on one core, beside noisereduce, and memory against the length of the file.

python -m bench.enhancement
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm.auto import tqdm

from bench.measuring import peak_mebibytes, print_peak, rates
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.systems.model_file import load_model

RATE = 16000
MINUTES = (10, 60)


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in MINUTES:
            write_file(folder / f"{minutes}.wav", minutes)
        enhancer = Enhancer(load_model())
        seconds = MINUTES[0] * 60

        def ours() -> int:
            enhancer.enhance_file(folder / f"{MINUTES[0]}.wav", folder / "out.wav")
            return seconds

        def noisereduce() -> int:
            import noisereduce

            signal, rate = soundfile.read(folder / f"{MINUTES[0]}.wav", dtype="float32")
            soundfile.write(folder / "out.wav", noisereduce.reduce_noise(signal, rate), rate)
            return seconds

        seen = rates({"default model": ours, "noisereduce": noisereduce}, rounds=1)
        for way, rate in seen.items():
            print(f"{way:14} real-time factor {1 / rate:.4f} on one core, {MINUTES[0]} minutes")
        print(f"ratio of times to noisereduce: {seen['noisereduce'] / seen['default model']:.2f}")
        peaks = [peak_mebibytes("bench.enhancement", folder / f"{minutes}.wav") for minutes in MINUTES]
    for minutes, peak in zip(MINUTES, peaks, strict=True):
        print(f"{minutes} minutes: peak {peak:.0f} MiB, {peak / peaks[0]:.3f} times that of {MINUTES[0]}")


def write_file(path: Path, minutes: int) -> None:
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in tqdm(range(minutes), desc=path.name, unit="min"):
            file.write(0.1 * generator.standard_normal(60 * RATE))


def measure_memory(path: Path) -> None:
    torch.set_num_threads(1)
    Enhancer(load_model()).enhance_file(path, path.with_suffix(".out.wav"))
    print_peak()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure_memory(Path(sys.argv[1]))
    else:
        main()
