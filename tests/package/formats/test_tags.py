"""Tags of a recording in its result."""

import struct
import sys

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.flac import Picture
from mutagen.id3 import APIC, TIT2

from speech_enhancement.audio import Recording, load, writing_like
from tests.package.formats.test_lengths import INFO, chunk, wav


@pytest.fixture
def samples(generator):
    return 0.1 * np.random.default_rng(0).standard_normal((16000, 1))


def rewrite(source):
    destination = source.with_stem("result")
    with Recording(source) as recording, writing_like(destination, recording) as file:
        file.write(recording.read(0, recording.frames).T.numpy())
    return destination


def chunks(path, order):
    """The chunks of a RIFF or an AIFF file by their names."""
    data, at, found = path.read_bytes(), 12, {}
    assert struct.unpack_from(f"{order}I", data, 4)[0] == len(data) - 8
    while at < len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def test_chunks_of_wav_before_and_after_the_samples(tmp_path, samples):
    """A broadcast chunk, a list whose size is odd, cue marks, and one of which nothing is known."""
    odd = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Odd"))
    before, after = chunk(b"bext", b"take 7".ljust(602, b"\0")), (odd, chunk(b"cue ", bytes(28)), chunk(b"Zoom", b"x"))
    data = (samples[:, 0] * 32767).astype("<i2").tobytes()
    (tmp_path / "source.wav").write_bytes(wav(data, len(data), *after, before=before))
    result = rewrite(tmp_path / "source.wav")
    old, new = (chunks(path, "<") for path in (tmp_path / "source.wav", result))
    assert {name: new[name] for name in (b"bext", b"LIST", b"cue ", b"Zoom")} == {
        name: old[name] for name in (b"bext", b"LIST", b"cue ", b"Zoom")
    }
    assert load(result).shape == (1, 16000) and soundfile.info(result).frames == 16000


def test_chunk_that_is_cut_off_is_left_behind(tmp_path, samples):
    data = (samples[:, 0] * 32767).astype("<i2").tobytes()
    (tmp_path / "source.wav").write_bytes(wav(data, len(data), INFO[:-4]))
    assert load(rewrite(tmp_path / "source.wav")).shape == (1, 16000)


def test_chunks_of_aiff(tmp_path, samples):
    source = tmp_path / "source.aiff"
    soundfile.write(source, samples, 16000)
    name = b"NAME" + struct.pack(">I", 11) + b"Interview 3\0"
    data = bytearray(source.read_bytes() + name)
    data[4:8] = struct.pack(">I", len(data) - 8)
    source.write_bytes(data)
    result = rewrite(source)
    assert chunks(result, ">")[b"NAME"] == b"Interview 3" and soundfile.info(result).frames == 16000


def picture():
    cover = Picture()
    cover.data, cover.type, cover.mime = b"\x89PNG pixels", 3, "image/png"
    return cover


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus"])
def test_comments_of_flac_and_ogg(tmp_path, samples, suffix):
    source = tmp_path / f"source.{suffix}"
    form = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    soundfile.write(source, samples, 16000, **form)
    file = mutagen.File(source)
    file["title"], file["performer"] = ["Interview 3"], ["One", "Two"]
    if suffix == "flac":
        file.add_picture(picture())
    file.save()
    result = mutagen.File(rewrite(source))
    assert result["title"] == ["Interview 3"] and result["performer"] == ["One", "Two"]
    if suffix == "flac":
        assert [found.data for found in result.pictures] == [picture().data]


def test_frames_of_mp3(tmp_path, samples):
    source = tmp_path / "source.mp3"
    soundfile.write(source, samples, 16000)
    file = mutagen.File(source)
    if file.tags is None:
        file.add_tags()
    file.tags.add(TIT2(text="Interview 3"))
    file.tags.add(APIC(mime="image/png", type=3, data=picture().data))
    file.save()
    result = rewrite(source)
    tags = mutagen.File(result).tags
    assert tags["TIT2"] == "Interview 3" and tags.getall("APIC")[0].data == picture().data
    assert load(result).shape == (1, 16000)


@pytest.mark.parametrize(("name", "form"), [("a.wav", "W64"), ("a.caf", "CAF"), ("a.au", "AU"), ("a.flac", "WAV")])
def test_formats_without_tags_need_no_note(tmp_path, samples, name, form, capsys):
    soundfile.write(tmp_path / name, samples, 16000, format=form)
    assert load(rewrite(tmp_path / name)).shape == (1, 16000)
    assert not capsys.readouterr().err


def test_without_the_package_a_note_says_that_tags_are_lost(tmp_path, samples, monkeypatch, capsys):
    for name, title in (("tagged", "Interview 3"), ("bare", None)):
        with soundfile.SoundFile(tmp_path / f"{name}.flac", "w", 16000, 1) as file:
            if title:
                file.title = title
            file.write(samples)
    monkeypatch.setitem(sys.modules, "mutagen", None)
    rewrite(tmp_path / "bare.flac")
    assert "note" not in capsys.readouterr().err
    rewrite(tmp_path / "tagged.flac")
    expected = f"note: {tmp_path / 'tagged.flac'}: tags are not kept; pip install 'speech-enhancement[formats]'"
    assert expected in capsys.readouterr().err
