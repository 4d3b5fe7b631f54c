"""Corpora: every kind ends in the same folders and manifest, with speakers disjoint between the splits."""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speech_enhancement.audio import load, save
from speech_enhancement.corpora import folder, noises, prepared, torchaudio_folders, voicebank_demand
from speech_enhancement.corpora.manifest import CorpusError, files
from speech_enhancement.corpora.pairs import PAIR_SNRS_DB
from speech_enhancement.corpora.sentences import sentence
from speech_enhancement.corpora.splits import SPLITS, assign_splits
from speech_enhancement.files.failures import Failures
from tests.package.conftest import RATE, tree, voice_like

EXCERPT = Path(__file__).parents[4] / "shared" / "data" / "voicebank_demand"


def manifest(root):
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check(root):
    """Check the manifest, the files and the speakers of a prepared corpus, and return the manifest's rows."""
    rows = manifest(root)
    # Training of other tests adds packed recordings.
    others = ("manifest.csv", "packed/")
    assert sorted(row["file"] for row in rows) == [name for name in tree(root) if not name.startswith(others)]
    speakers = defaultdict(set)
    for row in rows:
        info = soundfile.info(root / row["file"])
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        assert info.frames / RATE == pytest.approx(float(row["seconds"]), abs=1e-3)
        if row["kind"] in ("clean", "noisy"):
            assert row["file"].startswith(f"pairs/{row['kind']}/") and row["split"] == "test"
        else:
            assert row["file"].startswith(f"{row['kind']}/{row['split']}/")
        if row["kind"] == "speech":
            speakers[row["split"]].add(row["speaker"])
    for split, there in speakers.items():
        for other in speakers.keys() - {split}:
            assert not there & speakers[other], f"a speaker is in {split} and {other}"
    return rows


def test_folder_keeps_its_splits(corpus):
    rows = check(corpus)
    counts = {(kind, split): 0 for kind in ("speech", "noise") for split in SPLITS}
    for row in rows:
        if row["kind"] in ("speech", "noise"):
            counts[row["kind"], row["split"]] += 1
    assert list(counts.values()) == [6, 2, 2, 2, 2, 2]


def test_pairs_are_speech_with_noise_at_known_ratios(corpus):
    ratios = []
    for path in sorted((corpus / "pairs" / "clean").iterdir()):
        clean, noisy = load(path), load(corpus / "pairs" / "noisy" / path.name)
        ratios.append(float(10 * (clean.square().mean() / (noisy - clean).square().mean()).log10()))
    assert ratios == pytest.approx(PAIR_SNRS_DB[:2], abs=0.1)


@pytest.mark.slow
def test_folder_of_mixed_formats_and_bad_files(tmp_path, generator, run):
    for speaker in range(10):
        place = tmp_path / "speech" / f"speaker{speaker}"
        place.mkdir(parents=True)
        suffix, rate, channels = [("wav", 44100, 2), ("flac", 8000, 1), ("ogg", 22050, 1), ("mp3", 48000, 2)][
            speaker % 4
        ]
        for number in range(2):
            signal = voice_like(1, 100, generator, rate).repeat(channels, 1)
            soundfile.write(place / f"{number}.{suffix}", signal.T.numpy(), rate)
    (tmp_path / "noise").mkdir()
    for number in range(3):
        soundfile.write(
            tmp_path / "noise" / f"{number}.wav", 0.1 * torch.randn(RATE, generator=generator).numpy(), RATE
        )
    (tmp_path / "speech" / "speaker3" / "bad.wav").write_text("no audio")
    arguments = ("prepare", "folder", "--speech", tmp_path / "speech", "--noise", tmp_path / "noise")
    result = run(*arguments, "--out", tmp_path / "out")
    output = result.stdout + result.stderr
    assert result.returncode == 1 and f"failed: {tmp_path / 'speech/speaker3/bad.wav'}: expected audio" in output
    rows = check(tmp_path / "out")
    assert sum(row["kind"] == "speech" for row in rows) == 20
    assert {row["split"] for row in rows if row["kind"] == "noise"} == set(SPLITS)
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.returncode == 1 and "expected an empty or new folder" in result.stderr
    check(tmp_path / "out")


