"""Pictures of sound and of training: waveforms, spectrograms, curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.files.atomic import replacing

_RANGE_DB = 70
_MOST_FRAMES = 4000
"""More than a picture has columns; their number would take memory and time."""


def plot_waveform(axes: Axes, waveform: Tensor) -> None:
    """Plot amplitude against time in seconds; `waveform` has shape `(time,)`."""
    time = np.arange(waveform.shape[-1]) / SAMPLE_RATE
    axes.plot(time, waveform.numpy(), linewidth=0.4)
    axes.set(xlim=(0, time[-1]), xlabel="time (s)", ylabel="amplitude")


def plot_spectrogram(
    axes: Axes, waveform: Tensor, highest_db: float | None = None, sample_rate: int = SAMPLE_RATE
) -> AxesImage:
    """Draw power in dB over time in seconds and frequency in kHz.

    Args:
        axes: drawn into.
        waveform: shape `(time,)`.
        highest_db: level of the brightest colour, to make pictures comparable; by default the loudest there is.
        sample_rate: Hz.
    """
    power_db = spectrogram_db(waveform, sample_rate)
    highest_db = float(power_db.max()) if highest_db is None else highest_db
    image = axes.imshow(
        power_db.numpy(),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=highest_db - _RANGE_DB,
        vmax=highest_db,
        extent=(0, waveform.shape[-1] / sample_rate, 0, sample_rate / 2000),
    )
    axes.set(xlabel="time (s)", ylabel="frequency (kHz)")
    return image


def spectrogram_db(waveform: Tensor, sample_rate: int = SAMPLE_RATE) -> Tensor:
    """Compute the power of the spectrogram of a waveform `(time,)` in dB, `(freq, frames)`.

    Windows take 32 ms, 512 samples at 16 kHz. They overlap by three quarters unless the recording is long.
    """
    n_fft = round(0.032 * sample_rate)
    hop_length = max(n_fft // 4, waveform.shape[-1] // _MOST_FRAMES)
    # PyTorch's own transform, so that pictures can be drawn before task 1.1 is written.
    window = torch.hann_window(n_fft).to(waveform)
    bins = torch.stft(waveform, n_fft, hop_length, n_fft, window, pad_mode="constant", return_complex=True)
    return 10 * bins.abs().square().clamp_min(1e-10).log10()


def save_spectrograms(path: Path, waveforms: Mapping[str, Tensor], title: str) -> None:
    """Save spectrograms one below the other, each under its name and all in the same colours."""
    figure = Figure(figsize=(9, 2.3 * len(waveforms) + 0.4), layout="constrained")
    axes = figure.subplots(len(waveforms), sharex=True, squeeze=False)[:, 0]
    highest_db = max(float(spectrogram_db(waveform).max()) for waveform in waveforms.values())
    for one, (name, waveform) in zip(axes, waveforms.items(), strict=True):
        image = plot_spectrogram(one, waveform, highest_db)
        one.set_title(name, fontsize=10, loc="left")
        one.label_outer()
    figure.colorbar(image, ax=axes, label="power (dB)")
    figure.suptitle(title)
    _save(figure, path)


def save_training_curves(path: Path, log: Sequence[Mapping[str, float]]) -> None:
    """Save a plot of training and validation loss against the epoch, with the best epoch marked."""
    epochs = [record["epoch"] + 1 for record in log]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(epochs, [record["train_loss"] for record in log], ".-", label="training")
    axes.plot(epochs, [record["validation_loss"] for record in log], ".-", label="validation")
    best = min(log, key=lambda record: record["validation_loss"])
    axes.plot(best["epoch"] + 1, best["validation_loss"], "ko", fillstyle="none", markersize=10, label="best")
    axes.set(xlabel="epoch", ylabel="loss", title="Training")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    axes.grid(alpha=0.3)
    _save(figure, path)


def clip_picture(waveform: Tensor, highest_db: float) -> Figure:
    """Draw a waveform above its spectrogram, small enough for a page of many."""
    figure = Figure(figsize=(4, 2.6), layout="constrained", dpi=80)
    with matplotlib.rc_context({"font.size": 7}):
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(1, 2))
        plot_waveform(upper, waveform)
        upper.set(ylim=(-1, 1))
        upper.label_outer()
        plot_spectrogram(lower, waveform, highest_db)
    return figure


def recording_picture(waveform: Tensor, sample_rate: int, highest_db: float) -> Figure:
    """Draw the spectrogram of a waveform `(time,)`, as wide as half a page."""
    figure = Figure(figsize=(6, 3), layout="constrained", dpi=150)
    axes = figure.subplots()
    image = plot_spectrogram(axes, waveform, highest_db, sample_rate)
    figure.colorbar(image, ax=axes, label="power (dB)")
    return figure


def scores_picture(scores: Sequence, methods: Sequence[str], metrics: Mapping[str, str]) -> Figure:
    """Draw each score as a dot and the median as a line: a panel for each metric, a row for each method."""
    figure = Figure(figsize=(2 + 2.6 * len(metrics), 1 + 0.28 * len(methods)), layout="constrained", dpi=80)
    panels = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    for axes, (metric, title) in zip(panels, metrics.items(), strict=True):
        for position, method in enumerate(methods):
            values = np.array([score.values[metric] for score in scores if score.method == method])
            values = values[np.isfinite(values)]
            axes.plot(np.sort(values), position + np.linspace(-0.25, 0.25, len(values)), ".", alpha=0.5, markersize=4)
            if len(values):
                axes.vlines(np.median(values), position - 0.35, position + 0.35, color="black")
        axes.set_title(title)
        axes.grid(alpha=0.3)
    panels[0].set_yticks(range(len(methods)), methods, fontsize=9)
    panels[0].invert_yaxis()
    return figure


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
