"""The figure of mixing at a signal-to-noise ratio, task 1.9."""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from milestones.instructor.figures.drawing import BLUE, GREY, ORANGE, new_figure

_RATE = 8000
_N_STRIPES = 320


def mixing_at_snr() -> Figure:
    """Draw speech and noise of the handout's example, and their mixtures at 10 and at 0 dB."""
    speech, noise = 0.1 * _unit_rms(_syllables()), 0.2 * _unit_rms(_hum())
    gains = {snr_db: 0.1 / (0.2 * 10 ** (snr_db / 20)) for snr_db in (10, 0)}
    figure = new_figure(3.6)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    _stripes(axes[0, 0], speech, BLUE, "speech, RMS 0.1")
    _stripes(axes[0, 1], noise, ORANGE, "noise, RMS 0.2")
    for one, (snr_db, gain) in zip(axes[1], gains.items(), strict=True):
        _stripes(one, speech + gain * noise, GREY, f"mixture at {snr_db} dB: speech + {gain:.3g} · noise")
        _stripes(one, gain * noise, ORANGE)
        one.set_xlabel("time (s)")
    axes[0, 0].set(xlim=(0, 2), ylim=(-0.8, 0.8), xticks=(0, 0.5, 1, 1.5))
    for one in axes[:, 0]:
        one.set_ylabel("amplitude")
    return figure


def _syllables() -> Tensor:
    """Imitate speech: bursts of harmonics with pauses between, `(time,)`."""
    time = torch.arange(2 * _RATE) / _RATE
    voice = sum(torch.sin(2 * torch.pi * 130 * k * time + k * k) / k for k in range(1, 12))
    bursts = [(0.2, 0.32, 0.8), (0.45, 0.62, 1.0), (0.68, 0.8, 0.6), (1.1, 1.3, 0.9), (1.36, 1.5, 0.7), (1.56, 1.8, 1)]
    shape = torch.zeros_like(time)
    for start, end, height in bursts:
        place = ((time - start) / (end - start)).clamp(0, 1)
        shape += height * torch.sin(torch.pi * place).square()
    return voice * shape


def _hum() -> Tensor:
    """Make white noise, `(time,)`."""
    return torch.randn(2 * _RATE, generator=torch.Generator().manual_seed(0))


def _unit_rms(signal: Tensor) -> Tensor:
    return signal / signal.square().mean().sqrt()


def _stripes(axes: Axes, signal: Tensor, colour: str, title: str | None = None) -> None:
    """Draw a waveform by its lowest and highest value in each of many stretches, as editors of audio do."""
    lowest, highest = (signal.reshape(_N_STRIPES, -1).aminmax(dim=1)[i] for i in (0, 1))
    time = (torch.arange(_N_STRIPES) + 0.5) * signal.numel() / _N_STRIPES / _RATE
    axes.fill_between(time, lowest, highest, color=colour, linewidth=0)
    if title:
        axes.set_title(title)