def test_nothing_is_left_where_preparing_fails(tmp_path):
    (tmp_path / "bad.wav").write_text("no audio")
    with pytest.raises(CorpusError, match="expected speech for the split train"):
        prepared.prepare(tmp_path / "out", [prepared.Source("speech", "train", "a", str(tmp_path / "bad.wav"))])
    assert tree(tmp_path) == ["bad.wav"]


def test_files_of_one_name_do_not_meet(tmp_path, generator):
    sources = []
    names = ("a/same.wav", "b/same.wav", "d/same~2.wav", "noise.wav", "c/other.wav", "noise2.wav")
    for name in (*names, os.fsdecode(b"e/caf\xe9.wav")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save(tmp_path / name, 0.1 * torch.randn(1, 100, generator=generator))
        kind = "noise" if name.startswith("noise") else "speech"
        split = "validation" if name in ("c/other.wav", "noise2.wav") else "train"
        sources.append(prepared.Source(kind, split, name[0], str(tmp_path / name)))
    prepared.prepare(tmp_path / "out", sources)
    expected = [os.fsdecode(b"caf\xe9"), "same", "same~2", "same~2~2"]
    assert [Path(file).stem for file in sorted(files(tmp_path / "out", "speech", "train"))] == expected
    for file in files(tmp_path / "out", "speech", "train"):
        assert load(file).shape == (1, 100)


def test_silence_is_no_source(tmp_path, capsys):
    for name in ("speech.wav", "speech2.wav", "noise.wav", "noise2.wav"):
        save(tmp_path / name, torch.full((1, 100), 0.5))
    save(tmp_path / "nothing.wav", torch.zeros(1, 100))
    sources = [
        prepared.Source(kind, split, "", str(tmp_path / f"{kind}{number}.wav"))
        for kind in ("speech", "noise")
        for split, number in (("train", ""), ("validation", "2"))
    ]
    sources.append(prepared.Source("noise", "train", "", str(tmp_path / "nothing.wav")))
    assert len(prepared.prepare(tmp_path / "out", sources)) == 1
    assert f"failed: {tmp_path / 'nothing.wav'}: expected noise, got silence" in capsys.readouterr().err
    assert tree(tmp_path / "out" / "noise") == ["train/noise.wav", "validation/noise2.wav"]


def test_hidden_folders_are_no_speakers(tmp_path, capsys):
    for name in ("speaker/1.wav", ".Trash/2.wav", "speaker/.ipynb_checkpoints/3.wav"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    failures = Failures()
    assert [source.speaker for source in folder.sources(tmp_path, "speech", 0, failures)] == ["speaker"]
    failures.tell_left_out()
    assert f"left out: {tmp_path / '.Trash'} and 1 more: hidden" in capsys.readouterr().err


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 24])
def test_splits_have_somebody_each(count):
    splits = assign_splits(f"speaker{n}" for n in range(count))
    assert len(splits) == count
    if count >= 3:
        assert set(splits.values()) == set(SPLITS)
    assert list(splits.values()).count("train") >= count * 0.8 - 2


def write_voicebank(root, generator):
    for side in ("clean", "noisy"):
        for speaker, part in (("p226", "trainset_28spk"), ("p286", "trainset_28spk"), ("p232", "testset")):
            place = root / f"{side}_{part}_wav"
            place.mkdir(exist_ok=True)
            signal = voice_like(1, 120, torch.Generator().manual_seed(1), 48000)
            if side == "noisy":
                signal = signal + 0.05 * torch.randn(len(signal), generator=generator)
            soundfile.write(place / f"{speaker}_001.wav", signal.numpy(), 48000)


def test_voicebank_demand(tmp_path, generator):
    write_voicebank(tmp_path, generator)
    pairs = voicebank_demand.test_pairs(tmp_path)
    assert not prepared.prepare(tmp_path / "out", voicebank_demand.sources(tmp_path), pairs)
    rows = check(tmp_path / "out")
    splits = {row["speaker"]: row["split"] for row in rows if row["kind"] == "speech"}
    assert splits == {"p226": "train", "p286": "validation", "p232": "test"}
    clean, noisy = (load(tmp_path / "out" / "pairs" / side / "p232_001.wav") for side in ("clean", "noisy"))
    noise = load(tmp_path / "out" / "noise" / "test" / "p232_001.wav")
    assert (noisy - clean - noise).abs().max() < 3 / 32768


