"""Parts that the lecture notebooks share: the device, recordings, pictures and players, exercises and checks."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from html import escape
from itertools import islice
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from speech_enhancement.audio import SAMPLE_RATE, load, sound_uri
from speech_enhancement.corpora import manifest, voices
from speech_enhancement.corpora.espeak import Synthesizer
from speech_enhancement.files.lock import locked
from speech_enhancement.plotting import plot_spectrogram, spectrogram_db

HOURS = 0.1
CORPUS = Path(__file__).parents[1] / "data" / "lectures"


@contextmanager
def exercise() -> Iterator[None]:
    """Skip the rest of the block, and say so, where it calls an exercise that is not written yet.

    Example:
        >>> with exercise():
        ...     raise NotImplementedError()
        Exercise: not written yet.
    """
    try:
        yield
    except NotImplementedError:
        print("Exercise: not written yet.")


def check(sentence: str, holds: bool | Tensor) -> None:
    """Print a note if a sentence of the text does not hold in this run, as may be with other recordings or networks.

    The commands that execute the notebooks count the note as a fault.
    """
    if not holds:
        print(f"Not so in this run: {sentence}", file=sys.stderr)


@cache
def noisy_sample() -> Tensor:
    """Make some seconds of a synthetic voice beside a fan: `(1, time)` at 16 kHz, without any of the course's tasks."""
    text = "Could you send me the address once more? I am standing beside the machine, and I can hardly hear you."
    spoken = Synthesizer().speak(text, "en-gb-x-rp+f2", rate=165, pitch=40, pitch_range=50)
    voice = functional.pad(spoken, (SAMPLE_RATE // 2, SAMPLE_RATE // 2))
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.fft.rfft(torch.randn(voice.shape, generator=generator))
    # A fan rushes with a spectrum that falls by 3 dB an octave, and hums at the multiples of its blades' frequency.
    hertz = torch.fft.rfftfreq(voice.shape[-1], 1 / SAMPLE_RATE)
    rush = torch.fft.irfft(spectrum / hertz.clamp_min(50).sqrt(), n=voice.shape[-1])
    seconds = torch.arange(voice.shape[-1]) / SAMPLE_RATE
    hum = sum(torch.sin(2 * torch.pi * 110 * multiple * seconds) / multiple for multiple in range(1, 6))
    fan = rush / rush.std() + hum / hum.std() / 2
    return 0.1 * (voice / voice.std() + fan / fan.std() / 2)


def find_device() -> torch.device:
    """Choose the GPU if there is one, else the CPU, and print which: lectures choose their sizes by it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"the CPU (threads: {torch.get_num_threads()})"
    print(f"Running on {name}: the {'full' if device.type == 'cuda' else 'small'} setting.")
    return device


def find_corpus(path: str | Path | None = None) -> Path:
    """Find a prepared corpus to take sounds from: `path` if it is given, else six minutes of the voices corpus.

    The first call synthesises the voices, which takes some seconds. To hear real recordings, prepare them by
    `python -m speech_enhancement prepare` and name them by `path` or in the environment variable
    SPEECH_ENHANCEMENT_CORPUS.
    """
    if chosen := path or os.environ.get("SPEECH_ENHANCEMENT_CORPUS"):
        return Path(chosen)
    CORPUS.parent.mkdir(parents=True, exist_ok=True)
    # Two notebooks may ask for it at once.
    with locked(CORPUS.with_name(f".{CORPUS.name}.lock")):
        if not CORPUS.exists():
            voices.prepare(CORPUS, hours=HOURS, seed=0)
    return CORPUS


def find_files(corpus: str | Path, kind: str, split: str, name: str = "") -> list[str]:
    """List files of a prepared corpus.

    Args:
        corpus: its folder.
        kind: "speech" or "noise".
        split: "train", "validation" or "test".
        name: beginning of the file names, "babble" for instance among the noises of the voices corpus.

    Returns:
        Their paths.
    """
    return [file for file in manifest.files(Path(corpus), kind, split) if Path(file).name.startswith(name)]


def load_clips(files: list[str], count: int, seconds: float) -> Tensor:
    """Load the first `seconds` of the first `count` files that are long enough: `(count, 1, time)` at 16 kHz.

    Raises:
        ValueError: fewer than `count` files are long enough.
    """
    length = round(seconds * SAMPLE_RATE)
    waveforms = (load(file).mean(dim=0, keepdim=True) for file in files)
    clips = list(islice((waveform[:, :length] for waveform in waveforms if waveform.shape[-1] >= length), count))
    if len(clips) < count:
        raise ValueError(f"count: expected {count} files of {seconds:g} s or more, got {len(clips)} among {len(files)}")
    return torch.stack(clips)


def show_spectrograms(waveforms: Mapping[str, Tensor], caption: str) -> Figure:
    """Draw spectrograms side by side, in the same colours, each under its name, with a caption below.

    Args:
        waveforms: each of shape `(..., time)` at 16 kHz; the first signal of each is drawn.
        caption: text that says what to see.
    """
    first = {name: waveform.detach().cpu().reshape(-1, waveform.shape[-1])[0] for name, waveform in waveforms.items()}
    highest_db = max(float(spectrogram_db(waveform).max()) for waveform in first.values())
    figure, axes = plt.subplots(
        1, len(first), figsize=(1.2 + 3.2 * len(first), 3), sharey=True, squeeze=False, layout="constrained"
    )
    for one, (name, waveform) in zip(axes[0], first.items(), strict=True):
        image = plot_spectrogram(one, waveform, highest_db)
        one.set_title(name, fontsize=10)
        one.label_outer()
    figure.colorbar(image, ax=axes, label="power (dB)")
    figure.supxlabel(caption, fontsize=9, style="italic")
    return figure


def listen(waveforms: Mapping[str, Tensor]) -> HTML:
    """Show players in a row, each under its name; one factor scales them all, so that levels can be compared.

    Args:
        waveforms: each of shape `(..., time)` at 16 kHz; the first signal of each is played.
    """
    first = {name: waveform.detach().cpu().reshape(-1, waveform.shape[-1])[0] for name, waveform in waveforms.items()}
    loudest = max(float(waveform.abs().max()) for waveform in first.values())
    sources = {name: sound_uri(0.9 / loudest * waveform, "mp3") for name, waveform in first.items()}
    players = (
        f"<div>{escape(name)}<br><audio controls src='{source}'></audio></div>" for name, source in sources.items()
    )
    return HTML(f"<div style='display: flex; flex-wrap: wrap; gap: 12px'>{''.join(players)}</div>")
