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
from milestones.instructor.models.records import EntryRecord, clip_path
from speech_enhancement.audio import SAMPLE_RATE, AudioError, load
from speech_enhancement.evaluation.scoring import find_pairs
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.failures import Failures
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
    names = sorted({name for row in rows for name in _clips_of(row.record, grades)})
    try:
        pairs = find_pairs(recordings / "noisy", recordings / "clean", Failures())
        if unknown := [name for name in names if name not in pairs]:
            raise CourseError(f"{recordings}: expected the public recording {unknown[0]} of a clip, got none")
        highest_db = {name: float(spectrogram_db(load(pairs[name][0]).mean(dim=0)).max()) for name in names}
        noisy, clean = (
            [_write(pairs[name][place], out, side, name, highest_db[name]) for name in names]
            for place, side in enumerate(("noisy", "clean"))
        )
        enhanced = {
            row.number: [
                _write(clip_path(grades, row.record.hash, name), out, row.record.hash[:16], name, highest_db[name])
                for name in _clips_of(row.record, grades)
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


def _clips_of(record: EntryRecord, grades: Path) -> list[str]:
    """Names of the public recordings of which the grading keeps what an entry made of them."""
    names = sorted(score.recording for score in record.public)
    return [name for name in names if record.hash and clip_path(grades, record.hash, name).exists()]


def _write(source: Path, out: Path, folder: str, name: str, highest_db: float) -> Clip:
    waveform = load(source).mean(dim=0)
    sound, picture = (out / SOUNDS_FOLDER / folder / f"{name}{suffix}" for suffix in (source.suffix, ".webp"))
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