def test_voicebank_demand_names_a_lonely_file(tmp_path, generator):
    write_voicebank(tmp_path, generator)
    (tmp_path / "noisy_testset_wav" / "p232_001.wav").rename(tmp_path / "noisy_testset_wav" / "p232_002.wav")
    with pytest.raises(CorpusError, match="p232_001.wav on one side only"):
        voicebank_demand.test_pairs(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not EXCERPT.is_dir(), reason="the recordings for development are not beside the repository")
def test_voicebank_demand_excerpt(tmp_path):
    pairs = voicebank_demand.test_pairs(EXCERPT)
    assert not prepared.prepare(tmp_path / "out", voicebank_demand.sources(EXCERPT), pairs)
    rows = check(tmp_path / "out")
    assert {row["speaker"] for row in rows if row["split"] == "validation" and row["kind"] == "speech"} == {"p287"}
    assert sum(row["kind"] == "noisy" for row in rows) == 28


def test_a_speaker_in_two_splits_is_refused(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split / "alice").mkdir(parents=True)
        (tmp_path / split / "alice" / "1.wav").touch()
    with pytest.raises(CorpusError, match="got alice in"):
        list(folder.sources(tmp_path, "speech"))


def test_librispeech_folders(tmp_path):
    for subset in ("train-clean-100", "dev-clean", "other-folder"):
        for speaker in range(3):
            place = tmp_path / "LibriSpeech" / subset / f"{speaker}{len(subset)}" / "7"
            place.mkdir(parents=True)
            (place / f"{speaker}-7-0000.flac").touch()
    sources = list(torchaudio_folders.librispeech(tmp_path))
    assert [source.split for source in sources] == ["validation"] * 3 + ["train"] * 3
    for path in (tmp_path / "LibriSpeech" / "dev-clean").rglob("*.flac"):
        path.unlink()
    sources = list(torchaudio_folders.librispeech(tmp_path))
    assert {source.split for source in sources} == set(SPLITS)
    assert sources[0].speaker == "ls015"
    with pytest.raises(CorpusError, match="train-clean-100"):
        torchaudio_folders.librispeech(tmp_path / "elsewhere")


def test_vctk_folders(tmp_path):
    for speaker in ("p225", "p226", "p227"):
        place = tmp_path / "VCTK-Corpus-0.92" / "wav48_silence_trimmed" / speaker
        place.mkdir(parents=True)
        for microphone in ("mic1", "mic2"):
            (place / f"{speaker}_001_{microphone}.flac").touch()
    sources = list(torchaudio_folders.vctk(tmp_path))
    assert {source.speaker: source.split for source in sources}.keys() == {"p225", "p226", "p227"}
    assert len(sources) == 3 and all(source.path.endswith("_mic2.flac") for source in sources)


@pytest.mark.slow
def test_voices(tmp_path, run):
    result = run("prepare", "voices", "--out", tmp_path / "voices", "--hours", "0.03")
    assert result.returncode == 0, result.stderr
    rows = check(tmp_path / "voices")
    assert len({row["speaker"] for row in rows if row["kind"] == "speech"}) >= 20
    assert sum(float(row["seconds"]) for row in rows if row["kind"] == "speech") >= 0.03 * 3600
    heard = [load(tmp_path / "voices" / row["file"]) for row in rows if row["kind"] == "speech"]
    assert all(waveform.abs().max() > 0.05 for waveform in heard)


@pytest.mark.parametrize("kind", noises.KINDS)
def test_noises(kind, generator):
    noise = noises.KINDS[kind](20000, generator)
    assert noise.shape == (20000,) and noise.isfinite().all() and noise.square().mean() > 0


def test_sentences_are_varied():
    import random

    numbers = random.Random(0)
    made = {sentence(numbers) for _ in range(200)}
    assert len(made) > 195
    assert all(text[0].isupper() and text[-1] in ".?" and "  " not in text for text in made)
    assert np.median([len(text.split()) for text in made]) > 7
