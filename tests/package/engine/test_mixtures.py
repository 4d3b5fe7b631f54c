"""Varied mixtures: sources drawn by weight, ratios as asked for, and the same batch in any process."""

import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from speech_enhancement.audio import load, save
from speech_enhancement.configuration import Train
from speech_enhancement.corpora import packed as packed_recordings
from speech_enhancement.corpora.manifest import Entry, entries, write_manifest
from speech_enhancement.corpora.packed import LEVEL, PackedRecordings, levelling_gain, source_of
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.loaders import make_batches
from speech_enhancement.engine.mixtures import Mixtures
from speech_enhancement.engine.packed_pairs import PackedPairs
from speech_enhancement.engine.random_filter import FilteredSpeechDataset
from speech_enhancement.engine.variation import Draw, active_power, at_speed, equalised, reverberated, without_rumble

ALONE = Process(0, 1, torch.device("cpu"))
TIME = 8000


@pytest.fixture
def sources(tmp_path, generator):
    """A corpus of three sources of speech and two of noise: tones of one frequency each."""
    entries = []
    for kind, source, frequency in (
        ("speech", "high", 2000),
        ("speech", "low", 300),
        ("speech", "even", 1000),
        ("noise", "soft", 500),
        ("noise", "hard", 5000),
    ):
        for number, seconds in enumerate((1.0, 2.0)):
            time = torch.arange(int(16000 * seconds)) / 16000
            file = f"{source}{number}.wav"
            save(tmp_path / file, (0.1 + 0.2 * number) * torch.sin(2 * torch.pi * frequency * time)[None])
            entries.append(Entry(file, kind, "train", source, seconds, f"{source}__{number}.flac"))
    write_manifest(tmp_path, entries)
    return tmp_path


def mixtures(root, weights=None, **options):
    speech, noise = (PackedRecordings(root, kind, "train") for kind in ("speech", "noise"))
    return Mixtures(speech, noise, 64, TIME, weights=weights, **options)


def test_recordings_are_packed_by_source_and_read_at_one_level(sources):
    packed = PackedRecordings(sources, "speech", "train")
    assert packed.sources == {"even": (0, 2), "high": (2, 4), "low": (4, 6)} and packed.samples.dtype == np.int16
    assert packed.starts.tolist() == [0, 16000, 48000, 64000, 96000, 112000, 144000]
    assert packed.order.tolist() == [2, 3, 4, 5, 0, 1]
    for piece in np.split(packed.read_levelled(0, 144000), packed.starts[1:-1]):
        assert np.sqrt(np.square(piece).mean()) == pytest.approx(LEVEL, rel=1e-3)
    assert np.array_equal(packed.read_levelled(0, 96000)[15000:50000], packed.read_levelled(15000, 35000))
    assert np.array_equal(packed.read(112000, 32000), load(sources / "low1.wav")[0].numpy())
    before = (sources / "packed").stat().st_mtime_ns
    assert np.array_equal(PackedRecordings(sources, "speech", "train").samples, packed.samples)
    assert (sources / "packed").stat().st_mtime_ns == before, "packed once"


def test_trainings_that_begin_at_once_pack_once(sources, monkeypatch):
    start, pack = Barrier(8), Mock(wraps=packed_recordings._pack)

    def begin(_):
        start.wait()
        return PackedRecordings(sources, "noise", "train").samples

    monkeypatch.setattr(packed_recordings, "_pack", pack)
    with ThreadPoolExecutor(8) as trainings:
        first, *others = trainings.map(begin, range(8))
    assert pack.call_count == 1 and first.any() and all(np.array_equal(first, other) for other in others)


def test_another_process_maps_the_samples_itself(sources):
    """A loader that starts its workers anew would otherwise send the corpus to each of them."""
    packed = PackedRecordings(sources, "speech", "train")
    content = pickle.dumps(packed)
    assert len(content) < 0.1 * packed.samples.nbytes
    assert np.array_equal(pickle.loads(content).samples, packed.samples)


def test_levels_are_those_of_the_active_frames():
    speech = 0.3 * np.sin(np.arange(32000, dtype=np.float32))
    speech[16000:] = 0
    assert np.sqrt(np.square(speech[:16000]).mean()) * levelling_gain(speech) == pytest.approx(LEVEL, rel=1e-3)
    assert levelling_gain(np.zeros(1000, np.float32)) == 1 and levelling_gain(np.ones(7, np.float32)) == LEVEL


