"""Noises made of random numbers: steady, slowly changing, tonal and impulsive ones."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torchaudio.functional import highpass_biquad, lowpass_biquad

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.augmentation import pink_noise, white_noise


def hum(length: int, generator: Generator) -> Tensor:
    """Mains hum: 50 or 60 Hz with twenty harmonics of random strength, and some hiss."""
    base = 50.0 if _uniform(generator, 0, 1) < 0.5 else 60.0
    harmonics = torch.arange(1, 21)
    strength = torch.rand(20, generator=generator) / harmonics
    phase = 2 * math.pi * torch.rand(20, generator=generator)
    time = torch.arange(length) / SAMPLE_RATE
    tones = torch.sin(2 * math.pi * base * harmonics[:, None] * time + phase[:, None])
    return (strength[:, None] * tones).sum(dim=0) + 0.02 * white_noise(length, generator=generator)


def wind(length: int, generator: Generator) -> Tensor:
    """Low-passed pink noise that swells and falls within seconds."""
    gusts = _slowly(length, 2.0, generator).exp()
    return lowpass_biquad(pink_noise(length, generator=generator), SAMPLE_RATE, _uniform(generator, 200, 800)) * gusts


def rain(length: int, generator: Generator) -> Tensor:
    """High-passed hiss with drops: single samples at random times, each of which rings briefly."""
    drops = (torch.rand(length, generator=generator) < _uniform(generator, 50, 400) / SAMPLE_RATE).float()
    ringing = torch.exp(-torch.arange(200) / 30) * torch.sin(torch.arange(200) * _uniform(generator, 0.3, 1.5))
    hits = drops * torch.rand(length, generator=generator)
    ringing_drops = torch.nn.functional.conv1d(hits[None, None], ringing.flip(0)[None, None], padding=199)[
        0, 0, :length
    ]
    hiss = highpass_biquad(white_noise(length, generator=generator), SAMPLE_RATE, 1000.0)
    return 0.1 * hiss + ringing_drops


def machine(length: int, generator: Generator) -> Tensor:
    """Pink noise whose loudness beats a few times a second, and a whine."""
    time = torch.arange(length) / SAMPLE_RATE
    beat = 1 + 0.8 * torch.sin(2 * math.pi * _uniform(generator, 2, 12) * time)
    whine = torch.sin(2 * math.pi * _uniform(generator, 300, 2000) * time + _slowly(length, 1.0, generator))
    return pink_noise(length, generator=generator) * beat + 0.3 * whine


def typing(length: int, generator: Generator) -> Tensor:
    """Short bursts of noise at irregular times, over a quiet floor."""
    envelope = torch.zeros(length)
    position = 0
    while position < length:
        decay = torch.exp(-torch.arange(800) / _uniform(generator, 40, 200))
        burst = decay[: length - position] * _uniform(generator, 0.3, 1.0)
        envelope[position : position + 800] += burst
        position += int(_uniform(generator, 0.05, 0.4) * SAMPLE_RATE)
    return white_noise(length, generator=generator) * (envelope + 0.01)


def siren(length: int, generator: Generator) -> Tensor:
    """A tone with overtones whose pitch goes up and down."""
    time = torch.arange(length) / SAMPLE_RATE
    sweep = torch.sin(2 * math.pi * _uniform(generator, 0.2, 1.0) * time)
    frequency = _uniform(generator, 600, 1000) * (1 + 0.3 * sweep)
    phase = 2 * math.pi * frequency.cumsum(0) / SAMPLE_RATE
    return sum(torch.sin(n * phase) / n**2 for n in (1, 2, 3)) + 0.05 * pink_noise(length, generator=generator)


KINDS: dict[str, Callable[[int, Generator], Tensor]] = {
    "white": lambda length, generator: white_noise(length, generator=generator),
    "pink": lambda length, generator: pink_noise(length, generator=generator),
    "hum": hum,
    "wind": wind,
    "rain": rain,
    "machine": machine,
    "typing": typing,
    "siren": siren,
}


def _uniform(generator: Generator, lowest: float, highest: float) -> float:
    return lowest + (highest - lowest) * float(torch.rand((), generator=generator))


def _slowly(length: int, seconds: float, generator: Generator) -> Tensor:
    """A random curve, interpolated between values that are `seconds` apart."""
    points = torch.randn(2 + int(length / (seconds * SAMPLE_RATE)), generator=generator)
    return torch.nn.functional.interpolate(points[None, None], size=length, mode="linear", align_corners=True)[0, 0]
