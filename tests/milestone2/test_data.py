"""Task 2.1: pairs of noisy and clean speech, mixed on the fly."""

import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from speech_enhancement.data import NoisySpeechDataset


@pytest.mark.task("2.1", points=1)
def test_items(speech_files, noise_files):
    """The dataset is as long as the speech files; an item is a pair of float32 (1, segment_length)."""
    dataset = NoisySpeechDataset(speech_files, noise_files, 8000)
    assert len(dataset) == 3
    for noisy, clean in (dataset[i] for i in range(3)):
        assert noisy.shape == clean.shape == (1, 8000)
        assert noisy.dtype == clean.dtype == torch.float32
    with pytest.raises(IndexError):
        dataset[3]


@pytest.mark.task("2.1", points=1)
def test_clean_is_a_stretch_of_the_file(speech_files, noise_files):
    """The clean part is one stretch of its file, not rescaled."""
    _, clean = NoisySpeechDataset(speech_files, noise_files, 8000)[1]
    whole = torch.from_numpy(soundfile.read(speech_files[1], dtype="float32")[0])
    starts = ((whole[:-7999] - clean[0, 0]).abs() < 1e-4).nonzero().flatten().tolist()
    found = [start for start in starts if torch.allclose(whole[start : start + 8000], clean[0], atol=1e-4)]
    assert found, "no stretch of the file is like it: was it rescaled, or taken from another file?"


@pytest.mark.task("2.1", points=1)
def test_snr_lies_in_the_range(speech_files, noise_files):
    """The ratio of clean to added noise lies in the range, and varies."""
    dataset = NoisySpeechDataset(speech_files, noise_files, 8000, snr_db=(0, 10))
    ratios = []
    for epoch in range(15):
        dataset.set_epoch(epoch)
        for noisy, clean in (dataset[i] for i in range(3)):
            ratios.append(float(10 * (clean.square().mean() / (noisy - clean).square().mean()).log10()))
    assert min(ratios) > -0.1 and max(ratios) < 10.1, (
        f"ratios from {min(ratios):.2f} to {max(ratios):.2f} dB, not 0 to 10"
    )
    assert max(ratios) - min(ratios) > 5, "the ratio hardly varies: is it drawn for each item and epoch?"


@pytest.mark.task("2.1", points=1)
def test_short_speech_is_padded_at_the_end(speech_files, noise_files):
    """A file shorter than the segment is followed by zeros; the noise goes on to the end."""
    noisy, clean = NoisySpeechDataset(speech_files, noise_files[:1], 20000)[0]
    whole = torch.from_numpy(soundfile.read(speech_files[0], dtype="float32")[0])
    assert torch.allclose(clean[0, :16000], whole, atol=1e-4), "the file does not begin at the start of the segment"
    assert not clean[0, 16000:].any(), "the end is not zero"
    assert noisy[0, 19000:].any(), "the noise ends early: is a short noise file repeated?"


@pytest.mark.task("2.1", points=1)
def test_seed_and_epoch_decide_the_pair(speech_files, noise_files):
    """The same seed and epoch give the same pair; another seed or epoch gives another."""
    first, same, other = (NoisySpeechDataset(speech_files, noise_files, 8000, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first[2][0], same[2][0]), "the same seed gave two different pairs: is a generator left running?"
    assert torch.equal(first[2][0], first[2][0]), "asking twice for an item gave two different pairs"
    assert not torch.equal(first[2][0], other[2][0]), "another seed gave the same pair"
    before, clean_before = first[2]
    first.set_epoch(1)
    assert not torch.equal(first[2][0], before), "another epoch gave the same pair"
    assert not torch.equal(first[2][1], clean_before), "another epoch gave the same stretch of speech"
    first.set_epoch(0)
    assert torch.equal(first[2][0], before), "going back to an epoch does not bring its pairs back"


@pytest.mark.task("2.1", points=1)
def test_workers_change_nothing(speech_files, noise_files):
    """Worker processes, also those that outlive an epoch, give the pairs of a dataset without workers."""
    dataset = NoisySpeechDataset(speech_files, noise_files, 4000)
    loader = DataLoader(dataset, batch_size=3, num_workers=2, persistent_workers=True)
    for epoch in range(2):
        dataset.set_epoch(epoch)
        ((noisy, _),) = list(loader)
        assert torch.equal(noisy, torch.stack([dataset[i][0] for i in range(3)])), f"epoch {epoch} differs with workers"


@pytest.mark.task("2.1", points=1)
def test_noise_comes_from_all_files_and_places(speech_files, tmp_path):
    """Every noise file is used, and more than its beginning."""
    ramp = torch.arange(16000) / 16000
    for name, level in (("positive", 1), ("negative", -1)):
        soundfile.write(tmp_path / f"{name}.wav", (level * (0.1 + 0.8 * ramp)).numpy(), 16000)
    dataset = NoisySpeechDataset(speech_files, [tmp_path / "positive.wav", tmp_path / "negative.wav"], 4000)
    signs, slopes = set(), set()
    for epoch in range(30):
        dataset.set_epoch(epoch)
        noisy, clean = dataset[0]
        noise = (noisy - clean)[0]
        signs.add(float(noise.sign().mean().round()))
        slopes.add(round(float(noise[-1] / noise[0]), 1))
    assert signs == {1.0, -1.0}, "in 30 epochs only one of two noise files was used"
    assert len(slopes) > 3, "the noise always begins at the same place of its file"


@pytest.mark.task("2.1", points=1)
def test_channels_are_averaged(noise_files, tmp_path):
    """Of a file with two channels their mean is taken."""
    stereo = torch.stack([torch.full((8000,), 0.5), torch.full((8000,), 0.1)], dim=1)
    soundfile.write(tmp_path / "stereo.wav", stereo.numpy(), 16000)
    _, clean = NoisySpeechDataset([tmp_path / "stereo.wav"], noise_files, 4000)[0]
    assert torch.allclose(clean, torch.full((1, 4000), 0.3), atol=1e-3), f"got {float(clean[0, 0]):.2f}, expected 0.3"


@pytest.mark.task("2.1", points=1)
def test_another_sample_rate_raises(tmp_path, speech_files, noise_files):
    """A file of another sample rate, speech or noise, raises a ValueError that names it."""
    other = tmp_path / "eight_kilohertz.wav"
    soundfile.write(other, torch.ones(8000).numpy() / 2, 8000)
    for speech, noise in (([other], noise_files), (speech_files, [other])):
        with pytest.raises(ValueError, match="eight_kilohertz"):
            NoisySpeechDataset(speech, noise, 4000)[0]
