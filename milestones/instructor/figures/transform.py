"""Figures of the short-time Fourier transform and its inverse, tasks 1.1 and 1.2."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from milestones.instructor.figures.drawing import BLUE, GREEN, GREY, ORANGE, VERMILLION, new_figure


def framing() -> Figure:
    """Draw a short signal, its reflected ends, and the frames that are centred on every hop."""
    n_fft, hop_length, time = 16, 4, 30
    half = n_fft // 2
    n = torch.arange(time)
    signal = torch.sin(0.35 * n + 0.9) + 0.5 * torch.sin(1.1 * n)
    padded = torch.nn.functional.pad(signal[None, None], (half, half), mode="reflect")[0, 0]
    figure = new_figure(4.2)
    above, below = figure.subplots(2, sharex=True, height_ratios=(1, 1.5))
    for axes in (above, below):
        axes.axvspan(-half - 0.5, -0.5, color=ORANGE, alpha=0.15, linewidth=0)
        axes.axvspan(time - 0.5, time + half - 0.5, color=ORANGE, alpha=0.15, linewidth=0)
    places = np.arange(-half, time + half)
    inside = (places >= 0) & (places < time)
    above.plot(places, padded, color=GREY, linewidth=0.8)
    above.plot(places[inside], padded[inside], "o", color=BLUE, markersize=4)
    above.plot(places[~inside], padded[~inside], "o", color=VERMILLION, markersize=4, fillstyle="none")
    for end in (0, time - 1):
        above.axvline(end, color="black", linewidth=0.8, linestyle=":")
    above.set(title=f"a signal of {time} samples, reflected about its first and its last one", yticks=[])
    above.annotate("$x[-1] = x[1]$", (-1, padded[half - 1]), (-7.7, -1.1), arrowprops={"arrowstyle": "->"})
    window = torch.hann_window(n_fft)
    for m in range(1 + time // hop_length):
        start, colour = m * hop_length - half, BLUE if m % 2 == 0 else GREEN
        below.fill_between(start + torch.arange(n_fft), -m, -m + 0.8 * window, color=colour, alpha=0.35, linewidth=0)
        below.plot(start + torch.arange(n_fft), -m + 0.8 * window, color=colour, linewidth=1)
        below.plot(m * hop_length, -m, "|", color="black", markersize=7)
        below.text(start + n_fft + 0.3, -m + 0.1, f"$m = {m}$", fontsize=8)
    below.set(
        title=f"frame $m$ is centred on sample $mH$, here with $N = {n_fft}$ and $H = {hop_length}$:"
        f" 1 + {time} // {hop_length} = {1 + time // hop_length} frames",
        xlabel="sample",
        yticks=[],
        xlim=(-half - 0.5, time + half + 2.5),
        xticks=range(-8, 40, 4),
    )
    return figure


def overlap_add() -> Figure:
    """Draw frames that are windowed twice and added, the sum of the squared windows, and the quotient."""
    n_fft, time = 512, 1650
    n = torch.arange(time)
    signal = torch.sin(2 * torch.pi * (0.002 * n + 2e-6 * n.square()))
    figure = new_figure(5.2)
    sums, weights, quotient = figure.subplots(3, sharex=True)
    added, weight = _overlapped(signal, n_fft, 128, sums)
    sums.plot(added, color="black", linewidth=1.4, label="their sum")
    sums.set(title="frames, windowed a second time, and their sum", ylim=(-1.7, 1.7))
    sums.legend(loc="lower left", frameon=False)
    _, uneven = _overlapped(signal, n_fft, 200)
    weights.plot(weight, color=BLUE, linewidth=1.4, label="$H = N / 4 = 128$")
    weights.plot(uneven, color=VERMILLION, linewidth=1.4, linestyle="--", label="$H = 200$")
    weights.set(title="sum of the squared windows: 1.5 in the middle for $H = N / 4$, never constant for $H = 200$")
    weights.set(ylim=(0, 1.9))
    weights.legend(loc="lower center", ncols=2, frameon=False)
    quotient.plot(signal, color=ORANGE, linewidth=4, label="the signal")
    quotient.plot(added / weight, color="black", linewidth=1, label="sum of the frames / sum of the squared windows")
    quotient.set(title="their quotient is the signal, to its last sample", xlabel="sample", ylim=(-1.9, 1.4))
    quotient.legend(loc="lower left", ncols=2, frameon=False)
    for axes in (sums, weights, quotient):
        axes.set_xlim(0, time)
    return figure


def _overlapped(signal: Tensor, n_fft: int, hop_length: int, axes=None) -> tuple[Tensor, Tensor]:
    """Add the frames of a signal after a second window, and their squared windows; draw each frame into `axes`."""
    half, time = n_fft // 2, signal.numel()
    padded = torch.nn.functional.pad(signal[None, None], (half, half), mode="reflect")[0, 0]
    squared = torch.hann_window(n_fft).square()
    added, weight = torch.zeros_like(padded), torch.zeros_like(padded)
    for m, start in enumerate(range(0, time + 1, hop_length)):
        part = slice(start, start + n_fft)
        added[part] += squared * padded[part]
        weight[part] += squared
        if axes is not None:
            colour = (BLUE, GREEN)[m % 2]
            axes.plot(torch.arange(start, start + n_fft) - half, squared * padded[part], color=colour, linewidth=0.7)
    return added[half : half + time], weight[half : half + time]
