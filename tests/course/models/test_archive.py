"""Archives of models: what is read of good ones, and why others are refused."""

import os
import shutil
from datetime import datetime, timezone

import pytest

from milestones.course import ROOT
from milestones.instructor.models import archive
from milestones.instructor.selftest import archive_attacks
from milestones.instructor.selftest.selftest import left_behind
from milestones.packing import WEIGHTS
from speech_enhancement.systems import registry
from tests.course.grading.making import write_folder, write_zip

STFT = (ROOT / "speech_enhancement/stft.py").read_bytes()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The file of weights of an untrained network."""
    path = tmp_path_factory.mktemp("weights") / WEIGHTS
    registry.build("unet").save(path, epoch=0)
    return path.read_bytes()


@pytest.fixture
def contents(weights):
    return {WEIGHTS: weights, "log.jsonl": b"{}", "speech_enhancement/stft.py": STFT}


def read(path, tmp_path, mebibytes=16):
    return archive.read(path, tmp_path / "taken.safetensors", mebibytes)


def test_what_is_read(contents, weights, tmp_path):
    made = read(write_zip(tmp_path / "ada.zip", contents), tmp_path)
    assert made.reading.refused is None and made.reading.files == {"stft.py": STFT.decode()}
    assert (tmp_path / "taken.safetensors").read_bytes() == weights
    unet = registry.build("unet")
    assert made.parameters == sum(each.numel() for each in unet.state_dict().values())
    assert made.model_bytes == len(weights)


def test_hash_follows_from_package_and_weights_alone(contents, tmp_path):
    first = read(write_zip(tmp_path / "a.zip", contents), tmp_path).hash
    assert read(write_zip(tmp_path / "b.zip", contents | {"log.jsonl": b"other"}), tmp_path).hash == first
    other = contents | {"speech_enhancement/stft.py": STFT + b"\n"}
    assert read(write_zip(tmp_path / "c.zip", other), tmp_path).hash != first


def test_archive_in_a_folder_of_nbgrader(contents, tmp_path):
    """The template beside it is not the submission, and nbgrader's time counts."""
    template = {
        "speech_enhancement/stft.py": b"raise NotImplementedError()\n",
        "timestamp.txt": b"2027-03-01 12:00:00 UTC",
    }
    folder = write_folder(tmp_path / "ada", template)
    write_zip(folder / "submission.zip", contents)
    made = read(folder, tmp_path)
    assert made.reading.files == {"stft.py": STFT.decode()}
    assert made.reading.submitted == datetime(2027, 3, 1, 12, tzinfo=timezone.utc).timestamp()
    shutil.copyfile(folder / "submission.zip", folder / "another.zip")
    refused = read(folder, tmp_path).reading
    assert refused.refused == "expected one archive (.zip) that holds model.safetensors, got 2"
    assert refused.submitted == made.reading.submitted


def test_archive_among_those_of_other_assignments(contents, tmp_path):
    """It is the one with weights, and its own time counts."""
    stamps = {f"milestone{n}/timestamp.txt": f"2027-0{n}-01 12:00:00 UTC".encode() for n in (1, 3)}
    folder = write_folder(tmp_path / "ada", stamps)
    write_zip(folder / "milestone1/submission.zip", {"speech_enhancement/stft.py": b"x = 1\n"})
    (folder / "milestone1/broken.zip").write_bytes(b"no archive")
    write_zip(folder / "milestone3/submission.zip", contents)
    made = read(folder, tmp_path)
    assert made.reading.files == {"stft.py": STFT.decode()}
    assert made.reading.submitted == datetime(2027, 3, 1, 12, tzinfo=timezone.utc).timestamp()


def test_a_time_outside_of_the_calendar_does_not_count(contents, tmp_path):
    """Some file systems hold years that Python has no name for."""
    (tmp_path / "ada").mkdir()
    path = write_zip(tmp_path / "ada/submission.zip", contents)
    os.utime(path, (-(10**9), -(10**9)))
    assert read(path.parent, tmp_path).reading.submitted == path.stat().st_ctime


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_archive_keeps_the_time_of_handing_in(contents, tmp_path, damage):
    folder = tmp_path / "ada/milestone3"
    folder.mkdir(parents=True)
    content = write_zip(folder / "submission.zip", contents, compression=0).read_bytes()
    begin, end = content[: len(content) // 2], content[len(content) // 2 :]
    changed = begin if damage == "cut" else begin + bytes([end[0] ^ 1]) + end[1:]
    (folder / "submission.zip").write_bytes(changed)
    (folder / "timestamp.txt").write_text("2027-04-16 20:00:00 UTC")
    made = read(tmp_path / "ada", tmp_path).reading
    assert made.refused is not None and made.submitted == datetime(2027, 4, 16, 20, tzinfo=timezone.utc).timestamp()


def test_size_is_limited(contents, tmp_path):
    """The archive itself may be as large as its weights."""
    path = write_zip(tmp_path / "ada.zip", contents, compression=0)
    assert read(path, tmp_path, mebibytes=6).reading.refused is None
    assert read(path, tmp_path, mebibytes=5).reading.refused.startswith(
        "ada.zip: expected at most 5 MiB, 5,242,880 bytes, got 5,"
    )


@pytest.mark.parametrize("attack", archive_attacks.archives(b"\2\0\0\0\0\0\0\0{}"), ids=lambda attack: attack.name)
def test_attacks_are_refused_or_read_without_harm(attack, tmp_path):
    path = tmp_path / f"{attack.name}.zip"
    path.write_bytes(attack.content)
    assert attack.complaint(read(path, tmp_path).reading.refused) == ""
    assert not left_behind()


def test_a_process_of_its_own_reads_it(contents, tmp_path):
    path = write_zip(tmp_path / "ada.zip", contents)
    made = archive.read_apart(path, tmp_path / "taken.safetensors", 16)
    assert made == read(path, tmp_path)


def test_a_reader_that_is_ended_is_a_refusal(contents, tmp_path, monkeypatch):
    """So is one that takes too long, since it may never end."""
    path = write_zip(tmp_path / "ada.zip", contents)
    monkeypatch.setattr(archive, "_WALL_SECONDS", 0.001)
    refused = archive.read_apart(path, tmp_path / "taken.safetensors", 16).reading.refused
    assert refused.startswith("ada.zip: expected a submission that can be read in 20 seconds")
