"""Files that FFmpeg reads and writes: the sound is kept in place and length, and all else as it is."""

import hashlib
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import correlate

from speech_enhancement.audio import AudioError, Recording, load, writing_like
from tests.package.conftest import tree, voice_like

TITLE = {"title": "Interview 3"}


@pytest.fixture
def signal(generator):
    return (voice_like(2, 120, generator, 48000) + 0.01 * torch.randn(96000, generator=generator)).numpy()


def make(path, codec, rate, signal, layout="stereo", video=None, tracks=1, begin=0.0):
    """Write sound, and pictures if a codec for them is given."""
    muxer = {".m4a": "ipod", ".aac": "adts", ".wma": "asf", ".mkv": "matroska"}.get(path.suffix, path.suffix[1:])
    with av.open(str(path), "w", format=muxer) as file:
        file.metadata.update(TITLE)
        if video:
            pictures = file.add_stream(video, rate=25, width=32, height=32, pix_fmt="yuv420p")
        sounds = [file.add_stream(codec, rate=rate, layout=layout, bit_rate=96000) for _ in range(tracks)]
        if video:
            for number in range(50):
                picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 5 * number, np.uint8), "rgb24")
                picture.pts, picture.time_base = number, Fraction(1, 25)
                file.mux(pictures.encode(picture))
            file.mux(pictures.encode(None))
        resampled = np.interp(np.arange(2 * rate) / rate, np.arange(len(signal)) / 48000, signal)
        for sound in sounds:
            channels = np.tile(resampled.astype(np.float32), (2 if layout == "stereo" else 1, 1))
            block = av.AudioFrame.from_ndarray(channels, "fltp", layout)
            block.sample_rate, block.pts, block.time_base = rate, round(begin * rate), Fraction(1, rate)
            file.mux([*sound.encode(block), *sound.encode(None)])
    return path


def rewrite(source, destination):
    """Write a file again as `enhance` does, with the sound as it is."""
    with Recording(source) as recording, writing_like(destination, recording) as file:
        for start in range(0, recording.frames, 30000):
            file.write(recording.read(start, 30000).T.numpy())
    return destination


def packets(path, number=0):
    """Count and hash the packets of a stream that is not the first sound track."""
    with av.open(str(path)) as file:
        others = [stream for stream in file.streams if stream is not file.streams.audio[0]]
        found = [bytes(packet) for packet in file.demux(others[number]) if packet.dts is not None]
        return len(found), hashlib.sha256(b"".join(found)).hexdigest()


KINDS = {
    "a.m4a": ("aac", 44100, "stereo", None),
    "b.m4a": ("alac", 44100, "mono", None),
    "c.aac": ("aac", 16000, "mono", None),
    "d.wma": ("wmav2", 44100, "stereo", None),
    "e.webm": ("libopus", 48000, "mono", None),
    "f.amr": ("libopencore_amrnb", 8000, "mono", None),
    "g.mp4": ("aac", 48000, "stereo", "mpeg4"),
    "h.mkv": ("flac", 44100, "stereo", "mpeg4"),
    "i.mov": ("aac", 44100, "mono", "mpeg4"),
}


@pytest.mark.parametrize("name", KINDS)
def test_sound_keeps_its_codec_its_place_and_its_length(tmp_path, signal, name):
    codec, rate, layout, video = KINDS[name]
    source = make(tmp_path / name, codec, rate, signal, layout, video)
    result = rewrite(source, source.with_stem("result"))
    with Recording(source) as before, Recording(result) as after:
        assert (after.sample_rate, after.channels, after.subtype) == (rate, before.channels, before.subtype)
        # An encoder of AMR is 5 ms late, which fills one more frame of 20 ms; it does not keep the waveform.
        slack = 160 if name == "f.amr" else 0
        assert before.frames <= after.frames <= before.frames + slack
        old, new = (recording.read(0, recording.frames)[0].numpy() for recording in (before, after))
    assert abs(int(correlate(new, old, method="fft").argmax()) - len(old) + 1) <= slack
    # FFmpeg leaves out the two ends of WMA, which no other window overlaps.
    assert len(old) >= 2 * rate - 2048 * (name == "d.wma")
    if video:
        assert packets(result) == packets(source) and packets(source)[0] == 50
    if name not in ("c.aac", "f.amr"):
        with av.open(str(result)) as file:
            assert {key.lower(): value for key, value in file.metadata.items()}["title"] == TITLE["title"]


