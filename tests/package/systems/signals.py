"""Signals to test systems with: voices, noise, and both."""

import torch
from torch import Tensor


def batch(seconds: float = 1.0, size: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Make noisy and clean: gliding harmonics that come and go, and white noise at 5 dB SNR, `(size, 1, time)`."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(round(16000 * seconds)) / 16000
    pitch = 100 + 100 * torch.rand(size, 1, 1, generator=generator)
    phase = 2 * torch.pi * pitch * (time + 0.2 * time.square())
    harmonics = sum(torch.sin(number * phase) / number for number in range(1, 12))
    clean = 0.1 * harmonics * (0.5 + 0.5 * torch.sin(2 * torch.pi * 3 * time + pitch)).square()
    noise = torch.randn(clean.shape, generator=generator)
    scale = (clean.square().mean(-1, keepdim=True) / 10**0.5).sqrt()
    return clean + scale * noise, clean


def noise_first(seconds: float = 2.0, silent_seconds: float = 0.3) -> tuple[Tensor, Tensor]:
    """Make a `batch` whose voices set in later, `(2, 1, time)`: classical methods learn noise from the beginning."""
    noisy, clean = batch(seconds)
    late = clean * (torch.arange(clean.shape[-1]) >= round(16000 * silent_seconds))
    return noisy - clean + late, late


def wide_band_voices(time: int = 2000) -> Tensor:
    """Make two gliding voices with 42 harmonics, the last near 7.5 kHz, `(2, 1, time)`: they fill the upper band."""
    seconds = torch.arange(time) / 16000
    pitch = torch.tensor([165.0, 180.0]).view(2, 1, 1)
    phase = 2 * torch.pi * pitch * (seconds + 0.1 * seconds.square())
    return 0.1 * sum(torch.cos(number * phase) / number**0.5 for number in range(1, 43))
