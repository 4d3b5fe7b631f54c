"""Audio files of all kinds, intact and broken."""

import errno
import os

import numpy as np
import pytest
import soundfile
import torch

from speech_enhancement.audio import AudioError, Recording, find, load, resample, save, sound_uri, writing
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.failures import Failures
from speech_enhancement.formats.wav import PlainWavReader
from tests.package.conftest import tree


@pytest.fixture
def signal(generator):
    return (0.3 * torch.randn(3000, 2, generator=generator)).clamp(-0.9, 0.9).numpy()


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1 / 64),
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "FLOAT", 1e-7),
        ("flac", "PCM_16", 1e-4),
        ("flac", "PCM_24", 1e-6),
        ("ogg", "VORBIS", None),
        ("mp3", "MPEG_LAYER_III", None),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_a_stretch(tmp_path, signal, suffix, subtype, tolerance, channels):
    path = tmp_path / f"file.{suffix}"
    soundfile.write(path, signal[:, :channels], 16000, subtype=subtype)
    with Recording(path) as recording:
        assert (recording.sample_rate, recording.channels) == (16000, channels)
        stretch = recording.read(1000, 500)
        assert stretch.shape == (channels, 500) and stretch.dtype == torch.float32
        assert recording.frames == 3000
        if tolerance:
            assert np.allclose(stretch.numpy().T, signal[1000:1500, :channels], atol=tolerance)
        end = recording.read(2990, 500).numpy().T
        earlier = recording.read(500, 700).numpy().T
    whole = soundfile.read(path, dtype="float32", always_2d=True)[0]
    for ours, theirs in ((stretch.numpy().T, whole[1000:1500]), (end, whole[2990:]), (earlier, whole[500:1200])):
        assert np.allclose(ours, theirs, atol=1e-6)


def test_plain_wav_is_read_as_libsndfile_reads_it(tmp_path, signal):
    path = tmp_path / "plain.wav"
    soundfile.write(path, signal, 44100, subtype="PCM_16")
    with Recording(path) as recording:
        assert isinstance(recording._reader, PlainWavReader)
        ours = recording.read(17, 1234).T.numpy()
    assert np.array_equal(ours, soundfile.read(path, start=17, frames=1234, dtype="float32")[0])


def test_load_resamples(tmp_path):
    time = torch.arange(44100) / 44100
    save(tmp_path / "tone.wav", torch.sin(2 * torch.pi * 1000 * time).unsqueeze(0) / 2, 44100)
    waveform = load(tmp_path / "tone.wav")
    assert waveform.shape == (1, 16000)
    assert torch.fft.rfft(waveform[0]).abs().argmax() == 1000


def test_odd_rates_are_resampled_too():
    """Between 15997 and 16000 Hz torchaudio's filter would take gigabytes."""
    time = torch.arange(15997 * 2) / 15997
    resampled = resample(torch.sin(2 * torch.pi * 1000 * time).unsqueeze(0), 15997, 16000)
    assert resampled.shape == (1, 32000) and resampled.dtype == torch.float32
    expected = torch.sin(2 * torch.pi * 1000 * torch.arange(32000) / 16000)
    assert (resampled[0] - expected)[200:-200].abs().max() < 0.01


def broken(kind, path, signal):
    """Write a file to `path` that is broken in one way."""
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("This is no sound at all, however much its name may promise one to whoever reads it.")
    elif kind == "without samples":
        soundfile.write(path, signal[:0], 16000, subtype="PCM_16")
    elif kind == "header only":
        soundfile.write(path, signal, 16000, subtype="PCM_16")
        path.write_bytes(path.read_bytes()[:30])
    elif kind == "nan":
        soundfile.write(path, np.where(np.arange(3000)[:, None] == 7, np.nan, signal), 16000, subtype="FLOAT")
    else:
        soundfile.write(path, signal, 16000, subtype=kind.split()[1], format=kind.split()[2])
        path.write_bytes(path.read_bytes()[:4000])
    return path


