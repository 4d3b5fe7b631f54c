"""Task 2.1: pairs of noisy and clean speech, mixed on the fly."""

import pytest
import torch
from questions import raising
from scenarios import in_another_process, items_from_workers

from speech_enhancement.data import NoisySpeechDataset


def ratio(noisy, clean):
    """Compute the ratio of clean to added noise in dB."""
    return float(10 * (clean.square().mean() / (noisy - clean).square().mean()).log10())


def matches(signal, stretch):
    """Find out how well a stretch matches a signal from each start, as the cosine of the angle between the two."""
    n_fft = signal.numel() + stretch.numel()
    spectrum = torch.fft.rfft(signal.double(), n_fft) * torch.fft.rfft(stretch.double(), n_fft).conj()
    products = torch.fft.irfft(spectrum, n_fft)[: signal.numel() - stretch.numel() + 1]
    energy = torch.nn.functional.pad(signal.double().square().cumsum(0), (1, 0))
    energies = energy[stretch.numel() :] - energy[: -stretch.numel()]
    return products / (energies.clamp(min=1e-12).sqrt() * stretch.double().norm().clamp(min=1e-12))


def check_pair(pair, speech, noises, snr_db=(-5, 15)):
    """Require a stretch of speech that is not rescaled, and added to it a stretch of one of the noises, by the files.

    Args:
        pair: noisy and clean.
        speech, noises: contents of the file of speech, and of each file of noise.
        snr_db: range of the ratio.
    """
    noisy, clean = pair[0][0], pair[1][0]
    length = clean.numel()
    speech = torch.nn.functional.pad(speech, (0, max(0, length - speech.numel())))
    start = int(matches(speech, clean).argmax())
    assert torch.allclose(speech[start : start + length], clean, atol=1e-4), (
        "clean is not a stretch of its file: was it rescaled?"
    )
    repeated = [noise.repeat(-(-length // noise.numel()) + 1) for noise in noises]
    found = max(float(matches(noise, noisy - clean).max()) for noise in repeated)
    assert found > 0.999, (
        "noisy is not clean plus a stretch of a noise file times one gain: was it clipped or rescaled?"
    )
    level = ratio(noisy, clean)
    assert snr_db[0] - 0.1 < level < snr_db[1] + 0.1, f"a ratio of {level:.2f} dB, expected {snr_db[0]} to {snr_db[1]}"


def seeds(drawn, count):
    """Draw different seeds that nobody knows before."""
    return torch.randperm(1000, generator=drawn)[:count].tolist()


@pytest.mark.task("2.1", points=1)
def test_items(speech_files, noise_files, read, drawn):
    """The dataset is as long as the speech files; an item is a pair of float32 (1, segment_length)."""
    dataset = NoisySpeechDataset(speech_files, noise_files, 8000, seed=seeds(drawn, 1)[0])
    assert len(dataset) == 3, f"of 3 speech files, the dataset has the length {len(dataset)}"
    for file, (noisy, clean) in zip(speech_files, (dataset[i] for i in range(3)), strict=True):
        shapes = tuple(noisy.shape), tuple(clean.shape)
        assert shapes == ((1, 8000), (1, 8000)), f"noisy and clean have the shapes {shapes}, expected (1, 8000)"
        dtypes = noisy.dtype, clean.dtype
        assert dtypes == (torch.float32, torch.float32), f"noisy and clean are {dtypes}, expected float32"
        check_pair((noisy, clean), read(file), [read(each) for each in noise_files])
    with raising(IndexError, "dataset[3] of a dataset of three files"):
        dataset[3]


@pytest.mark.task("2.1", points=1)
def test_clean_is_a_stretch_of_the_file(speech_files, noise_files, read):
    """The clean part is one stretch of its file, not rescaled."""
    _, clean = NoisySpeechDataset(speech_files, noise_files, 8000)[1]
    whole = read(speech_files[1])
    starts = ((whole[:-7999] - clean[0, 0]).abs() < 1e-4).nonzero().flatten().tolist()
    found = [start for start in starts if torch.allclose(whole[start : start + 8000], clean[0], atol=1e-4)]
    assert found, "no stretch of the file is like it: was it rescaled, or taken from another file?"


@pytest.mark.task("2.1", points=1)
def test_snr_lies_in_the_range(speech_files, noise_files, read):
    """The ratio of clean to added noise lies in the range, and varies."""
    dataset = NoisySpeechDataset(speech_files, noise_files, 8000, snr_db=(0, 10))
    ratios = []
    for epoch in range(15):
        dataset.set_epoch(epoch)
        pairs = [dataset[i] for i in range(3)]
        ratios += [ratio(*pair) for pair in pairs]
    assert min(ratios) > -0.1 and max(ratios) < 10.1, (
        f"ratios from {min(ratios):.2f} to {max(ratios):.2f} dB, not 0 to 10"
    )
    assert max(ratios) - min(ratios) > 5, "the ratio hardly varies: is it drawn for each item and epoch?"
    check_pair(pairs[2], read(speech_files[2]), [read(each) for each in noise_files], (0, 10))


@pytest.mark.task("2.1", points=1)
def test_short_speech_is_padded_at_the_end(speech_files, noise_files, read):
    """A file shorter than the segment is followed by zeros; the noise goes on to the end."""
    noisy, clean = NoisySpeechDataset(speech_files, noise_files[:1], 20000)[0]
    starts_with = torch.allclose(clean[0, :16000], read(speech_files[0]), atol=1e-4)
    assert starts_with, "the file does not begin at the start of the segment"
    assert not clean[0, 16000:].any(), "the end is not zero"
    assert noisy[0, 19000:].any(), "the noise ends early: is a short noise file repeated?"


@pytest.mark.task("2.1", points=1)
def test_seed_and_epoch_decide_the_pair(speech_files, noise_files, read, drawn):
    """The same seed and epoch give the same pair; another seed or epoch gives another."""
    seed, another = seeds(drawn, 2)
    first, same, other = (
        NoisySpeechDataset(speech_files, noise_files, 8000, seed=each) for each in (seed, seed, another)
    )
    before, clean_before = first[2]
    assert torch.equal(before, same[2][0]), "the same seed gave two different pairs: is a generator left running?"
    assert torch.equal(first[2][0], first[2][0]), "asking twice for an item gave two different pairs"
    assert not torch.equal(before, other[2][0]), "another seed gave the same pair"
    first.set_epoch(1)
    noisy, clean = first[2]
    assert not torch.equal(noisy, before), "another epoch gave the same pair"
    assert not torch.equal(clean, clean_before), "another epoch gave the same stretch of speech"
    first.set_epoch(0)
    assert torch.equal(first[2][0], before), "going back to an epoch does not bring its pairs back"
    for pair in ((before, clean_before), (noisy, clean)):
        check_pair(pair, read(speech_files[2]), [read(each) for each in noise_files])


@pytest.mark.processes
@pytest.mark.task("2.1", points=1)
def test_workers_change_nothing(speech_files, noise_files, read, drawn):
    """Worker processes, also those that outlive an epoch, give the pairs of a dataset without workers."""
    (seed,) = seeds(drawn, 1)
    dataset = NoisySpeechDataset(speech_files, noise_files, 4000, seed=seed)
    worker, epochs = in_another_process(dataset), [0, *seeds(drawn, 1)]
    made = items_from_workers(speech_files, noise_files, 4000, epochs, seed=seed)
    for epoch, pairs in zip(epochs, made, strict=True):
        dataset.set_epoch(epoch)
        for file, pair in zip(speech_files, pairs, strict=True):
            check_pair(pair, read(file), [read(each) for each in noise_files])
        alike = [(noisy, worker[i][0], dataset[i][0]) for i, (noisy, _) in enumerate(pairs)]
        equal = [torch.equal(one, other) and torch.equal(another, other) for one, another, other in alike]
        assert equal == [True] * 3, f"epoch {epoch} differs with workers that outlive an epoch: do they see set_epoch?"


@pytest.mark.task("2.1", points=1)
def test_noise_comes_from_all_files_and_starts(speech_files, write):
    """Every noise file is used, and more than its beginning."""
    ramp = 0.1 + 0.8 * torch.arange(16000) / 16000
    dataset = NoisySpeechDataset(speech_files, [write("positive", ramp), write("negative", -ramp)], 4000)
    signs, slopes = set(), set()
    for epoch in range(30):
        dataset.set_epoch(epoch)
        noisy, clean = dataset[0]
        added = (noisy - clean)[0]
        signs.add(float(added.sign().mean().round()))
        slopes.add(round(float(added[-1] / added[0]), 1))
    assert signs == {1.0, -1.0}, "in 30 epochs only one of two noise files was used"
    assert len(slopes) > 3, "the noise always begins at the same sample of its file"


@pytest.mark.task("2.1", points=1)
def test_channels_are_averaged(noise_files, write):
    """A file with two channels gives their mean."""
    stereo = torch.stack([torch.full((8000,), 0.5), torch.full((8000,), 0.1)], dim=1)
    _, clean = NoisySpeechDataset([write("stereo", stereo)], noise_files, 4000)[0]
    got = float(clean[0, 0])
    assert torch.allclose(clean, torch.full((1, 4000), 0.3), atol=1e-3), f"got {got:.2f}, the mean of channels is 0.3"


@pytest.mark.task("2.1", points=1)
def test_another_sample_rate_raises(write, speech_files, noise_files):
    """A file of another sample rate, speech or noise, raises a ValueError that names it."""
    other = write("eight_kilohertz", torch.ones(8000) / 2, sample_rate=8000)
    for kind, speech, noise in (("speech", [other], noise_files), ("noise", speech_files, [other])):
        with pytest.raises(ValueError) as error:
            NoisySpeechDataset(speech, noise, 4000)[0]
        assert "eight_kilohertz" in str(error.value), f"the error about a {kind} file does not name it: {error.value}"


### BEGIN HIDDEN TESTS
def white(length, level, seed):
    """Make white noise of an RMS of `level`, cut off before WAV files would clip it."""
    return (level * torch.randn(length, generator=torch.Generator().manual_seed(seed))).clamp(-0.99, 0.99)


def likeness(signal, other):
    """Compute the cosine of the angle between two signals, which is 1 if one is the other, scaled."""
    return float(torch.dot(signal, other) / (signal.norm() * other.norm()))


@pytest.mark.task(
    "2.1",
    points=1,
    category="edge cases",
    hint="Can a stretch begin at every sample, the last possible one too, also where the file is just long enough?",
)
def test_every_start_is_drawn(write, read):
    """Files exactly as long as the segment, and one sample longer, which has two starts."""
    exact, longer = write("exact", white(900, 0.1, 31)), write("longer", white(901, 0.1, 32))
    _, clean = NoisySpeechDataset([exact], [exact], 900)[0]
    assert torch.allclose(clean[0], read(exact), atol=1e-4)
    dataset, speech, noise = NoisySpeechDataset([longer], [longer], 900), read(longer), set()
    starts = set()
    for epoch in range(60):
        dataset.set_epoch(epoch)
        noisy, clean = dataset[0]
        starts |= {start for start in (0, 1) if torch.allclose(clean[0], speech[start:][:900], atol=1e-4)}
        noise |= {start for start in (0, 1) if likeness((noisy - clean)[0], speech[start:][:900]) > 0.99}
    assert starts == noise == {0, 1}


@pytest.mark.task(
    "2.1",
    points=1,
    category="edge cases",
    hint="Is a short noise file repeated as often as needed, whole and without a gap, also where it is just too short?",
)
def test_short_noise_is_repeated(write):
    """The added noise has the period of its file, and is not silent."""
    speech = write("speech", white(7000, 0.1, 33))
    for period in (7, 850, 3333):
        noisy, clean = NoisySpeechDataset([speech], [write(f"noise{period}", white(period, 0.2, period))], 3400)[0]
        added = (noisy - clean)[0]
        assert torch.allclose(added[period:], added[:-period], atol=1e-4 * float(added.abs().max()))
        assert added[:period].std() > 0


@pytest.mark.task(
    "2.1",
    points=1,
    category="common mistakes",
    hint="Is the mixture the clean stretch plus one scaled stretch of noise, neither clipped nor rescaled?",
)
def test_mixture_is_speech_and_scaled_noise(write, read):
    """A stretch of the noise file is added at exactly the SNR asked for, though the mixture exceeds 1."""
    speech, noise = write("loud", white(5000, 0.4, 34)), write("noise", white(4002, 0.01, 35))
    for level in (-7.5, 20.0):
        dataset = NoisySpeechDataset([str(speech)], [str(noise)], 4000, snr_db=(level, level))
        noisy, clean = dataset[0]
        assert ratio(noisy, clean) == pytest.approx(level, abs=0.05)
        found = [likeness((noisy - clean)[0], read(noise)[start:][:4000]) for start in range(3)]
        assert max(found) > 0.999
    loudest = NoisySpeechDataset([speech], [noise], 4000, snr_db=(-20, -20))[0][0].abs().max()
    assert loudest > 1, "the mixture was clipped or rescaled"


@pytest.mark.task(
    "2.1",
    points=1,
    category="common mistakes",
    hint="Is the SNR drawn uniformly in dB, with fractions, over the whole range, also a negative one?",
)
def test_snr_is_uniform(write):
    """Over many epochs the SNR's mean, ends and fractions are those of a uniform number of dB."""
    files = [write("first", white(600, 0.1, 36))]
    for lowest, highest in ((-20.0, 0.0), (3.0, 28.0)):
        dataset = NoisySpeechDataset(files, [write("second", white(600, 0.1, 37))], 600, snr_db=(lowest, highest))
        ratios = []
        for epoch in range(150):
            dataset.set_epoch(epoch)
            ratios.append(ratio(*dataset[0]))
        width = highest - lowest
        places = [(each - lowest) / width for each in ratios]
        assert min(places) > -0.01 and max(places) < 1.01
        assert min(places) < 0.15 and max(places) > 0.85
        assert abs(sum(places) / len(places) - 0.5) < 0.13
        assert sum(abs(each - round(each)) > 0.1 for each in ratios) > 50


@pytest.mark.task(
    "2.1",
    points=1,
    category="common mistakes",
    hint="Do index, seed and epoch each count for themselves, so that seed 1 in epoch 0 is not seed 0 in epoch 1?",
)
def test_index_seed_and_epoch_count_for_themselves(write, read):
    """Pairs differ between seeds, between epochs and between items of one and the same file."""
    speech, noise = write("speech", white(16000, 0.1, 38)), write("noise", white(16000, 0.1, 39))
    seen = []
    for seed in range(3):
        dataset = NoisySpeechDataset([speech] * 3, [noise], 500, seed=seed)
        for epoch in range(3):
            dataset.set_epoch(epoch)
            pairs = [dataset[i] for i in range(3)]
            noisy = [pair[0] for pair in pairs]
            assert not torch.equal(noisy[0], noisy[1]) and not torch.equal(noisy[1], noisy[2])
            seen.append(noisy[1])
            check_pair(pairs[1], read(speech), [read(noise)])
    assert not any(torch.equal(one, other) for i, one in enumerate(seen) for other in seen[:i])


@pytest.mark.task(
    "2.1",
    points=1,
    category="common mistakes",
    hint="Does anything but index, seed and epoch decide: the order of the calls, another dataset, the files' folder?",
)
def test_nothing_else_decides(write, read, drawn):
    """The order of calls, repetition, another dataset in between and the files' names do not change a pair."""
    signals = [white(3000 + n, 0.1, 40 + n) for n in range(3)]
    here, there = ([write(f"{name}/{n}", signal) for n, signal in enumerate(signals)] for name in ("here", "there"))
    seed, epoch, between = seeds(drawn, 3)
    first, second = (NoisySpeechDataset(files, files[:2], 1000, seed=seed) for files in (here, there))
    first.set_epoch(epoch)
    forward = [first[i] for i in range(3)]
    NoisySpeechDataset(here, here, 800, seed=1)[1]
    second.set_epoch(between)
    second[0]
    second.set_epoch(epoch)
    backward = [second[i] for i in (2, 1, 0)][::-1]
    for file, (noisy, clean), (other_noisy, other_clean) in zip(here, forward, backward, strict=True):
        assert torch.equal(noisy, other_noisy) and torch.equal(clean, other_clean)
        check_pair((noisy, clean), read(file), [read(each) for each in here[:2]])


@pytest.mark.processes
@pytest.mark.task(
    "2.1",
    points=1,
    category="common mistakes",
    hint="Do workers that live through several epochs see whichever epoch was set, later, earlier or the same again?",
)
def test_workers_see_every_epoch(speech_files, noise_files, read, drawn):
    """Epochs in any order, with workers that live through them, give what the dataset gives without."""
    seed, one, other = seeds(drawn, 3)
    dataset = NoisySpeechDataset(speech_files[::-1], noise_files, 3000, seed=seed)
    worker, epochs = in_another_process(dataset), [one, 0, one, other]
    made = items_from_workers(speech_files[::-1], noise_files, 3000, epochs, seed=seed)
    for epoch, pairs in zip(epochs, made, strict=True):
        dataset.set_epoch(epoch)
        for i, (noisy, clean) in enumerate(pairs):
            assert torch.equal(noisy, dataset[i][0]) and torch.equal(clean, dataset[i][1])
        for i, (noisy, clean) in enumerate(worker[i] for i in range(3)):
            assert torch.equal(noisy, dataset[i][0]) and torch.equal(clean, dataset[i][1])
            check_pair((noisy, clean), read(speech_files[2 - i]), [read(each) for each in noise_files])


@pytest.mark.task(
    "2.1",
    points=1,
    category="edge cases",
    hint="Are the channels of noise averaged too, as are more than two, and is another sample rate noticed in stereo?",
)
def test_channels_of_noise_are_averaged(write):
    """Noise and speech of several channels."""
    three = torch.stack([white(4000, level, 50 + n) for n, level in enumerate((0.05, 0.2, 0.1))], dim=1)
    path, mono = write("three", three), write("mono", white(4000, 0.1, 53))
    noisy, clean = NoisySpeechDataset([mono], [path], 4000)[0]
    assert likeness((noisy - clean)[0], three.mean(dim=1)) > 0.999
    _, clean = NoisySpeechDataset([path], [mono], 4000)[0]
    assert torch.allclose(clean[0], three.mean(dim=1), atol=1e-4)
    other = write("faster", three, sample_rate=44100)
    with pytest.raises(ValueError, match="faster"):
        NoisySpeechDataset([other], [mono], 1000)[0]
    with pytest.raises(ValueError, match="faster"):
        NoisySpeechDataset([mono], [other], 1000)[0]


@pytest.mark.task(
    "2.1",
    points=1,
    category="edge cases",
    hint="Does the dataset end where its files end, and is each file chosen about as often, whatever the number?",
)
def test_files_and_ends(write):
    """A dataset of one file and one of many; each of several noise files is used about as often."""
    flat = [write(f"flat{n}", torch.full((700,), 0.1 * (n + 1))) for n in range(4)]
    noise = [write(f"tone{n}", 0.5 * torch.sin((n + 1) * torch.pi / 8 * torch.arange(700))) for n in range(3)]
    dataset = NoisySpeechDataset(tuple(flat), noise, 640)
    assert len(dataset) == 4 and len(NoisySpeechDataset(flat[:1], noise, 640)) == 1
    counts = [0, 0, 0]
    for epoch in range(30):
        dataset.set_epoch(epoch)
        for i in range(4):
            noisy, clean = dataset[i]
            assert torch.allclose(clean, torch.full_like(clean, 0.1 * (i + 1)), atol=1e-3)
            spectrum = torch.fft.rfft((noisy - clean)[0]).abs()
            counts[int(spectrum.argmax()) // 40 - 1] += 1
    assert min(counts) > 15
    for index in (4, 5, 1000):
        with pytest.raises(IndexError):
            dataset[index]


### END HIDDEN TESTS
