"""Hand-made gradings of models, their standings, and the folder of a grading with clips."""

import hashlib
import shutil
from dataclasses import replace
from statistics import fmean

from milestones.instructor.models.records import LOG_NAME, Interval, RecordingState, Standing, append, clip_path
from tests.course.models import entries

CLIPS = ("01", "04", "07")
"""Public recordings that can be heard."""

HOSTILE_NAME = "<img src=x onerror=alert(1)>"


def entry(name="ada", pesq=2.0, factor=0.05, kind="submission", failed=0, **changes):
    """Make the grading of an entry, which failed on the last of its 20 hidden recordings.

    Recordings differ in quality, and each entry has a quality on all.
    """
    names = [f"secret {number:02}" for number in range(20)]
    qualities = [pesq + 0.4 * (number / 19 - 0.5) for number in range(20)]
    hidden = [_score(*each) for each in zip(names, qualities, strict=True)][: 20 - failed]
    hidden += [replace(entries.failed(each), message="it said") for each in names[20 - failed :]]
    values = {
        "title": name,
        "kind": kind,
        "hash": hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest(),
        "parameters": 213_544,
        "model_bytes": 871_000,
        "real_time_factor": factor,
        "public": tuple(_score(f"0{number}", pesq + 0.1) for number in range(1, 9)),
    }
    return entries.entry(name, hidden, **values | changes)


def refused(name="late", reason="late.zip: expected no links"):
    """Make the record of an entry that was refused."""
    return replace(entry(name), refused=reason, hash="", recordings=(), public=(), real_time_factor=None)


def standing(record, rank=None, fast_rank=None, points=0.0):
    """Make a standing whose means are those of the scored recordings, with intervals of the same width for all."""
    scored = [score for score in record.recordings if score.state == RecordingState.SCORED]
    means = {}
    for metric, width in {"pesq": 0.2, "si_sdr": 1.5, "stoi": 0.02}.items() if scored else ():
        mean = fmean(getattr(score, metric) for score in scored)
        means[metric] = Interval(mean, mean - width, mean + width)
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


def _score(name, pesq):
    return entries.score(name, pesq, 10 * pesq - 8, 0.8 + pesq / 40)
