"""Real-time factor of the default model on one core, beside noisereduce; memory; the time until the first sound.

    python -m bench.enhancement

Memory is the peak of the process that runs the command, against the length of the file, its sample rate and channels.
The first sound is written some time after torch has been imported: the processor's time, the median over processes.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm.auto import tqdm

from bench.measuring import peak_mebibytes, print_peak, rates

RATE = 16000
MINUTES = (10, 60)
OTHERS = ((47952, 1), (48000, 2))
"""Sample rates and channels."""
N_STARTS = 5


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in MINUTES:
            write_file(folder / f"{minutes}.wav", minutes)
        from speech_enhancement.enhancement import Enhancer
        from speech_enhancement.systems.model_file import load_model

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
        peaks = [peak_mebibytes("bench.enhancement", "memory", folder / f"{minutes}.wav") for minutes in MINUTES]
        for minutes, peak in zip(MINUTES, peaks, strict=True):
            print(f"{minutes} minutes: peak {peak:.0f} MiB, {peak / peaks[0]:.3f} times that of {MINUTES[0]}")
        for rate, channels in OTHERS:
            write_file(folder / f"{rate}.wav", 2, rate, channels)
            peak = peak_mebibytes("bench.enhancement", "memory", folder / f"{rate}.wav")
            print(f"2 minutes at {rate} Hz, channels: {channels}: peak {peak:.0f} MiB")
        words = [sys.executable, "-m", "bench.enhancement", "start", str(folder / f"{MINUTES[0]}.wav")]
        starts = [
            float(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])
            for _ in tqdm(range(N_STARTS), desc="starts")
        ]
    print(f"first sound {statistics.median(starts):.2f} s of the processor's time after torch has been imported")


def write_file(path: Path, minutes: int, rate: int = RATE, channels: int = 1) -> None:
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, channels, "PCM_16") as file:
        for _ in tqdm(range(minutes), desc=path.name, unit="min"):
            file.write(0.1 * generator.standard_normal((60 * rate, channels)))


def measure_memory(path: Path) -> None:
    """Run the command on one core, and print the peak of this process's memory."""
    enhance(path)
    print_peak()


def measure_start(path: Path) -> None:
    """Run the command until it writes sound, and print the processor's seconds since torch was there."""
    begin = time.process_time()

    def write(*arguments: object) -> None:
        print(time.process_time() - begin)
        sys.stdout.flush()
        os._exit(0)

    soundfile.SoundFile.write = write
    enhance(path)


def enhance(path: Path) -> None:
    torch.set_num_threads(1)
    from speech_enhancement.__main__ import main as command

    sys.argv = ["speech_enhancement", "enhance", str(path), "--out", str(path.parent / "out"), "--overwrite"]
    command()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"memory": measure_memory, "start": measure_start}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()
