"""The level difference of two channels before and after the default model, channels together and apart.

    python -m bench.channels SPEECH NOISE

Speech comes from one direction and noise from another: each is louder in one channel and some samples later in the
other, and each channel has noise of its own. The level difference of a frame of 32 ms is that of left and right in dB;
its deviation over the frames of a file is what wanders. SI-SDR is that of each channel to its own clean speech.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, find, load
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.evaluation.tables import Table
from speech_enhancement.metrics import si_sdr
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System

N_FILES, LENGTH = 6, 8 * SAMPLE_RATE
SNR_DB, FRAME = 5.0, 512


def main(speech: Path, noise: Path) -> None:
    model = load_model()
    speech_files, noise_files = find(speech), find(noise)
    files = speech_files[:: max(1, len(speech_files) // N_FILES)][:N_FILES]
    values = {"noisy": [], "channels together": [], "channels apart": []}
    for number, path in enumerate(tqdm(files, desc="files")):
        clean = directed(load(path)[0][:LENGTH], later=5, right=0.6)
        recorded = load(noise_files[number % len(noise_files)])[0]
        noisy = mix_at_snr(clean[None], noise_of(recorded, clean.shape[-1])[None], SNR_DB)[0]
        for title in values:
            result = noisy if title == "noisy" else enhance(model, noisy, apart=title == "channels apart")
            values[title].append((level_difference(result).std().item(), si_sdr(result, clean).mean().item()))
    rows = [[title, *(f"{mean:.1f}" for mean in np.mean(rows, axis=0))] for title, rows in values.items()]
    header = ["method", "deviation of the level difference (dB)", "SI-SDR (dB)"]
    print(Table(header, rows, [f"Means over {len(files)} mixtures at {SNR_DB:.0f} dB."]).markdown())


def directed(waveform: Tensor, later: int, right: float) -> Tensor:
    """Make two channels, of which the right one is `later` samples later and has `right` times the level."""
    return torch.stack([waveform, right * functional.pad(waveform, (later, 0))[: len(waveform)]])


def noise_of(recorded: Tensor, length: int) -> Tensor:
    """Make noise from the right, with a share of other noise in each channel: `(2, length)`."""
    main, left, right = (recorded.roll(-step * len(recorded) // 3)[:length] for step in range(3))
    return directed(main, later=9, right=1.4) + 0.4 * torch.stack([left, right])


def enhance(model: System, noisy: Tensor, apart: bool) -> Tensor:
    stream = model.stream(channels=len(noisy), apart=apart)
    return torch.cat([stream.process(noisy), stream.flush()], dim=-1)[:, stream.latency :]


def level_difference(waveform: Tensor) -> Tensor:
    """Compute the level of the left channel less that of the right one in each frame, in dB."""
    power = waveform.unfold(-1, FRAME, FRAME).square().mean(-1).clamp_min(1e-12)
    return 10 * (power[0] / power[1]).log10()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("speech", type=Path, help="folder of clean speech")
    parser.add_argument("noise", type=Path, help="folder of noise")
    main(**vars(parser.parse_args()))