def test_packed_pairs_are_those_of_the_files(sources):
    """Each pair is that of task 2.1's dataset, to the last bit, whether recordings are longer or shorter than it."""
    paths = [[sources / entry.file for entry in entries(sources, kind, "train")] for kind in ("speech", "noise")]
    packed = [PackedRecordings(sources, kind, "train") for kind in ("speech", "noise")]
    for time in (TIME, 40000):
        one = FilteredSpeechDataset(paths[0] * 2, paths[1], time, (-5, 20), seed=3)
        other = PackedPairs(*packed, 2, time, (-5, 20), seed=3)
        assert len(one) == len(other) == 12
        for epoch, index in ((0, 0), (0, 7), (4, 3)):
            one.set_epoch(epoch)
            other.set_epoch(epoch)
            assert all(torch.equal(*pair) for pair in zip(one[index], other[index], strict=True))


@pytest.mark.parametrize(("name", "source"), [("vctk__p226__001.flac", "vctk"), ("26-495.flac", "26"), ("a.wav", "a")])
def test_a_source_is_what_names_begin_with(name, source):
    assert source_of(name) == source


def test_a_batch_is_the_same_again_and_another_is_not(sources):
    one, other = mixtures(sources), mixtures(sources)
    noisy, clean = one.__getitems__([5, 6, 7])
    assert noisy.shape == clean.shape == (3, 1, TIME) and noisy.dtype == torch.float32
    assert all(torch.equal(*pair) for pair in zip((noisy, clean), other.__getitems__([5, 6, 7]), strict=True))
    assert not torch.equal(noisy, one.__getitems__([6, 7, 8])[0])
    other.set_epoch(1)
    assert not torch.equal(noisy, other.__getitems__([5, 6, 7])[0])


def test_kinds_of_mixtures_have_their_shares(sources):
    """Of 512 mixtures some 5 % are noise alone and some 7 % are clean; none is clipped or not finite."""
    pairs = mixtures(sources, snr_db=(0, 0))
    noisy, clean = (
        torch.cat(each) for each in zip(*(pairs.__getitems__(range(n, n + 32)) for n in range(16)), strict=True)
    )
    assert noisy.isfinite().all() and noisy.abs().max() <= 0.99 + 1e-6
    alone = clean.abs().amax((1, 2)) == 0
    error = (noisy - clean).square().mean((1, 2)) / clean.square().mean((1, 2)).clamp_min(1e-12)
    assert 0.02 < alone.float().mean() < 0.09
    assert 0.03 < (error < 1e-4).float().mean() < 0.12


@pytest.fixture
def no_rumble(monkeypatch):
    monkeypatch.setattr("speech_enhancement.engine.mixtures.RUMBLE", 0.0)


def test_the_ratio_is_the_one_asked_for(sources, no_rumble):
    noisy, clean = (each.squeeze(1) for each in mixtures(sources, snr_db=(6, 6)).__getitems__(range(32)))
    ratio = 10 * (active_power(clean) / (noisy - clean).square().mean(1, keepdim=True)).log10()[:, 0]
    # A band limit that falls between speech and noise, silence and clean mixtures change it.
    assert ((ratio - 6).abs() < 0.2).float().mean() > 0.6


