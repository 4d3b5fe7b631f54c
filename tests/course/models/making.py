"""Models that need no training, and recordings that take no time."""

import json
from pathlib import Path

import torch

from speech_enhancement.audio import SAMPLE_RATE, save
from speech_enhancement.systems.model_file import load_model

DURATION = 1.0


def write_run(folder, system=None):
    """Write the files of a training run of a system, by default of the model that comes with the package."""
    folder.mkdir(parents=True)
    (system or load_model()).save(folder / "best.ckpt", epoch=0)
    (folder / "log.jsonl").write_text(json.dumps({"epoch": 0, "validation_loss": 0.5}) + "\n")
    return folder


def speech_like(seed, duration=DURATION):
    """Draw noise that swells four times a second, which PESQ and STOI take for speech: `(time,)`, RMS 0.05."""
    time = torch.arange(int(duration * SAMPLE_RATE)) / SAMPLE_RATE
    generator = torch.Generator().manual_seed(seed)
    sound = torch.randn(len(time), generator=generator) * (torch.sin(8 * torch.pi * time).clamp_min(0) + 0.01)
    return 0.05 * sound / sound.square().mean().sqrt()


def write_pairs(folder, count=2, duration=DURATION, seed=0):
    """Write pairs of noisy and clean recordings."""
    for number in range(count):
        clean = speech_like(seed + number, duration)
        noise = torch.randn(len(clean), generator=torch.Generator().manual_seed(seed + 100 + number))
        for kind, waveform in (("clean", clean), ("noisy", clean + 0.01 * noise)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            save(folder / kind / f"{number:02}.wav", waveform[None])
    return Path(folder)
