"""The command `enhance`: chunks without seams, any format, bad files."""

import os
import shutil
import stat
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

import speech_enhancement
from speech_enhancement.audio import load, resample, save
from speech_enhancement.commands.enhance import _count_processes
from speech_enhancement.configuration import Enhance
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.systems import registry
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble
from speech_enhancement.systems.blocks.small_ratio import small_ratio
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.system import System
from tests.package.conftest import tree, voice_like
from tests.package.test_audio import BROKEN, broken


@pytest.fixture(scope="module")
def packaged():
    return load_model()


@pytest.fixture(scope="module")
def unet():
    """A system that gets its chunks with context."""
    torch.manual_seed(0)
    return registry.build("unet", channels=(4, 8, 8)).eval()


def noisy_file(path, seconds, rate, channels, generator, subtype=None):
    speech = voice_like(seconds, 120, generator, rate)
    noise = 0.05 * torch.randn(channels, len(speech), generator=generator)
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, (speech + noise).T.numpy(), rate, subtype=subtype)
    return path


# Measured largest differences between chunks and one pass: 1.2e-7 at 16 kHz, 2.4e-7 resampled; a hundred times that
# is still 90 dB below full scale.
SEAM = 3e-5


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"apart": True}, {"keep_rumble": True, "attenuation_limit": 12}])
@pytest.mark.parametrize("rate", [16000, 44100, 8000, 47952])
def test_pieces_join_without_a_seam(unet, generator, rate, options):
    """The system gets its pieces with context."""
    noisy = 0.1 * torch.randn(2, 7 * rate, generator=generator)
    pieces = list(Enhancer(unet, chunk_seconds=2, **options).enhance_recording(source_of(noisy, rate)))
    whole = Enhancer(unet, **options)._enhance_piece(noisy, rate)
    joined = torch.cat(pieces, dim=-1)
    assert len(pieces) > 3 and joined.shape == whole.shape
    assert (joined - whole).abs().max() < SEAM


@pytest.mark.parametrize("rate", [16000, 44100, 11025, 48000])
def test_a_recording_is_what_comes_out_of_the_stream(packaged, generator, rate):
    noisy = 0.1 * torch.randn(2, 3 * rate, generator=generator)
    stream = packaged.stream(rate, 2)
    whole = torch.cat([stream.process(noisy), stream.flush()], dim=-1)[:, stream.latency :]
    joined = torch.cat(list(Enhancer(packaged).enhance_recording(source_of(noisy, rate))), dim=-1)
    torch.testing.assert_close(joined, whole, rtol=0, atol=SEAM)


def source_of(noisy, rate):
    return SimpleNamespace(
        sample_rate=rate, frames=noisy.shape[-1], read=lambda start, length: noisy[:, start : start + length]
    )


def test_one_channel_goes_through_the_stream_too(packaged, monkeypatch, generator):
    """What is measured is then what runs over files."""
    noisy = 0.1 * torch.randn(3000, generator=generator)
    with torch.no_grad():
        whole = packaged(noisy[None, None])[0, 0]
    monkeypatch.setattr(type(packaged), "forward", None)
    torch.testing.assert_close(Enhancer(packaged).enhance(noisy), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["packaged", "unet"])
def test_at_48_khz_the_voice_comes_out_as_at_16(name, request, generator):
    """The two results differ by what lies around 8 kHz."""
    system = request.getfixturevalue(name)
    noisy = voice_like(2, 120, generator) + 0.02 * torch.randn(32000, generator=generator)
    at_16 = Enhancer(system).enhance(noisy)
    at_48 = resample(Enhancer(system).enhance(resample(noisy, 16000, 48000), 48000), 48000, 16000)
    difference = (at_48 - at_16)[1000:-1000]
    assert difference.square().mean() < 0.01 * at_16[1000:-1000].square().mean()


