"""Hand-made records of entries."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from milestones.instructor.models.records import EntryRecord, RecordingScore, RecordingState

SUBMITTED = datetime(2027, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))


def score(recording="one", pesq=2.0, si_sdr=10.0, stoi=0.9, seconds=0.5, **changes):
    """Make the scores of a recording of four seconds."""
    whole = RecordingScore(recording, si_sdr, pesq, stoi, seconds, 4.0, RecordingState.SCORED, "")
    return replace(whole, **changes)


def failed(recording="one", state=RecordingState.CRASH):
    """Make the scores of a recording on which a model failed."""
    return RecordingScore(recording, None, None, None, 0.0, 4.0, state, "")


def entry(name="ada", recordings=(), **changes):
    """Make the record of a submission that was graded on some recordings, and on one public one."""
    whole = EntryRecord(
        entry=name,
        kind="submission",
        title=name,
        hash="5" * 64,
        recordings_hash="7" * 64,
        environment_hash="9" * 64,
        refused=None,
        notes=(),
        parameters=1000,
        model_bytes=4200,
        real_time_factor=0.125,
        isolation=("landlock 7", "seccomp"),
        recordings=tuple(recordings) or (score(),),
        public=(score("public"),),
        marks=(),
        submitted=SUBMITTED,
    )
    return replace(whole, **changes)
