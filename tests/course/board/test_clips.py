"""Sounds and pictures beside the page."""

import shutil
from dataclasses import replace
from urllib.parse import unquote

import pytest
import torch

from milestones.course import CourseError, load_milestone
from milestones.instructor.board.clips import SOUNDS_FOLDER, remove_unused, write_clips
from milestones.instructor.board.naming import OpenNames
from milestones.instructor.board.rows import make_rows
from speech_enhancement.audio import load, save
from tests.course.board.entries import CLIPS, entry, refused, standing, write_grades

RECORDINGS = load_milestone(3).folder / "recordings"


def written(tmp_path, *records, recordings=RECORDINGS):
    """Write the clips of these entries, whose sounds are those of the noisy recordings."""
    grades = tmp_path / "grades"
    if not grades.exists():
        write_grades(grades, records, RECORDINGS)
    rows = make_rows({record.entry: record for record in records}, [*map(standing, records)], "pesq", OpenNames())
    clips = write_clips(tmp_path / "board", grades, recordings, rows)
    remove_unused(tmp_path / "board", clips)
    return clips


def test_every_address_is_a_file(tmp_path):
    """Sounds are those that were graded, sample by sample; an entry that was refused has none."""
    clips = written(tmp_path, entry(), refused())
    noisy, clean, enhanced, none = clips.noisy, clips.clean, *clips.enhanced.values()
    assert none == []
    for side, expected in (("noisy", noisy), ("clean", clean), ("noisy", enhanced)):
        assert [clip.recording for clip in expected] == [*CLIPS]
        for clip in expected:
            sound = load(tmp_path / "board" / unquote(clip.sound))
            assert torch.equal(sound, load(RECORDINGS / side / f"{clip.recording}.flac"))
            assert clip.seconds == sound.shape[-1] / 16000
            picture = (tmp_path / "board" / unquote(clip.picture)).read_bytes()
            assert picture[:4] == b"RIFF" and picture[8:12] == b"WEBP"


def test_written_again(tmp_path):
    """The same sounds have the same pictures; those of an entry that is gone are removed, and nothing else is."""
    ada, bob = entry("ada"), entry("bob")
    written(tmp_path, ada, bob)
    sounds = tmp_path / "board" / SOUNDS_FOLDER
    (sounds / "notes").mkdir()
    before = {path: path.read_bytes() for path in sounds.rglob("*.webp")}
    written(tmp_path, ada)
    assert {path.name for path in sounds.iterdir()} == {"noisy", "clean", "notes", ada.hash[:16]}
    assert all(path.read_bytes() == before[path] for path in sounds.rglob("*.webp"))


def test_a_clip_without_recording_is_named(tmp_path):
    unknown = replace(entry(), public=(replace(entry().public[0], recording="99"),))
    write_grades(tmp_path / "grades", [unknown], RECORDINGS)
    clips = next((tmp_path / "grades" / "clips").iterdir())
    (clips / "04.flac").rename(clips / "99.flac")
    with pytest.raises(CourseError, match="recordings: expected the public recording 99 of a clip, got none"):
        written(tmp_path, unknown)


def test_clips_of_earlier_recordings_are_left_out(tmp_path):
    """They remain after the public recordings are renamed."""
    write_grades(tmp_path / "grades", [entry()], RECORDINGS)
    clips = next((tmp_path / "grades" / "clips").iterdir())
    shutil.copyfile(clips / "04.flac", clips / "99.flac")
    assert [clip.recording for clip in written(tmp_path, entry()).noisy] == [*CLIPS]


def test_public_recordings_of_any_format(tmp_path):
    """They are copied as they are."""
    for side in ("noisy", "clean"):
        (tmp_path / "recordings" / side).mkdir(parents=True)
        for path in sorted((RECORDINGS / side).iterdir()):
            save(tmp_path / "recordings" / side / f"{path.stem}.wav", load(path))
    clips = written(tmp_path, entry(), recordings=tmp_path / "recordings")
    assert [clip.sound for clip in clips.noisy] == [f"sounds/noisy/{name}.wav" for name in CLIPS]
    assert all((tmp_path / "board" / clip.sound).is_file() for clip in (*clips.noisy, *clips.clean))


def test_a_clip_that_is_no_audio_is_named(tmp_path):
    write_grades(tmp_path / "grades", [entry()], RECORDINGS)
    next((tmp_path / "grades" / "clips").rglob("04.flac")).write_text("no audio")
    with pytest.raises(CourseError, match=r"04\.flac: expected audio, got"):
        written(tmp_path, entry())
