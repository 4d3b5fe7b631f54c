"""Hand-made gradings of models, and the folder of a grading with clips."""

import hashlib
import shutil
from datetime import datetime, timezone

from milestones.instructor.models.records import (
    LOG_NAME,
    EntryRecord,
    Interval,
    RecordingScore,
    RecordingState,
    Standing,
    append,
    clip_path,
)

CLIPS = ("01", "04", "07")
"""Public recordings that can be heard."""

HOSTILE_NAME = "<img src=x onerror=alert(1)>"


def scores(pesq, count, failed=0):
    """Make scores on some recordings, the last ones without values."""
    made = [
        RecordingScore(f"secret {number}", 10 * pesq - 8, pesq, 0.8 + pesq / 40, 0.1, 4.0, RecordingState.SCORED, "")
        for number in range(count - failed)
    ]
    crash = RecordingState.CRASH
    return (*made, *(RecordingScore("secret", None, None, None, 0.0, 4.0, crash, "it said") for _ in range(failed)))


def entry(name="ada", pesq=2.0, factor=0.05, kind="submission", failed=0, **changes):
    """Make the grading of an entry."""
    values = {
        "entry": name,
        "kind": kind,
        "title": name,
        "hash": hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest(),
        "recordings_hash": "1" * 64,
        "environment_hash": "2" * 64,
        "refused": None,
        "notes": (),
        "parameters": 213_544,
        "model_bytes": 871_000,
        "real_time_factor": factor,
        "isolation": ("landlock 7", "seccomp"),
        "recordings": scores(pesq, 20, failed),
        "public": scores(pesq + 0.1, 8),
        "marks": (),
        "submitted": datetime(2027, 4, 16, tzinfo=timezone.utc) if kind == "submission" else None,
    }
    return EntryRecord(**values | changes)


def refused(name="late", reason="late.zip: expected no links"):
    """Make the record of an entry that was refused."""
    return entry(name, refused=reason, hash="", recordings=(), public=(), real_time_factor=None)


def standing(record, rank=None, fast_rank=None, points=0.0):
    """Make a standing whose means are those of the first recording, with intervals that are as wide for all."""
    first = next((score for score in record.recordings if score.state == RecordingState.SCORED), None)
    widths = {"pesq": 0.2, "si_sdr": 1.5, "stoi": 0.02}
    means = {
        metric: Interval(getattr(first, metric), getattr(first, metric) - width, getattr(first, metric) + width)
        for metric, width in widths.items()
        if first
    }
    return Standing(record.entry, rank, fast_rank, points, means)


def write_grades(folder, records, recordings):
    """Write a log, and for each entry's clips the noisy recordings."""
    folder.mkdir(parents=True)
    for record in records:
        append(folder / LOG_NAME, record)
        for name in CLIPS if record.hash else ():
            path = clip_path(folder, record.hash, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(recordings / "noisy" / f"{name}.flac", path)
