"""Models graded from archives to sheets, in confined workers, and attacks that end as they must."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from milestones.course import CourseError, load_course
from milestones.instructor import grade
from milestones.instructor.configuration import Grade
from milestones.instructor.models import entries, grade_models, records
from milestones.instructor.models.records import RecordingState
from milestones.instructor.models.running import ModelRunner
from milestones.instructor.sandbox import confinement
from milestones.instructor.selftest import model_attacks, model_cases
from milestones.instructor.selftest.selftest import left_behind
from milestones.model_submission import submit_model
from speech_enhancement import metrics
from speech_enhancement.systems import registry
from tests.course.models.making import write_pairs, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp"),
]

ATTACKS = ("clean-files", "public-recordings", "memory-in-times-of-access", "over-long", "raise", "forged-frame")
"""Some that end at once; `python -m milestones selftest` runs all."""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class of three: two with the same system without training, one with an empty archive; and its recordings."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "class").mkdir()
    submit_model(3, write_run(folder / "run", registry.build("wiener")), folder / "class/ada.zip", check=False)
    shutil.copyfile(folder / "class/ada.zip", folder / "class/ben.zip")
    (folder / "class/eve.zip").write_bytes(b"")
    write_pairs(folder / "public", count=1)
    write_pairs(folder / "hidden", count=2, seed=10)
    return folder


@pytest.fixture
def graded(course, monkeypatch):
    """Function that grades the class, beside doing nothing alone, and returns the last record of each entry."""
    monkeypatch.setattr(grade_models, "RECORDINGS", course / "public")
    monkeypatch.setattr(entries, "CLASSICAL", ())
    monkeypatch.setattr(grade_models, "references", lambda folder: list(entries.references(folder))[:1])

    def run(out):
        options = {"recordings": course / "hidden", "jobs": 1}
        assert grade.run(Grade(course / "class", 3, out, **options)) == 0
        return records.read(out / records.LOG_NAME)

    return run


def test_a_class_is_graded_once(graded, tmp_path, monkeypatch, capsys):
    """Sheets, clips and marks are there; when started again, nothing is run, and a lost record is made anew."""
    found = graded(tmp_path)
    ada, ben, eve = (found[name] for name in ("ada", "ben", "eve"))
    assert [score.state for score in (*ada.recordings, *ada.public)] == [RecordingState.SCORED] * 3
    assert [score.recording for score in ada.recordings] == ["00", "01"]
    assert ada.hash == ben.hash and ada.marks == ("outputs equal those of ben",)
    assert ada.real_time_factor > 0 and confinement.is_strong(ada.isolation)
    assert eve.refused.startswith("eve.zip: expected a submission that can be read") and not eve.recordings
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["submission"] for row in csv.DictReader(file)] == ["ada", "ben", "eve"]
    clip, _ = soundfile.read(records.clip_path(tmp_path, ada.hash, "00"))
    assert len(clip) == 16000 and np.abs(clip).max() > 0.01
    assert not list((tmp_path / records.CLIPS_FOLDER).rglob("01.flac"))
    log = tmp_path / records.LOG_NAME
    lines = log.read_bytes()
    assert graded(tmp_path) == found and log.read_bytes() == lines

    log.write_bytes(b"".join(line for line in lines.splitlines(keepends=True) if b'"entry": "ben"' not in line))
    calls = []
    enhance = ModelRunner.enhance
    monkeypatch.setattr(ModelRunner, "enhance", lambda *arguments: calls.append(0) or enhance(*arguments))
    again = graded(tmp_path)["ben"]
    assert len(calls) == 3 and [each.pesq for each in again.recordings] == [each.pesq for each in ben.recordings]
    shutil.rmtree(tmp_path / records.CLIPS_FOLDER / ada.hash[:16])
    assert graded(tmp_path)["ada"].marks == ada.marks and len(calls) > 3, "lost clips are made again"


def test_recordings_are_asked_for_with_models_alone(course, tmp_path):
    with pytest.raises(CourseError, match="--recordings: expected the folder of the hidden recordings, got none"):
        grade.run(Grade(course / "class", 3, tmp_path))
    with pytest.raises(CourseError, match="--recordings: expected none for a milestone with tests, got"):
        grade.run(Grade(course / "class", 1, tmp_path, recordings=course / "hidden"))


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_public_recordings_are_not_hidden(graded, course, tmp_path, is_changed):
    """Neither as they are, nor with another gain and in another format."""
    shutil.copytree(course / "public", tmp_path / "hidden")
    for path in [*(tmp_path / "hidden").rglob("*.wav")] if is_changed else ():
        samples, rate = soundfile.read(path)
        soundfile.write(path.with_suffix(".flac"), 0.5 * samples, rate, subtype="PCM_16")
        path.unlink()
    with pytest.raises(CourseError, match="expected hidden recordings, got one that is public, 00"):
        grade.run(Grade(course / "class", 3, tmp_path / "out", recordings=tmp_path / "hidden"))


def test_hidden_recordings_need_values_of_all_metrics(graded, course, tmp_path):
    """A recording that is too short for PESQ would cost every model the worst value."""
    write_pairs(tmp_path / "hidden", count=1, duration=0.2, seed=20)
    with pytest.raises(CourseError, match="--recordings: expected PESQ and STOI of 00, got "):
        grade.run(Grade(course / "class", 3, tmp_path / "out", recordings=tmp_path / "hidden"))


def test_a_change_of_the_judges_metric_changes_the_environment(course, tmp_path, monkeypatch):
    """Students write this module too, but the judge computes the SI-SDR by its own."""
    configuration = Grade(course / "class", 3, tmp_path / "out", recordings=course / "hidden")
    milestone = load_course().milestone(3)
    before = grade_models._exam(configuration, milestone)
    changed = tmp_path / "metrics.py"
    changed.write_bytes(Path(metrics.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(metrics, "__file__", str(changed))
    after = grade_models._exam(configuration, milestone)
    assert after.environment_hash != before.environment_hash and after.recordings_hash == before.recordings_hash


def test_attacks_end_as_they_must(tmp_path, n_cores):
    chosen = [attack for attack in model_attacks.read() if attack.name in ATTACKS]
    assert len(chosen) == len(ATTACKS)
    outcomes = model_cases.by_code(chosen, tmp_path, max(2, n_cores))
    assert not [outcome for outcome in outcomes if outcome.complaint]
    assert not left_behind()
    known = records.read(tmp_path / records.LOG_NAME)["public-recordings"]
    assert known.public[0].si_sdr > 90 > 20 > max(score.si_sdr for score in known.recordings)


def test_a_grader_that_fails_blames_the_model_only_if_workers_start(tmp_path, monkeypatch):
    """Three workers that do not take a recording are the model's fault if others start in between."""
    from milestones.instructor.sandbox.failures import GraderFault
    from milestones.instructor.sandbox.worker_client import WorkerClient

    runner = ModelRunner(load_course().milestone(3).model, load_course().modules)
    try:
        starts = []
        monkeypatch.setattr(ModelRunner, "_start", lambda self: starts.append(0))
        monkeypatch.setattr(WorkerClient, "call", lambda *_, **__: (_ for _ in ()).throw(GraderFault("gone")))
        output = runner.enhance(np.zeros(16, np.float32))
        assert (output.state, output.message) == (RecordingState.CRASH, "the grader failed 3 times on it")
        assert len(starts) == 3
    finally:
        runner.close()