def test_other_sound_tracks_are_copied(tmp_path, signal):
    source = make(tmp_path / "two.mkv", "flac", 16000, signal, tracks=2, video="mpeg4")
    result = rewrite(source, tmp_path / "result.mkv")
    assert [packets(source, number) for number in (0, 1)] == [packets(result, number) for number in (0, 1)]


def test_sound_that_begins_after_the_pictures_stays_there(tmp_path, signal):
    source = make(tmp_path / "late.mkv", "flac", 48000, signal, video="mpeg4", begin=0.5)
    with Recording(rewrite(source, tmp_path / "result.mkv")) as recording:
        # Matroska gives times in milliseconds.
        assert recording._reader.begins == pytest.approx(0.5, abs=1e-3)


def test_stretches_are_those_of_the_whole(tmp_path, signal):
    source = make(tmp_path / "sound.m4a", "alac", 44100, signal)
    whole = load(source, 44100)
    with Recording(source) as recording:
        for start, length in ((1000, 5000), (50000, 7), (3, 4), (recording.frames - 10, 100)):
            assert torch.equal(recording.read(start, length), whole[:, start : start + length])


def test_codec_without_an_encoder_is_named(tmp_path, signal):
    source = make(tmp_path / "sound.mkv", "flac", 48000, signal)
    with Recording(source) as recording:
        recording._reader.subtype = "ape"
        expected = "sound.mkv: expected a codec that FFmpeg encodes, got ape"
        with pytest.raises(AudioError, match=expected), writing_like(tmp_path / "result.mkv", recording):
            pass
    assert tree(tmp_path) == ["sound.mkv"]


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{}\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize("text", ["no sound at all", PLAYLIST, "ffconcat version 1.0\nfile '{}'\n"])
def test_a_file_that_names_others_is_no_recording(tmp_path, signal, text):
    other = make(tmp_path / "other.m4a", "aac", 44100, signal)
    (tmp_path / "list.mp4").write_text(text.format(other))
    with pytest.raises(AudioError, match="list.mp4: expected audio, got"):
        load(tmp_path / "list.mp4")


def test_video_without_sound_and_cut_file_are_named(tmp_path, signal):
    with av.open(str(tmp_path / "silent.mp4"), "w") as file:
        pictures = file.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
        file.mux(
            [*pictures.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))), *pictures.encode(None)]
        )
    with pytest.raises(AudioError, match="silent.mp4: expected a sound track, got a file without any"):
        load(tmp_path / "silent.mp4")
    cut = make(tmp_path / "cut.m4a", "aac", 44100, signal)
    cut.write_bytes(cut.read_bytes()[:5000])
    with pytest.raises(AudioError, match="cut.m4a: expected audio"):
        load(cut)


def test_without_the_package_the_extra_is_named(tmp_path, signal, monkeypatch):
    source = make(tmp_path / "sound.m4a", "aac", 44100, signal)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"sound.m4a: expected audio, .*; pip install 'speech-enhancement\[formats\]'"):
        load(source)
    (tmp_path / "text.wav").write_text("no sound at all, and long enough to be taken for some")
    with pytest.raises(AudioError, match="text.wav: expected audio, got Format not recognised.$"):
        load(tmp_path / "text.wav")


def test_name_says_nothing(tmp_path, signal):
    soundfile.write(tmp_path / "wave.m4a", signal, 48000, format="WAV")
    assert load(tmp_path / "wave.m4a").shape == (1, 32000)
    make(tmp_path / "sound.m4a", "aac", 48000, signal).rename(tmp_path / "sound.wav")
    assert load(tmp_path / "sound.wav").shape[0] == 2
