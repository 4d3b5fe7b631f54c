"""Recordings whose header does not tell their length: all that can be decoded is read, and no more is promised."""

import struct

import numpy as np
import pytest
import soundfile
import torch

from speech_enhancement.audio import AudioError, Recording, load, writing_like
from tests.package.conftest import voice_like

RATE = 16000


@pytest.fixture
def signal(generator):
    # Quiet at first: the first frames of a variable rate are the smallest, by which a decoder guesses the length.
    waveform = voice_like(3, 120, generator) + 0.01 * torch.randn(3 * RATE, generator=generator)
    waveform[:RATE] *= 1e-3
    return waveform.numpy()


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav(data, declared, *after, bits=16, before=b""):
    """Bytes of a WAV file whose header gives the size of the samples as `declared`."""
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, RATE * bits // 8, bits // 8, bits)) + before
    body = b"WAVE" + head + b"data" + struct.pack("<I", declared) + data + b"".join(after)
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


def in_blocks(path, length=7000):
    """Read a recording as `enhance` does: float32 (channels, time)."""
    with Recording(path) as recording:
        return torch.cat([recording.read(start, length) for start in range(0, recording.frames, length)], dim=1)


INFO = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Interview 3\0"))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("before", [b"", INFO], ids=["", "list"])
@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 0xFFFFFFDB, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 12000])
def test_wav_whose_size_was_unknown_or_wrapped_around(tmp_path, signal, bits, before, declared):
    """The samples reach to the end of the file."""
    scaled = np.round(signal * 2 ** (bits - 1)).astype("<i4")
    data = b"".join(sample.tobytes()[: bits // 8] for sample in scaled)
    (tmp_path / "stream.wav").write_bytes(wav(data, declared, bits=bits, before=before))
    assert np.allclose(in_blocks(tmp_path / "stream.wav")[0], signal, atol=2.0 ** (1 - bits))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("after", [(INFO,), (INFO, chunk(b"cue ", bytes(28))), (b"TAG" + b"x" * 125,)])
@pytest.mark.parametrize("length", [1000, 999])
def test_what_follows_the_samples_of_wav_is_no_sound(tmp_path, bits, after, length):
    data = bytes(bits // 8) * length
    padding = (b"\0" * (len(data) % 2),)
    (tmp_path / "tagged.wav").write_bytes(wav(data, len(data), *padding, *after, bits=bits))
    assert load(tmp_path / "tagged.wav").shape == (1, length)


def test_wav_of_more_than_4_gib_is_read_to_its_end(tmp_path):
    """The file has a hole, so it takes no room on the disk."""
    n_bytes = (1 << 32) + 6002
    path = tmp_path / "long.wav"
    for bits in (16, 24):
        with path.open("wb") as file:
            file.write(wav(b"", n_bytes % (1 << 32), bits=bits))
            file.seek(n_bytes - 3, 1)
            file.write(b"\0\0\x40")
        with Recording(path) as recording:
            assert recording.frames == n_bytes * 8 // bits
            assert recording.read(recording.frames - 2, 2).tolist() == [[0.0, 0.5]]


def test_result_of_more_than_4_gib_is_written_as_rf64(tmp_path, signal):
    soundfile.write(tmp_path / "short.wav", signal, RATE)
    with Recording(tmp_path / "short.wav") as recording:
        for frames, expected in ((recording.frames, "WAV"), (1 << 31, "RF64")):
            recording.frames = frames
            with writing_like(tmp_path / "result.wav", recording) as file:
                file.write(signal)
            assert soundfile.info(tmp_path / "result.wav").format == expected


def frames_of_mp3(data):
    """Positions of the frames of MPEG-1 layer III at 44.1 kHz; each begins where the one before ends."""
    kilobits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    at = data.index(b"\xff\xfb")
    while at + 4 <= len(data):
        yield at
        at += 144000 * kilobits[data[at + 2] >> 4] // 44100 + (data[at + 2] >> 1 & 1)


@pytest.fixture(params=["CONSTANT", "VARIABLE"])
def mp3(request, tmp_path, signal):
    """An MP3 file of 3 s whose first frame counts the others."""
    path = tmp_path / "whole.mp3"
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": 0.4}
    with soundfile.SoundFile(path, "w", 44100, 1, bitrate_mode=request.param, **options) as file:
        file.write(np.interp(np.arange(3 * 44100) / 44100, np.arange(len(signal)) / RATE, signal))
    return path


def test_mp3_without_the_frame_that_counts(tmp_path, mp3):
    data = mp3.read_bytes()
    starts = list(frames_of_mp3(data))
    (tmp_path / "cut.mp3").write_bytes(data[starts[1] :])
    read, whole = in_blocks(tmp_path / "cut.mp3")[0], load(mp3, 44100)[0]
    assert len(read) == 1152 * (len(starts) - 1)
    # Without the count, the delays of encoder and decoder, 576 and 529 samples, are not taken off.
    assert torch.allclose(read[1105 : 1105 + len(whole)], whole, atol=1e-5)


def test_joined_mp3(tmp_path, mp3):
    data = mp3.read_bytes()
    second = data[list(frames_of_mp3(data))[1] :]
    tag = b"ID3\3\0\0\0\0\1\0" + bytes(128)
    (tmp_path / "joined.mp3").write_bytes(data + tag + data + b"TAG" + bytes(125))
    (tmp_path / "mixed.mp3").write_bytes(data + second)
    whole = load(mp3, 44100)
    assert torch.equal(in_blocks(tmp_path / "joined.mp3"), torch.cat([whole, whole], dim=1))
    assert in_blocks(tmp_path / "mixed.mp3").shape[1] == whole.shape[1] + 1152 * (len(list(frames_of_mp3(data))) - 1)


def test_cut_mp3_is_named(tmp_path, mp3):
    (tmp_path / "cut.mp3").write_bytes(mp3.read_bytes()[:-5000])
    with pytest.raises(AudioError, match="cut.mp3: cut off, expected [0-9]+ frames, got [0-9]+"):
        load(tmp_path / "cut.mp3")


def test_blocks_of_mp3_join_without_clicks(mp3):
    """A decoder that is sent back to the end of the block before lacks what the next frames share with it."""
    assert torch.equal(in_blocks(mp3), load(mp3, 44100))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_chained_ogg(tmp_path, signal, subtype):
    for name, part in (("first", signal), ("second", signal[:20000])):
        soundfile.write(tmp_path / f"{name}.ogg", part, RATE, format="OGG", subtype=subtype)
    parts = [tmp_path / "first.ogg", tmp_path / "second.ogg"]
    (tmp_path / "chained.ogg").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert torch.equal(in_blocks(tmp_path / "chained.ogg"), torch.cat([load(part) for part in parts], dim=1))


def test_parts_of_different_rates_are_named(tmp_path, signal):
    for rate in (16000, 22050):
        soundfile.write(tmp_path / f"{rate}.ogg", signal, rate)
    (tmp_path / "chained.ogg").write_bytes(b"".join(path.read_bytes() for path in sorted(tmp_path.glob("*0.ogg"))))
    with pytest.raises(AudioError, match="chained.ogg: expected parts of 16000 Hz and 1 channels"):
        load(tmp_path / "chained.ogg")


def test_flac_from_a_pipe(tmp_path, signal):
    """Its header leaves the number of samples at 0."""
    soundfile.write(tmp_path / "stream.flac", signal, RATE)
    data = bytearray((tmp_path / "stream.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (tmp_path / "stream.flac").write_bytes(data)
    assert np.allclose(in_blocks(tmp_path / "stream.flac")[0], signal, atol=2**-15)


def test_gsm_which_cannot_seek(tmp_path, signal):
    soundfile.write(tmp_path / "call.wav", signal[::2], 8000, subtype="GSM610")
    read = in_blocks(tmp_path / "call.wav", 1001)
    assert read.shape[1] >= len(signal[::2])
    assert np.array_equal(
        read[0, : len(signal[::2])], soundfile.read(tmp_path / "call.wav", dtype="float32")[0][:24000]
    )


@pytest.mark.parametrize("rate", [0, 999, 4_000_000_000])
def test_impossible_rate_is_named(tmp_path, rate):
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, rate * 2 % 2**32, 2, 16))
    (tmp_path / "odd.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + head + chunk(b"data", bytes(2000)))
    with pytest.raises(AudioError, match=f"odd.wav: expected a sample rate of 1000 to 1000000 Hz, got {rate}"):
        load(tmp_path / "odd.wav")