def test_targets_hold_no_rumble_and_the_noise_does(sources):
    noisy, clean = mixtures(sources).__getitems__(range(32))
    below = slice(1, 30 * TIME // 16000)
    of_noisy, of_clean = (torch.fft.rfft(each[:, 0]).abs().square()[:, below].sum(1) for each in (noisy, clean))
    assert (of_clean < 1e-3 * of_noisy).float().mean() > 0.4
    tones = torch.sin(2 * torch.pi * torch.tensor([[20.0], [80.0]]) * torch.arange(16000) / 16000)
    removed, kept = without_rumble(tones)
    assert removed.abs().max() < 1e-4 and torch.allclose(kept, tones[1], atol=1e-4)


def test_what_speech_was_recorded_with_below_the_voice_is_noise(sources, no_rumble, monkeypatch):
    hum = torch.sin(2 * torch.pi * 20 * torch.arange(TIME) / 16000)
    voice = torch.sin(2 * torch.pi * 300 * torch.arange(TIME) / 16000)
    monkeypatch.setattr(Mixtures, "_speech", lambda self, draw: (hum + voice).repeat(draw.batch, 1))
    noisy, clean = mixtures(sources).__getitems__(range(32))
    at_hum = [torch.fft.rfft(each[:, 0]).abs()[:, 20 * TIME // 16000] for each in (noisy, clean)]
    assert at_hum[1].max() < 0.1 and (at_hum[0] > 10).float().mean() > 0.7


def test_weights_decide_how_often_a_source_is_drawn(sources, no_rumble):
    weights = {("speech", "high"): 0.0, ("noise", "hard"): 0.0}
    noisy, _ = mixtures(sources, weights).__getitems__(range(32))
    power = torch.fft.rfft(noisy[:, 0]).abs().square()
    above = power[:, 1500 * TIME // 16000 :].sum(1) / power.sum(1)
    assert above.median() < 0.1
    noisy, _ = mixtures(sources).__getitems__(range(32))
    power = torch.fft.rfft(noisy[:, 0]).abs().square()
    assert (power[:, 1500 * TIME // 16000 :].sum(1) / power.sum(1)).median() > 0.1


def test_a_stretch_played_faster_is_higher(generator):
    tone = torch.sin(2 * torch.pi * 400 * torch.arange(20004) / 16000)[None]
    played = at_speed(tone, torch.tensor([[1.25]]), 16000)[0]
    expected = torch.sin(2 * torch.pi * 500 * torch.arange(16000) / 16000 + 2 * torch.pi * 400 / 16000)
    # Cubic interpolation of a tone of 40 samples a period.
    assert (played - expected).abs().max() < 2e-3


def test_equalisation_stays_within_its_decibels(generator):
    impulse = torch.zeros(16, 4096)
    impulse[:, 0] = 1
    response = 20 * torch.fft.rfft(equalised(impulse, 7, 1.0, Draw(16, generator))).abs().log10()
    assert response.abs().max() < 7.01 and response.std() > 2
    assert torch.allclose(equalised(impulse, 7, 0.0, Draw(16, generator)), impulse, atol=1e-6)


def test_a_room_adds_a_tail_and_keeps_the_direct_sound(generator):
    impulse = torch.zeros(4, 16000)
    impulse[:, 0] = 1
    heard = reverberated(impulse, 1.0, Draw(4, generator))
    assert torch.allclose(heard[:, 0], torch.ones(4), atol=1e-4)
    assert (heard[:, 32:8000].square().sum(1) > 0.01).all() and heard[:, 9000:].abs().max() < 1e-4


@pytest.fixture
def own_corpus(corpus, tmp_path):
    """A copy, since packing adds files to a corpus."""
    return shutil.copytree(corpus, tmp_path / "corpus")


def test_the_loader_hands_out_whole_batches_in_any_number_of_processes(own_corpus, tmp_path):
    common = {"segment_seconds": 0.5, "crops_per_file": 4, "batch_size": 4, "device": "cpu", "mixtures": "varied"}
    seen = []
    for workers in (0, 1):
        batches = make_batches(Train(own_corpus, tmp_path / "run", workers=workers, **common), ALONE, "train")
        batches.show = False
        batches.set_epoch(3)
        seen.append([noisy for noisy, _ in batches])
    assert len(seen[0]) == 6 and all(batch.shape == (4, 1, 8000) for batch in seen[0])
    assert all(torch.equal(*pair) for pair in zip(*seen, strict=True))


def test_validation_is_varied_too_and_the_same_in_each_epoch(own_corpus, tmp_path):
    """Its targets are those of training, without what lies below the voice."""
    options = Train(own_corpus, tmp_path / "run", segment_seconds=0.5, batch_size=4, workers=0, mixtures="varied")
    batches = make_batches(options, ALONE, "validation")
    batches.show = False
    first, second = ([clean for _, clean in batches] for _ in range(2))
    assert len(first) == 2 and all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    below = torch.fft.rfft(torch.cat(first)[:, 0]).abs()[:, 1:15]
    assert below.max() < 1e-3


def test_weights_of_unknown_sources_are_refused(own_corpus, tmp_path):
    table = tmp_path / "weights.csv"
    table.write_text("kind,source,weight\nnoise,nothing,2\n")
    options = Train(own_corpus, tmp_path / "run", mixtures="varied", source_weights=table)
    with pytest.raises(ValueError, match="expected sources of noise, got nothing"):
        make_batches(options, ALONE, "train")
    for row, expected in {
        "noises,hiss,2": "expected speech or noise as kind of hiss, got noises",
        "noise,hiss,-1": "expected a weight from 0 up of hiss, got -1",
        "noise,hiss,nan": "expected a weight from 0 up of hiss, got nan",
    }.items():
        table.write_text(f"kind,source,weight\n{row}\n")
        with pytest.raises(ValueError, match=expected):
            make_batches(options, ALONE, "train")
    names = PackedRecordings(own_corpus, "noise", "train").sources
    table.write_text("kind,source,weight\n" + "".join(f"noise,{name},0\n" for name in names))
    with pytest.raises(ValueError, match="expected noise to draw, got weights of 0 alone"):
        make_batches(options, ALONE, "train")
    table.write_text("kind,source\nnoise,nothing\n")
    with pytest.raises(ValueError, match="expected a table of kind, source and weight"):
        make_batches(options, ALONE, "train")