BROKEN = (
    "empty",
    "text",
    "without samples",
    "header only",
    "nan",
    "cut PCM_16 WAV",
    "cut PCM_24 WAV",
    "cut PCM_16 FLAC",
)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_raises_and_is_named(tmp_path, signal, kind):
    path = broken(kind, tmp_path / "broken.wav", signal)
    with pytest.raises(AudioError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


class BrokenDisk:
    """A file that allows seeking but not reading."""

    def seek(self, position):
        pass

    def readinto(self, samples):
        raise OSError(errno.EIO, "Input/output error")


def test_disk_that_fails_while_reading_is_not_taken_for_one_that_cannot_be_written(tmp_path):
    save(tmp_path / "source.wav", torch.zeros(1, 10))
    recording = Recording(tmp_path / "source.wav")
    recording._reader._file = BrokenDisk()
    with pytest.raises(OSError) as raised, replacing(tmp_path / "target") as temporary:
        temporary.touch()
        recording.read(0, 10)
    assert (raised.value.errno, raised.value.filename) == (errno.EIO, str(tmp_path / "source.wav"))


def test_target_that_cannot_be_opened_is_named(tmp_path):
    target = tmp_path / "missing" / "target.flac"
    with pytest.raises(OSError) as raised:
        save(target, torch.zeros(1, 10))
    assert str(raised.value).startswith(f"{target}: could not be written: ")


def test_save_appears_whole_or_not_at_all(tmp_path):
    save(tmp_path / "a.wav", torch.zeros(1, 10))
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(RuntimeError), writing(tmp_path / "a.wav", 16000, 1, "PCM_16", "WAV") as file:
        file.write(np.ones((10, 1)))
        raise RuntimeError
    assert (tmp_path / "a.wav").read_bytes() == before
    assert tree(tmp_path) == ["a.wav"]


def test_save_clips(tmp_path):
    save(tmp_path / "loud.wav", torch.tensor([[2.0, -2.0]]))
    assert torch.allclose(load(tmp_path / "loud.wav"), torch.tensor([[1.0, -1.0]]), atol=1e-4)


def test_find(tmp_path, capsys):
    for name in ("b/2.FLAC", "a/1.wav", "a/notes.txt", "a/.hidden.wav", ".Trash/3.wav", "a/4.opus", "README", "5.aiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    failures = Failures()
    expected = [tmp_path / name for name in ("5.aiff", "a/1.wav", "a/4.opus", "b/2.FLAC")]
    assert find(tmp_path, failures) == find(tmp_path) == expected
    failures.tell_left_out()
    told = capsys.readouterr().err.splitlines()
    assert sorted(line.removeprefix(f"left out: {tmp_path}/") for line in told) == [
        ".Trash and 1 more: hidden",
        "README: files without a suffix are not among the audio files that are looked for",
        "a/notes.txt: .txt is not among the audio files that are looked for",
    ]
    with pytest.raises(AudioError, match="without any"):
        (tmp_path / "empty").mkdir()
        find(tmp_path / "empty")
    with pytest.raises(AudioError, match="nothing there"):
        find(tmp_path / "missing")


def test_linked_folders_are_read_once(tmp_path, capsys):
    for name in ("elsewhere/1.wav", "in/own/2.wav"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    links = {"a link": tmp_path / "elsewhere", "again": "own", "round": tmp_path / "in", "nowhere.wav": "missing"}
    for name, target in links.items():
        (tmp_path / "in" / name).symlink_to(target)
    failures = Failures()
    assert find(tmp_path / "in", failures) == [tmp_path / "in" / name for name in ("a link/1.wav", "own/2.wav")]
    failures.tell_left_out()
    told = capsys.readouterr().err
    assert "again and 1 more: a link to a folder that is read already" in told
    assert "nowhere.wav: a link to nothing" in told and not failures


def test_folder_that_cannot_be_read_is_a_failure(tmp_path, monkeypatch):
    save(tmp_path / "good.wav", torch.zeros(1, 10))
    (tmp_path / "locked").mkdir()

    def scandir(folder, original=os.scandir):
        if folder == tmp_path / "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return original(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    failures = Failures()
    assert find(tmp_path, failures) == [tmp_path / "good.wav"]
    assert list(failures.messages.values()) == [f"{tmp_path / 'locked'}: Permission denied"]


def test_name_that_is_not_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.flac")
    save(path, torch.full((1, 10), 0.5))
    assert torch.equal(load(path), torch.full((1, 10), 0.5))


@pytest.mark.parametrize("kind", ["mp3", "flac"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_player_gets_only_finite_samples(kind, value):
    with pytest.raises(ValueError, match="waveform: expected finite samples, got NaN or infinity"):
        sound_uri(torch.full((16000,), value), kind)
