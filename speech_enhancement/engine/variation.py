"""Variations of signals, drawn at random for each signal of a batch: colour, room, speed, rumble and level.

Signals are float32 `(batch, time)` at 16 kHz. Draws have one row for each signal, `(batch, 1)`.
"""

import functools
import math

import torch
from torch import Generator, Tensor

from speech_enhancement.audio import SAMPLE_RATE

_LOWEST, _N_KNOTS = 50.0, 7
_TAIL = 8192
_FRAME = 320


class Draw:
    """Random numbers for the signals of a batch, on the generator's device."""

    def __init__(self, batch: int, generator: Generator):
        self.batch = batch
        self.generator = generator
        self.device = generator.device

    def uniform(self, low: float, high: float, columns: int = 1) -> Tensor:
        """Draw uniform numbers, `(batch, columns)`."""
        return low + (high - low) * torch.rand(self.batch, columns, generator=self.generator, device=self.device)

    def chance(self, probability: float) -> Tensor:
        """Draw True with this probability, `(batch, 1)`."""
        return self.uniform(0, 1) < probability

    def noise(self, time: int) -> Tensor:
        """Draw white noise of unit variance, `(batch, time)`."""
        return torch.randn(self.batch, time, generator=self.generator, device=self.device)

    def sources(self, weights: Tensor) -> Tensor:
        """Draw an index in proportion to weights, `(batch,)`."""
        return torch.multinomial(weights, self.batch, replacement=True, generator=self.generator)


def at_speed(stretch: Tensor, speed: Tensor, time: int) -> Tensor:
    """Play stretches at a speed, by cubic interpolation (Catmull and Rom): pitch and tempo change together.

    Args:
        stretch: `(batch, samples)`, of at least `time * speed + 4` samples.
        speed: `(batch, 1)`.
        time: samples of the result.
    """
    position = 1 + torch.arange(time, device=stretch.device, dtype=torch.float64) * speed
    whole = position.floor()
    x = (position - whole).float()
    index = whole.long()
    a, b, c, d = (stretch.gather(1, index + offset) for offset in (-1, 0, 1, 2))
    return b + x / 2 * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))


def equalised(signal: Tensor, decibels: float, probability: float, draw: Draw) -> Tensor:
    """Filter some signals by a random smooth curve between -decibels and +decibels: another microphone, another room.

    The curve is linear over octaves, between seven points from 50 Hz to 8 kHz.
    """
    points = draw.uniform(-decibels, decibels, _N_KNOTS) * draw.chance(probability)
    return _filtered(signal, 10 ** (points @ _triangles(signal.shape[-1]).to(points).T / 20))


def band_limited(signal: Tensor, cutoff: Tensor, chosen: Tensor) -> Tensor:
    """Take out what lies above a cutoff in Hz from the chosen signals, as telephones and old files do."""
    gain = (1 + (_frequency(signal) / cutoff) ** 24).rsqrt()
    return _filtered(signal, torch.where(chosen, gain, 1.0))


def without_rumble(signal: Tensor) -> Tensor:
    """Take out what lies below 30 Hz, and between 30 and 60 Hz more and more of it: no voice reaches down there."""
    return _filtered(signal, ((_frequency(signal) - 30) / 30).clamp(0, 1))


def reverberated(signal: Tensor, probability: float, draw: Draw) -> Tensor:
    """Add to some signals a tail of decaying noise, which falls by 60 dB in 0.08 to 0.5 s."""
    seconds = torch.arange(_TAIL, device=signal.device) / SAMPLE_RATE
    tail = draw.noise(_TAIL) * torch.exp(-3 * math.log(10) * seconds / draw.uniform(0.08, 0.5)) * (seconds > 0.002)
    tail = tail / tail.square().sum(1, keepdim=True).sqrt() * 10 ** (-draw.uniform(0, 15) / 20)
    response = torch.where(draw.chance(probability), tail, 0.0)
    response[:, 0] = 1
    size = signal.shape[-1] + _TAIL
    spectrum = torch.fft.rfft(signal, size) * torch.fft.rfft(response, size)
    return torch.fft.irfft(spectrum, size)[:, : signal.shape[-1]]


def rumble(time: int, draw: Draw) -> Tensor:
    """Draw noise below 15 to 90 Hz, as wind, traffic and steps make it: `(batch, time)`."""
    white = draw.noise(time)
    frequency = _frequency(white)
    return _filtered(white, (1 + (frequency / draw.uniform(15, 90)) ** 6).rsqrt() * (frequency > 3))


def power(signal: Tensor) -> Tensor:
    """Compute the mean square, `(batch, 1)`, never zero."""
    return signal.square().mean(1, keepdim=True) + 1e-9


def active_power(signal: Tensor) -> Tensor:
    """Compute the mean square of the frames of 20 ms within 30 dB of the loudest, `(batch, 1)`, never zero."""
    frames = signal[:, : signal.shape[-1] // _FRAME * _FRAME].reshape(len(signal), -1, _FRAME).square().mean(-1)
    active = frames > 1e-3 * frames.amax(1, keepdim=True)
    return (frames * active).sum(1, keepdim=True) / active.sum(1, keepdim=True).clamp_min(1) + 1e-9


def _filtered(signal: Tensor, gain: Tensor) -> Tensor:
    return torch.fft.irfft(torch.fft.rfft(signal) * gain, signal.shape[-1])


def _frequency(signal: Tensor) -> Tensor:
    return torch.fft.rfftfreq(signal.shape[-1], 1 / SAMPLE_RATE, device=signal.device)


@functools.lru_cache(maxsize=4)
def _triangles(time: int) -> Tensor:
    """Compute the weights with which seven points make a curve over frequency: `(freq, 7)`."""
    octave = torch.log2(torch.fft.rfftfreq(time, 1 / SAMPLE_RATE).clamp_min(_LOWEST) / _LOWEST)
    knots = torch.linspace(0, math.log2(SAMPLE_RATE / 2 / _LOWEST), _N_KNOTS)
    return (1 - (octave[:, None] - knots).abs() / knots[1]).clamp_min(0)
