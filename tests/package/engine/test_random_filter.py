"""Pairs of filtered speech and noise."""

import pytest
import torch
from torch.utils.data import DataLoader

from speech_enhancement.audio import save
from speech_enhancement.engine.random_filter import FilteredSpeechDataset, random_filter

LENGTH = 4000


@pytest.fixture
def files(tmp_path, generator):
    """Paths of speech and of noise, with a short file among each; all are white noise."""
    paths = {"speech": [], "noise": []}
    for kind, number in (("speech", 0), ("speech", 1), ("noise", 0), ("noise", 1)):
        path = tmp_path / f"{kind}{number}.wav"
        save(path, 0.1 * torch.randn(1, 9000 if number == 0 else 1500, generator=generator))
        paths[kind].append(path)
    return paths["speech"], paths["noise"]


def dataset(files, seed=0, snr_db=(-5, 15)):
    return FilteredSpeechDataset(*files, LENGTH, snr_db, seed)


def snr_db(noisy, clean):
    return float(10 * (clean.square().mean() / (noisy - clean).square().mean()).log10())


def colour(signal):
    """Measure the mean power above half the highest frequency relative to that below, in dB."""
    power = torch.fft.rfft(signal).abs().square()
    low, high = power.chunk(2, dim=-1)
    return float(10 * (high.mean() / low.mean()).log10())


def test_filter_keeps_the_rms_and_changes_the_colour(generator):
    signal = 0.3 * torch.randn(2, 8000, generator=generator)
    colours = []
    for _ in range(20):
        filtered = random_filter(signal, generator)
        assert filtered.shape == signal.shape and filtered.dtype == signal.dtype
        assert filtered.square().mean() == pytest.approx(float(signal.square().mean()), rel=1e-4)
        colours.append(colour(filtered))
    assert min(colours) < -2 and max(colours) > 2
    assert torch.equal(random_filter(torch.zeros(10), generator), torch.zeros(10))


def test_speech_and_noise_are_filtered_on_their_own_and_then_mixed(files):
    colours = []
    pairs = dataset(files, snr_db=(3, 3))
    for epoch in range(40):
        pairs.set_epoch(epoch)
        noisy, clean = pairs[0]
        assert snr_db(noisy, clean) == pytest.approx(3, abs=0.01)
        colours.append((colour(clean), colour(noisy - clean)))
    of_speech, of_noise = torch.tensor(colours).T
    assert of_speech.std() > 1 and of_noise.std() > 1
    assert torch.corrcoef(torch.stack([of_speech, of_noise]))[0, 1].abs() < 0.5


def test_snr_lies_in_the_range(files):
    pairs, ratios = dataset(files), []
    for epoch in range(40):
        pairs.set_epoch(epoch)
        ratios.append(snr_db(*pairs[0]))
    assert -5.01 < min(ratios) < -2 and 12 < max(ratios) < 15.01


def test_seed_epoch_and_index_determine_the_pair(files):
    first, same, other = (dataset(files, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0][0], same[0][0]) and torch.equal(first[0][1], same[0][1])
    assert not torch.equal(first[0][0], other[0][0])
    same.set_epoch(1)
    assert not torch.equal(first[0][0], same[0][0]) and not torch.equal(first[0][1], same[0][1])
    same.set_epoch(0)
    assert torch.equal(first[0][0], same[0][0])


def test_workers_that_outlive_an_epoch_make_the_same_pairs(files):
    pairs = dataset(files)
    loader = DataLoader(pairs, batch_size=None, num_workers=2, persistent_workers=True)
    for epoch in (0, 3, 1):
        pairs.set_epoch(epoch)
        for index, (noisy, clean) in enumerate(loader):
            assert torch.equal(noisy, pairs[index][0]) and torch.equal(clean, pairs[index][1]), f"epoch {epoch}"
