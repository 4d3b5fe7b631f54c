"""How long a block of a stream takes on one core, and how late the result is.

    python -m bench.streaming

Blocks of 8 ms come one by one, as from a microphone, at several rates. A block must take less than 8 ms, or sound is
lost. The worst time is that of the process, so that other programs do not add to it, over the blocks after the first
second, in which code is loaded and memory is taken.
"""

import os
import time

import numpy as np
import torch
from tqdm.auto import tqdm

from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import Stream

BLOCK_SECONDS, SECONDS = 0.008, 10
CASES = ((16000, 1), (44100, 1), (48000, 1), (48000, 2))


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    model = load_model()
    print("| sample rate (Hz) | channels | latency (samples) | latency (ms) | median block (ms) | worst block (ms) |")
    print("|---:|---:|---:|---:|---:|---:|")
    for rate, channels in CASES:
        stream = model.stream(rate, channels)
        times = 1000 * block_seconds(stream)[round(1 / BLOCK_SECONDS) :]
        latency = f"{stream.latency} | {1000 * stream.latency_seconds:.2f}"
        print(f"| {rate} | {channels} | {latency} | {np.median(times):.2f} | {times.max():.2f} |")


def block_seconds(stream: Stream) -> np.ndarray:
    """Measure the time that each block of noise takes, in seconds."""
    length = round(BLOCK_SECONDS * stream.sample_rate)
    noise = 0.1 * torch.randn(stream.channels, length, generator=torch.Generator().manual_seed(0))
    times = []
    for _ in tqdm(range(round(SECONDS / BLOCK_SECONDS)), desc=f"{stream.sample_rate} Hz", unit="block", leave=False):
        begin = time.process_time()
        stream.process(noise)
        times.append(time.process_time() - begin)
    return np.array(times)


if __name__ == "__main__":
    main()
