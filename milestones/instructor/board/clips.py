"""Public recordings to hear and see: files beside the page, since a browser then loads only those that are opened."""

import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from matplotlib.figure import Figure
from torch import Tensor
from tqdm.auto import tqdm

from milestones.course import CourseError
from milestones.instructor.board.rows import Row
from milestones.instructor.models.records import CLIPS_FOLDER, clip_path
from speech_enhancement.audio import SAMPLE_RATE, AudioError, load
from speech_enhancement.files.atomic import replacing
from speech_enhancement.plotting import plot_spectrogram, spectrogram_db

SOUNDS_FOLDER = "sounds"
"""Folder beside the page."""


@dataclass(frozen=True)
class Clip:
    """A recording on the page: its name, and the addresses of its sound and its spectrogram."""

    recording: str
    sound: str
    picture: str
    seconds: float


@dataclass(frozen=True)
class Clips:
    """All recordings on the page: the noisy and the clean ones, and those of each entry by its number."""

    noisy: Sequence[Clip]
    clean: Sequence[Clip]
    enhanced: dict[int, Sequence[Clip]]


def write_clips(out: Path, grades: Path, recordings: Path, rows: Sequence[Row]) -> Clips:
    """Copy sounds and draw spectrograms into the folder `sounds`.

    Args:
        out: folder of the page.
        grades: folder of the grades.
        recordings: folder with the public recordings, in `noisy` and `clean`.
        rows: entries.

    Raises:
        CourseError: a clip belongs to no public recording, or a file is not audio.
    """
    names = sorted({path.stem for path in (grades / CLIPS_FOLDER).glob("*/*.flac")})
    try:
        highest_db = {name: _loudest(recordings, name) for name in names}
        noisy, clean = (
            [_write(recordings / side / f"{name}.flac", out, side, name, highest_db[name]) for name in names]
            for side in ("noisy", "clean")
        )
        enhanced = {
            row.number: [
                _write(path, out, row.record.hash[:16], name, highest_db[name])
                for name in names
                if row.record.hash and (path := clip_path(grades, row.record.hash, name)).exists()
            ]
            for row in tqdm(rows, desc="clips", unit="entry")
        }
    except AudioError as error:
        raise CourseError(str(error)) from None
    return Clips(noisy, clean, enhanced)


def remove_unused(out: Path, clips: Clips) -> None:
    """Remove the sounds and pictures of entries that are no longer on the page."""
    used = {Path(unquote(clip.sound)).parent.name for each in clips.enhanced.values() for clip in each}
    for folder in (out / SOUNDS_FOLDER).glob("*"):
        if re.fullmatch("[0-9a-f]{16}", folder.name) and folder.name not in used:
            shutil.rmtree(folder)


def _loudest(recordings: Path, name: str) -> float:
    """Return the level of the brightest colour, the same in all pictures of a recording."""
    path = recordings / "noisy" / f"{name}.flac"
    if not path.exists():
        raise CourseError(f"{path}: expected the public recording of a clip, got no such file")
    return float(spectrogram_db(load(path).mean(dim=0)).max())


def _write(source: Path, out: Path, folder: str, name: str, highest_db: float) -> Clip:
    waveform = load(source).mean(dim=0)
    sound, picture = (out / SOUNDS_FOLDER / folder / f"{name}.{suffix}" for suffix in ("flac", "webp"))
    sound.parent.mkdir(parents=True, exist_ok=True)
    with replacing(sound) as temporary:
        shutil.copyfile(source, temporary)
    with replacing(picture) as temporary:
        temporary.write_bytes(_spectrogram(waveform, highest_db))
    addresses = (quote(path.relative_to(out).as_posix()) for path in (sound, picture))
    return Clip(name, *addresses, seconds=len(waveform) / SAMPLE_RATE)


def _spectrogram(waveform: Tensor, highest_db: float) -> bytes:
    """Draw the spectrogram alone, as WebP; the page names its axes in its own letters."""
    figure = Figure(figsize=(4, 1.5), dpi=120)
    axes = figure.add_axes((0, 0, 1, 1))
    plot_spectrogram(axes, waveform, highest_db)
    axes.set_axis_off()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="webp")
    return buffer.getvalue()
