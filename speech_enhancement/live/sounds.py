"""Recordings in memory, and what the page shows of them: a player and a spectrogram, within the page itself."""

import io
from dataclasses import dataclass
from html import escape
from pathlib import Path

import soundfile
from torch import Tensor

from speech_enhancement.audio import AudioError, Recording
from speech_enhancement.enhancement import enhance
from speech_enhancement.files.data_uri import data_uri
from speech_enhancement.plotting import recording_picture, spectrogram_db
from speech_enhancement.systems.system import System

LONGEST_MINUTES = 5
NO_LIMIT_DB = 50
"""Attenuation limit, dB, that stands for none; people hear no difference to it."""
_MOST_CHANNELS = 8
"""What FLAC can hold."""


@dataclass(frozen=True)
class Sound:
    """A recording: samples `(channels, time)`, full scale at 1, its sample rate in Hz, and the name of its file."""

    name: str
    samples: Tensor
    sample_rate: int


def read_sound(path: Path) -> Sound:
    """Read an audio file that is short enough for the page.

    Raises:
        AudioError: it is not audio, is cut off or empty, holds non-finite samples, or is longer than the page takes.
        OSError: it cannot be opened.
    """
    with Recording(path) as recording:
        minutes = recording.frames / recording.sample_rate / 60
        if minutes > LONGEST_MINUTES:
            longer = "the command enhance takes longer ones"
            raise AudioError(f"{path}: expected at most {LONGEST_MINUTES} minutes, got {minutes:.1f}; {longer}")
        if recording.channels > _MOST_CHANNELS:
            raise AudioError(f"{path}: expected at most {_MOST_CHANNELS} channels, got {recording.channels}")
        return Sound(path.name, recording.read(0, recording.frames), recording.sample_rate)


def before_and_after(noisy: Sound, model: System, limit_db: float) -> tuple[str, str]:
    """Enhance a recording; return it and the result as HTML, both spectrograms in the same colours.

    Args:
        noisy: recording.
        model: in evaluation mode.
        limit_db: the most that is taken away, `NO_LIMIT_DB` for everything.
    """
    limit = None if limit_db >= NO_LIMIT_DB else limit_db
    enhanced = enhance(noisy.samples, noisy.sample_rate, model, attenuation_limit=limit)
    highest_db = float(spectrogram_db(noisy.samples.mean(dim=0), noisy.sample_rate).max())
    before = _shown("Before", noisy, highest_db)
    return before, _shown("After", Sound(noisy.name, enhanced, noisy.sample_rate), highest_db)


def _shown(title: str, sound: Sound, highest_db: float) -> str:
    """Write a sound as HTML: heading, player, picture."""
    picture, file = io.BytesIO(), io.BytesIO()
    recording_picture(sound.samples.mean(dim=0), sound.sample_rate, highest_db).savefig(picture, format="png")
    soundfile.write(file, sound.samples.clamp(-1, 1).T.numpy(), sound.sample_rate, format="FLAC", subtype="PCM_16")
    label = escape(f"{title}: {sound.name}", quote=True)
    return (
        f"<h2>{title}</h2>"
        f'<audio controls aria-label="{label}" src="{data_uri("audio/flac", file.getvalue())}"></audio>'
        f'<img alt="Spectrogram. {label}" src="{data_uri("image/png", picture.getvalue())}">'
    )