def test_enhancing_raises_the_snr(packaged, generator):
    clean = voice_like(4, 120, generator)
    noisy = clean + 0.02 * torch.randn(len(clean), generator=generator)
    enhanced = Enhancer(packaged).enhance(noisy)
    before, after = ((signal - clean).square().mean() for signal in (noisy, enhanced))
    assert after < before / 2


@pytest.mark.parametrize(("frequency", "expected"), [(20, 0.01), (50, 0.5), (90, 0.99), (1000, 1.0)])
def test_rumble_is_removed_and_nothing_shifted(frequency, expected):
    tone = torch.sin(2 * torch.pi * frequency * torch.arange(16000) / 16000)
    left = remove_rumble(tone)[2000:-2000]
    assert torch.allclose(left, expected * tone[2000:-2000], atol=0.02)


@pytest.mark.parametrize("length", [1, 2, 100, 4000])
def test_an_offset_is_removed_without_a_click(length):
    """It begins and ends as loud as silence does."""
    assert remove_rumble(torch.full((length,), 0.3)).abs().max() < 1e-5


@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_recording_with_an_offset_ends_without_a_click(packaged, rate):
    """Its length is no whole number of hops; filled up with zeros, it ended with a click of 0.11."""
    enhanced = speech_enhancement.enhance(torch.full((rate // 2 + 77,), 0.3), rate, packaged)
    edge = rate // 100
    assert max(enhanced[:edge].abs().max(), enhanced[-edge:].abs().max()) < 0.01


class Through(System):
    """A system that changes nothing."""

    title = "through"
    context, shortest = 0, 1

    def forward(self, noisy):
        return noisy


def enhanced_both_ways(system, noisy, rate, **options):
    """Enhance `(channels, time)` in pieces, and in one."""
    for seconds in (0.7, 100):
        yield torch.cat(list(Enhancer(system, seconds, **options).enhance_recording(source_of(noisy, rate))), dim=-1)


@pytest.mark.parametrize("needs", [True, False])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_rumble_is_removed_before_the_systems_that_need_it(needs, keep, rate):
    """It is kept on demand."""
    system = Through()
    system.needs_rumble_filter = needs
    time = torch.arange(3 * rate) / rate
    rumble, tone = (torch.sin(2 * torch.pi * frequency * time) for frequency in (10, 1000))
    if keep and not needs:
        # What a system leaves below 50 Hz is there twice then; none of those without a filter leaves anything.
        return
    for result in enhanced_both_ways(system, (rumble + tone)[None], rate, keep_rumble=keep):
        expected = rumble + tone if keep or not needs else tone
        assert (result - expected)[0, rate // 2 : -rate // 2].abs().max() < 0.01


def test_the_packaged_model_removes_rumble_unless_it_is_kept(packaged, generator):
    """It has no filter, since it has learnt to."""
    time = torch.arange(32000) / 16000
    rumble = 0.1 * torch.sin(2 * torch.pi * 20 * time)
    noisy = voice_like(2, 120, generator) + 0.003 * torch.randn(32000, generator=generator)
    without = Enhancer(packaged).enhance(noisy + rumble)
    kept = Enhancer(packaged, keep_rumble=True).enhance(noisy + rumble)
    level = [abs(torch.dot(each[8000:24000], rumble[8000:24000])) for each in (rumble, without, kept)]
    assert level[1] < 0.03 * level[0] and abs(level[2] / level[0] - 1) < 0.05


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("apart", [True, False])
def test_what_lies_above_8_khz_is_kept(channels, apart, generator):
    """A system that hears only what lies below and changes nothing leaves the recording as it was."""
    system = Through()
    system.needs_rumble_filter = False
    noisy = 0.1 * torch.randn(channels, 48000, generator=generator)
    for result in enhanced_both_ways(system, noisy, 48000, apart=apart):
        torch.testing.assert_close(result, noisy, rtol=0, atol=1e-4)


class Halving(Through):
    needs_rumble_filter = False

    def forward(self, noisy):
        return noisy / 2


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_gains_go_on_above_8_khz_without_a_seam(rate, channels, generator):
    noisy = 0.1 * torch.randn(channels, rate, generator=generator)
    for result in enhanced_both_ways(Halving(), noisy, rate):
        # Gains of the U-Net's kind are those of spectra; the ends of a recording are as if silence was around it.
        torch.testing.assert_close(result, noisy / 2, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", ["packaged", "unet"])
def test_with_a_limit_the_noisy_recording_stays(name, request, generator):
    system = request.getfixturevalue(name)
    noisy = 0.1 * torch.randn(2, 12000, generator=generator)
    free, limited, untouched = (
        speech_enhancement.enhance(noisy, 44100, system, attenuation_limit=limit) for limit in (None, 20, 0)
    )
    torch.testing.assert_close(limited, 0.1 * noisy + 0.9 * free, rtol=0, atol=1e-6)
    torch.testing.assert_close(untouched, noisy, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="attenuation_limit: expected a number of decibels from 0 up, got -3"):
        speech_enhancement.enhance(noisy, 44100, system, attenuation_limit=-3)


def stereo(generator, seconds=3):
    """A voice and noise from two directions, `(2, time)`."""
    voice = voice_like(seconds, 120, generator)
    noise = 0.03 * torch.randn(2, len(voice), generator=generator)
    return torch.stack([voice, 0.5 * voice]) + torch.stack([0.5 * noise[0] + 0.2 * noise[1], noise[0]])


@pytest.mark.parametrize("name", ["packaged", "unet"])
def test_channels_together_keep_the_level_difference_of_the_noise(name, request, generator):
    """Apart, it wanders in the pauses."""
    noisy = stereo(generator)
    changes = {}
    for apart in (True, False):
        enhanced = torch.cat(
            list(Enhancer(request.getfixturevalue(name), apart=apart).enhance_recording(source_of(noisy, 16000))),
            dim=-1,
        )
        changes[apart] = (level_difference(enhanced) - level_difference(noisy)).std()
    assert changes[False] < changes[True]


def level_difference(waveform):
    power = waveform.unfold(-1, 512, 512).square().mean(-1).clamp_min(1e-12)
    return 10 * (power[0] / power[1]).log10()


@pytest.mark.parametrize("name", ["packaged", "unet"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_two_equal_channels_become_two_equal_channels(name, rate, request, generator):
    system = request.getfixturevalue(name)
    noisy = voice_like(1, 120, generator, rate) + 0.02 * torch.randn(rate, generator=generator)
    left, right = speech_enhancement.enhance(torch.stack([noisy, noisy]), rate, system)
    assert torch.equal(left, right)
    if name == "packaged":
        torch.testing.assert_close(left, speech_enhancement.enhance(noisy, rate, system), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["packaged", "unet", "log-mmse"])
def test_residual_and_result_add_up(tmp_path, name, request, generator):
    system = registry.build(name) if name == "log-mmse" else request.getfixturevalue(name)
    path = noisy_file(tmp_path / "long.wav", 2.3, 44100, 2, generator, "FLOAT")
    Enhancer(system).enhance_file(path, tmp_path / "out.wav", tmp_path / "rest.wav")
    noisy, enhanced, rest = (soundfile.read(tmp_path / name)[0] for name in ("long.wav", "out.wav", "rest.wav"))
    assert np.abs(rest).max() > 0.01
    np.testing.assert_allclose(enhanced + rest, noisy, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", registry.NAMES)
def test_other_tasks_get_their_input_as_it_is(name):
    system = registry.build(name)
    assert system.task == System.task or not system.needs_rumble_filter


@pytest.mark.parametrize("length", [1, 100, 256, 257, 511])
def test_short_files_keep_their_length(tmp_path, packaged, generator, length):
    path = tmp_path / "short.wav"
    soundfile.write(path, 0.1 * torch.randn(length, generator=generator).numpy(), 16000)
    Enhancer(packaged).enhance_file(path, tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.wav").frames == length


@pytest.mark.parametrize("after", [1, 128, 254, 255])
def test_the_last_samples_are_no_louder(packaged, generator, after):
    """This holds for any end within a hop: the last window fades out there, and must not be divided by."""
    noisy = 0.1 * torch.randn(60 * 256 + after, generator=generator)
    assert Enhancer(packaged).enhance(noisy)[-8:].abs().max() < noisy.abs().max()


def test_lost_packets_are_filled_in_files(tmp_path, generator):
    """They are found by their zeros, which no filter may change."""
    waveform = (0.1 * torch.randn(16000, generator=generator)).clamp(-0.9, 0.9)
    waveform[4000:4640] = 0
    soundfile.write(tmp_path / "lossy.wav", waveform.numpy(), 16000)
    system = registry.build("packet-loss-filling").eval()
    Enhancer(system).enhance_file(tmp_path / "lossy.wav", tmp_path / "filled.wav")
    lossy, filled = (soundfile.read(tmp_path / name)[0] for name in ("lossy.wav", "filled.wav"))
    assert filled[4000:4640].any()
    assert np.array_equal(filled[:4000], lossy[:4000]) and np.array_equal(filled[4640:], lossy[4640:])


def test_silence_stays_silent(packaged):
    assert Enhancer(packaged).enhance(torch.zeros(16000)).abs().max() < 1e-6


@pytest.mark.slow
def test_folder_of_all_kinds(tmp_path, checkpoint, generator, run):
    kinds = {
        "a/eight.wav": (8000, 1, "PCM_U8"),
        "a/deep.wav": (44100, 2, "PCM_24"),
        "float.wav": (48000, 3, "FLOAT"),
        "b/one.flac": (22050, 1, "PCM_16"),
        "b/two.ogg": (16000, 2, "VORBIS"),
        "three.mp3": (44100, 2, "MPEG_LAYER_III"),
    }
    for name, (rate, channels, subtype) in kinds.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        noisy_file(tmp_path / "in" / name, 1.37, rate, channels, generator, subtype)
    result = run("enhance", tmp_path / "in", "--out", tmp_path / "out", "--checkpoint", checkpoint)
    assert result.returncode == 0, result.stderr
    assert tree(tmp_path / "out") == sorted(kinds)
    for name, (rate, channels, subtype) in kinds.items():
        before, after = (soundfile.info(tmp_path / side / name) for side in ("in", "out"))
        assert (after.samplerate, after.channels, after.subtype) == (rate, channels, subtype)
        assert after.frames == before.frames, name


@pytest.mark.slow
def test_bad_files_are_named_and_the_rest_is_done(tmp_path, checkpoint, generator, run):
    folder = tmp_path / "in"
    folder.mkdir()
    noisy_file(folder / "good.wav", 1, 16000, 1, generator)
    signal = (0.3 * torch.randn(3000, 1, generator=generator)).clamp(-0.9, 0.9).numpy()
    bad = [broken(kind, folder / f"{kind.replace(' ', '_')}.wav", signal) for kind in BROKEN]
    if os.geteuid() != 0:
        noisy_file(folder / "forbidden.wav", 1, 16000, 1, generator).chmod(stat.S_IWUSR)
        bad.append(folder / "forbidden.wav")
    (tmp_path / "out").mkdir()
    shutil.copy(folder / "good.wav", tmp_path / "out" / "kept.wav")
    arguments = ("enhance", folder, tmp_path / "missing", "--out", tmp_path / "out", "--checkpoint", checkpoint)
    result = run(*arguments)
    assert result.returncode == 1
    failures = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("failed: ")]
    assert len(failures) == len(bad) + 1
    assert f"1 files enhanced in {tmp_path / 'out'}, {len(bad) + 1} failed" in result.stdout
    for path in [*bad, tmp_path / "missing"]:
        assert sum(line.startswith(f"failed: {path}: ") for line in failures) == 1, failures
    assert tree(tmp_path / "out") == ["good.wav", "kept.wav"]
    assert "Traceback" not in result.stderr
    before = (tmp_path / "out" / "good.wav").read_bytes()
    again = run("enhance", folder / "good.wav", "--out", tmp_path / "out", "--checkpoint", checkpoint)
    assert again.returncode == 1 and "exists; --overwrite replaces it" in again.stdout + again.stderr
    assert (tmp_path / "out" / "good.wav").read_bytes() == before


@pytest.mark.slow
@pytest.mark.processes
def test_several_processes_do_what_one_does(tmp_path, generator, run):
    """Results, messages, their order and the exit status are the same; one file is bad, and one lies there already."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, (rate, channels) in enumerate([(16000, 1), (44100, 2), (16000, 1), (8000, 1), (48000, 1)]):
        noisy_file(folder / f"{number}.wav", 3 - number / 2, rate, channels, generator)
    (folder / "2.wav").write_text("no sound, but long enough to be taken for some")
    seen = []
    for n_processes in (1, 3):
        out = tmp_path / str(n_processes)
        out.mkdir()
        (out / "3.wav").write_text("kept")
        result = run("enhance", folder, "--out", out, "--jobs", n_processes)
        lines = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
        told = [line.replace(str(out), "OUT") for line in [*lines, *result.stdout.splitlines()]]
        seen.append((result.returncode, told, {name: (out / name).read_bytes() for name in tree(out)}))
    assert seen[0][:2] == seen[1][:2] and seen[0][0] == 1 and len(seen[0][1]) == 3
    assert seen[0][2].keys() == seen[1][2].keys() and len(seen[0][2]) == 4
    for name in ("0.wav", "1.wav", "4.wav"):
        one, several = (soundfile.read(tmp_path / folder / name)[0] for folder in ("1", "3"))
        # One process uses several threads, which may round differently: a step of 16 bits.
        assert np.abs(one - several).max() <= 2**-15


def test_jobs_are_files_on_the_cpu(tmp_path):
    with pytest.raises(ValueError, match="--jobs: expected 1 or more, got 0"):
        Enhance((tmp_path,), jobs=0)
    counts = [
        _count_processes(Enhance((tmp_path,), jobs=jobs), torch.device(device), n_files)
        for jobs, device, n_files in ((3, "cpu", 9), (3, "cpu", 2), (None, "cpu", 1), (2, "cpu", 0), (None, "cuda", 9))
    ]
    assert counts == [3, 2, 1, 1, 1]
    with pytest.raises(ValueError, match="--jobs: expected 1 with a GPU, got 2"):
        _count_processes(Enhance((tmp_path,), jobs=2), torch.device("cuda"), 9)


def test_folder_without_audio_and_wrong_checkpoint(tmp_path, run, checkpoint):
    (tmp_path / "empty").mkdir()
    result = run("enhance", tmp_path / "empty", "--out", tmp_path / "out", "--checkpoint", checkpoint)
    assert result.returncode == 1 and f"{tmp_path / 'empty'}: expected audio files" in result.stdout + result.stderr
    (tmp_path / "not.ckpt").write_bytes(b"no checkpoint")
    result = run("enhance", tmp_path / "empty", "--out", tmp_path / "out", "--checkpoint", tmp_path / "not.ckpt")
    assert result.returncode == 1 and result.stderr.startswith(f"error: {tmp_path / 'not.ckpt'}: expected a checkpoint")
    assert len(result.stderr.splitlines()) == 1


def test_results_may_lie_around_the_inputs_but_not_on_them(tmp_path, checkpoint, generator, run):
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "a.wav", 0.1 * torch.randn(4000, generator=generator).numpy(), 16000)
    before = (folder / "a.wav").read_bytes()
    around = run("enhance", folder, "--out", tmp_path, "--checkpoint", checkpoint)
    assert around.returncode == 0 and (tmp_path / "a.wav").exists(), around.stderr
    on = run("enhance", folder, "--out", folder, "--overwrite", "--checkpoint", checkpoint)
    assert on.returncode == 1 and "expected no input in --out that its result replaces" in on.stderr
    within = run("enhance", folder, "--out", folder / "out", "--checkpoint", checkpoint)
    again = run("enhance", folder, "--out", folder / "out", "--overwrite", "--checkpoint", checkpoint)
    assert within.returncode == again.returncode == 0 and not (folder / "out" / "out").exists()
    assert (folder / "a.wav").read_bytes() == before


def test_two_inputs_of_one_name_do_not_meet(tmp_path, checkpoint, generator, run):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        noisy_file(tmp_path / folder / "same.wav", 0.5, 16000, 1, generator)
    arguments = (
        "enhance",
        tmp_path / "first",
        tmp_path / "second",
        "--out",
        tmp_path / "out",
        "--checkpoint",
        checkpoint,
    )
    assert run(*arguments).returncode == 0
    assert tree(tmp_path / "out") == ["same.wav", "second/same.wav"]
    files = (tmp_path / "first" / "same.wav", tmp_path / "second" / "same.wav")
    assert run("enhance", *files, "--out", tmp_path / "files", "--checkpoint", checkpoint).returncode == 0
    assert tree(tmp_path / "files") == ["same.wav", "second/same.wav"]


@pytest.mark.parametrize("rate", [16000, 44100, 11025, 48000, 15999, 47952, 22254])
def test_pieces_are_whole_steps_of_the_model(unet, rate):
    """They are so at a rate that is within 0.3 % of the recording's; they stay short at all rates."""
    enhancer = Enhancer(unet)
    ratio = small_ratio(rate, 16000)
    assert abs(ratio / Fraction(rate, 16000) - 1) <= 0.003
    chunk, context, step = enhancer._chunk(rate)
    for samples in (chunk, context, step):
        assert (samples / ratio).denominator == 1 and samples / ratio % unet.alignment == 0
        assert samples % enhancer._hop(rate) == 0
    assert step < 10 * rate and chunk < 45 * rate


def test_options_reach_the_files(tmp_path, generator, run):
    """The same limit and channels give the same result in Python."""
    noisy = noisy_file(tmp_path / "in" / "a.wav", 1, 44100, 2, generator, "FLOAT")
    options = ("--attenuation-limit", 20, "--channels", "apart", "--keep-rumble", "--residual", tmp_path / "rest")
    done = run("enhance", tmp_path / "in", "--out", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    before, enhanced, rest = (load(path, 44100) for path in (noisy, tmp_path / "out/a.wav", tmp_path / "rest/a.wav"))
    enhancer = Enhancer(load_model(), attenuation_limit=20, apart=True, keep_rumble=True)
    expected = torch.cat(list(enhancer.enhance_recording(source_of(before, 44100))), dim=-1)
    torch.testing.assert_close(enhanced, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(enhanced + rest, before, rtol=0, atol=1e-6)


def test_no_input_is_replaced_by_what_was_taken_away(tmp_path, generator, run):
    noisy = noisy_file(tmp_path / "in" / "a.wav", 0.2, 16000, 1, generator)
    before = noisy.read_bytes()
    done = run("enhance", noisy, "--out", tmp_path / "out", "--residual", tmp_path / "in", "--overwrite")
    assert done.returncode == 1 and "expected no input in --residual that its result replaces" in done.stderr
    assert noisy.read_bytes() == before and not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--out", "b"), ("--out", "a"), ("--out", "out", "--residual", "b")])
def test_no_input_is_replaced_by_the_result_of_another(tmp_path, generator, run, options):
    paths = [noisy_file(tmp_path / name / "x.wav", 0.2, 16000, 1, generator) for name in "ab"]
    before = [path.read_bytes() for path in paths]
    folders = [option if option.startswith("--") else tmp_path / option for option in options]
    done = run("enhance", tmp_path / "a", tmp_path / "b", *folders, "--overwrite", "--system", "butterworth")
    assert done.returncode == 1 and [path.read_bytes() for path in paths] == before, done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attenuation_limit": -3.0}, "--attenuation-limit: expected a number from 0 up, got -3.0"),
        ({"out": Path("same"), "residual": Path("same")}, "--residual: expected another folder than --out, got same"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Enhance(inputs=(Path("noisy.wav"),), **options)


@pytest.mark.parametrize("name", ["moving-average", "wiener"])
def test_chunks_of_other_systems_join(tmp_path, name, generator):
    """The systems are one that looks a little to both sides, and one that looks at the whole recording."""
    save(tmp_path / "long.wav", 0.1 * torch.randn(1, 100000, generator=generator))
    system = registry.build(name).eval()
    Enhancer(system, chunk_seconds=1).enhance_file(tmp_path / "long.wav", tmp_path / "joined.wav")
    whole = Enhancer(system).enhance(load(tmp_path / "long.wav")[0])
    # 16-bit files.
    assert (load(tmp_path / "joined.wav")[0] - whole.clamp(-1, 1)).abs().max() < 2e-4


def test_a_model_that_looks_at_the_whole_of_a_long_recording_says_so(
    tmp_path, monkeypatch, generator, capsys, packaged
):
    monkeypatch.setattr("speech_enhancement.enhancement._LONG_MINUTES", 1 / 60)
    path = noisy_file(tmp_path / "long.wav", 1.5, 8000, 1, generator)
    Enhancer(registry.build("wiener").eval()).enhance_file(path, tmp_path / "out.wav")
    assert f"note: {path}: Wiener" in capsys.readouterr().err
    for system in (registry.build("moving-average").eval(), packaged):
        Enhancer(system).enhance_file(path, tmp_path / "out.wav")
        assert "note" not in capsys.readouterr().err


@pytest.mark.slow
def test_another_checkpoint_and_a_system_without_training(run, corpus, checkpoint_of_a_system, tmp_path):
    noisy, clean = (corpus / "pairs" / side for side in ("noisy", "clean"))
    for number, options in enumerate((("--checkpoint", checkpoint_of_a_system), ("--system", "moving-average"))):
        done = run("enhance", noisy, *options, "--out", tmp_path / str(number))
        assert done.returncode == 0 and len(tree(tmp_path / str(number))) == len(tree(noisy)), done.stderr
    options = ("--noisy", noisy, "--clean", clean, "--out", tmp_path / "report", "--players", 1)
    done = run("evaluate", "--checkpoint", checkpoint_of_a_system, *options)
    assert done.returncode == 0 and "| convolutional autoencoder |" in done.stdout, done.stderr


@pytest.fixture
def checkpoint_of_a_system(tmp_path):
    registry.build("convolutional-autoencoder").save(tmp_path / "autoencoder.ckpt", epoch=0)
    return tmp_path / "autoencoder.ckpt"


@pytest.mark.parametrize(("options", "expected"), [((), 1), (("--system", "wiener"), 2)])
def test_threads_of_a_single_process(tmp_path, generator, run, monkeypatch, options, expected):
    """One for a system with a stream, which several would slow down; all for one that computes much at a time."""
    seen, before = [], torch.get_num_threads()
    monkeypatch.setattr(Enhancer, "enhance_file", lambda *_: seen.append(torch.get_num_threads()))
    try:
        torch.set_num_threads(2)
        noisy = noisy_file(tmp_path / "a.wav", 1, 16000, 1, generator, "FLOAT")
        assert run("enhance", noisy, "--out", tmp_path / "out", *options).returncode == 0
    finally:
        torch.set_num_threads(before)
    assert seen == [expected]
