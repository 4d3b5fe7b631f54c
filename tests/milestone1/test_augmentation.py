"""Tasks 1.7 to 1.10: noises, mixtures at an SNR, crops."""

import pytest
import torch
from torchaudio.functional import add_noise

from speech_enhancement.augmentation import babble_noise, mix_at_snr, pink_noise, random_crop, white_noise


def slope_in_db_per_octave(noise, lowest=0.005, highest=0.4):
    """Least-squares slope of the power in bands of a third of an octave, between shares of the sample rate."""
    power = torch.fft.rfft(noise.double()).abs().square().reshape(-1, noise.shape[-1] // 2 + 1).mean(dim=0)
    frequency = torch.fft.rfftfreq(noise.shape[-1], dtype=torch.double)
    edges = lowest * 2 ** (torch.arange(int(3 * torch.log2(torch.tensor(highest / lowest))) + 1) / 3)
    bands = [(frequency >= a) & (frequency < b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    level = torch.stack([10 * power[band].mean().log10() for band in bands])
    octave = (edges[:-1] * edges[1:]).sqrt().log2().double()
    return float(((octave - octave.mean()) * (level - level.mean())).sum() / (octave - octave.mean()).square().sum())


def rounded(values):
    """List values for a message, to two decimals."""
    return values.double().flatten().round(decimals=2).tolist()


@pytest.mark.task("1.7", points=1)
def test_white_noise_is_flat(generator):
    """White noise has an RMS of 1 and the same power at every frequency."""
    noise = white_noise(8, 16000, generator=generator)
    assert noise.shape == (8, 16000) and noise.dtype == torch.float32, f"got {tuple(noise.shape)}, {noise.dtype}"
    rms = noise.square().mean(dim=-1).sqrt()
    assert (rms - 1).abs().max() < 0.03, f"RMS is {rounded(rms)}, expected 1: 0.58 would be uniform noise"
    slope = slope_in_db_per_octave(noise)
    assert abs(slope) < 0.3, f"the power changes by {slope:.2f} dB per octave, expected 0"


@pytest.mark.task("1.7", points=1)
def test_pink_noise_falls_by_3_db_an_octave(generator):
    """Pink noise loses 3 dB per octave."""
    noise = pink_noise(8, 16000, generator=generator)
    assert not noise.isnan().any(), "got NaN: at the frequency 0, 1 / f divides by zero"
    slope = slope_in_db_per_octave(noise)
    assert slope == pytest.approx(-3.01, abs=0.3), (
        f"the power falls by {-slope:.2f} dB per octave, expected 3.01: 6 would be an amplitude, not a power, that goes"
        " with 1 / f, and 0 white noise"
    )


@pytest.mark.task("1.7", points=1)
def test_pink_noise_has_rms_1_at_odd_lengths(generator):
    """Each pink signal has an RMS of 1, at odd lengths too."""
    noise = pink_noise(3, 1, 9999, generator=generator)
    assert noise.shape == (3, 1, 9999), f"got {tuple(noise.shape)}: irfft needs n= for odd lengths"
    assert noise.dtype == torch.float32, f"got {noise.dtype}"
    assert not noise.isnan().any(), "got NaN: at the frequency 0, 1 / f divides by zero"
    rms = noise.square().mean(dim=-1).sqrt()
    assert (rms - 1).abs().max() < 1e-3, f"RMS is {rounded(rms)}, expected 1: each signal is normalised by its own"


@pytest.mark.task("1.7", points=1)
def test_generator_decides_the_noise():
    """The same seed gives the same noise, and the global random state is not used."""
    for noise in (white_noise, pink_noise):
        first, second, third = (noise(1000, generator=torch.Generator().manual_seed(s)) for s in (3, 3, 4))
        assert torch.equal(first, second), "two generators with the same seed gave different noise"
        assert not torch.equal(first, third), "another seed gave the same noise"


@pytest.mark.task("1.8", points=1)
def test_babble_has_rms_1(generator):
    """Babble has an RMS of 1 and the requested length."""
    talkers = [torch.randn(1, time, generator=generator) * level for time, level in ((9000, 1), (7000, 5), (8000, 0.1))]
    babble = babble_noise(talkers, 4000, 3, generator)
    assert babble.shape == (1, 4000), f"got the shape {tuple(babble.shape)}, expected (1, 4000)"
    rms = float(babble.square().mean().sqrt())
    assert rms == pytest.approx(1, abs=1e-3), f"the RMS is {rms:.3f}, as if the sum were not scaled to an RMS of 1"


@pytest.mark.task("1.8", points=1)
def test_babble_levels_its_talkers(generator):
    """A loud talker and a quiet one are heard equally well."""
    time = torch.arange(8000)
    loud, quiet = 10 * torch.sin(0.1 * time), 0.1 * torch.sin(0.5 * time)
    spectrum = torch.fft.rfft(babble_noise([loud, quiet], 8000, 2, generator)).abs()
    at_loud, at_quiet = spectrum[120:135].max(), spectrum[630:645].max()
    assert 0.8 < at_loud / at_quiet < 1.25, (
        f"one talker is {float(at_loud / at_quiet):.1f} times the other in amplitude, as if they were not levelled"
    )


@pytest.mark.task("1.8", points=1)
def test_babble_levels_after_cropping():
    """Each talker is levelled by the stretch that is heard, and no talker speaks twice."""
    time = torch.arange(20000)
    fading = torch.sin(0.1 * time) * torch.where(time < 10000, 10.0, 0.1)
    steady = torch.sin(0.5 * time)
    for seed in range(10):
        babble = babble_noise([fading, steady], 2000, 2, torch.Generator().manual_seed(seed))
        power = torch.fft.rfft(babble).abs().square()
        ratio = float((power[5:95].sum() / power[110:210].sum()).sqrt())
        assert 0.8 < ratio < 1.2, (
            f"one of two talkers is {ratio:.2g} times the other, as if they were levelled before cropping (1.4)"
            " or one of them were drawn twice"
        )


@pytest.mark.task("1.8", points=1)
def test_too_many_talkers_raise(generator):
    """Asking for more talkers than there are raises a ValueError."""
    with pytest.raises(ValueError, match=r".*"):
        babble_noise([torch.ones(1, 100)] * 2, 50, 3, generator)


@pytest.mark.task("1.9", points=1)
def test_mixture_has_the_requested_snr(generator):
    """The mixture minus the speech has the requested ratio to the speech, and the speech is untouched."""
    speech, noise = torch.randn(1, 1, 16000, generator=generator), 7 * torch.randn(1, 1, 16000, generator=generator)
    before = speech.clone(), noise.clone()
    added = mix_at_snr(speech, noise, 5.0) - speech
    assert torch.equal(speech, before[0]) and torch.equal(noise, before[1]), "an input was changed in place"
    achieved = float(10 * (speech.square().mean() / added.square().mean()).log10())
    assert achieved == pytest.approx(5, abs=0.01), (
        f"the SNR is {achieved:.2f} dB, not 5: 27 would be the power ratio as the gain, not its square root, 10"
        " decibels divided by 10 instead of 20, and -12 the level of the noise itself forgotten"
    )
    correlation = float((added * noise).sum() / (added.norm() * noise.norm()))
    assert correlation > 0.9999, "what was added is not the noise, as if the speech were scaled too"


@pytest.mark.task("1.9", points=1)
def test_each_item_has_its_own_snr(generator):
    """Each item of a batch is mixed at its own SNR, as torchaudio does it."""
    speech = torch.randn(3, 2000, generator=generator) * torch.tensor([[0.1], [1.0], [3.0]])
    noise = torch.randn(3, 2000, generator=generator)
    snr_db = torch.tensor([0.0, 10.0, -5.0])
    mixture = mix_at_snr(speech, noise, snr_db)
    achieved = 10 * (speech.square().mean(dim=-1) / (mixture - speech).square().mean(dim=-1)).log10()
    assert torch.allclose(achieved, snr_db, atol=0.01), (
        f"the items have SNRs of {rounded(achieved)} dB, expected {snr_db.tolist()}:"
        " [-25, 5, -1] would be one power for the whole batch, [20, 20, -20] the power ratio as the gain"
    )
    expected = add_noise(speech, noise, snr_db)
    assert torch.allclose(mixture, expected, rtol=1e-3, atol=1e-4), "not what torchaudio.functional.add_noise gives"


@pytest.mark.task("1.9", points=1)
def test_channels_share_one_gain(generator):
    """The ratio is taken over all channels of an item together."""
    speech = torch.randn(2, 2, 4000, generator=generator) * torch.tensor([1.0, 0.1]).reshape(1, 2, 1)
    noise = torch.randn(2, 2, 4000, generator=generator)
    added = mix_at_snr(speech, noise, 3.0) - speech
    achieved = 10 * (speech.square().mean(dim=(1, 2)) / added.square().mean(dim=(1, 2))).log10()
    assert torch.allclose(achieved, torch.tensor(3.0), atol=0.01), (
        f"the items have SNRs of {rounded(achieved)} dB, not 3: 2.96 and 3.04 would be one power for the whole batch,"
        " 9 the power ratio as the gain; the power is that of all channels of an item"
    )
    gains = (added / noise).mean(dim=-1)
    assert torch.allclose(gains[:, 0], gains[:, 1], rtol=1e-3), "the channels of an item got different gains"


@pytest.mark.task("1.9", points=1)
def test_silent_noise_returns_the_speech(generator):
    """With silent noise the mixture is the speech, not NaN."""
    speech = torch.randn(2, 1, 1000, generator=generator)
    mixture = mix_at_snr(speech, torch.zeros(2, 1, 1000), 10.0)
    assert not mixture.isnan().any(), "got NaN: where the noise is silent its gain is a division by 0"
    assert torch.equal(mixture, speech), "the mixture is not the speech"


@pytest.mark.task("1.10", points=1)
def test_crops_belong_together(generator):
    """The same window is cut from every signal."""
    signal = torch.arange(1000.0).reshape(1, 1000)
    first, second = random_crop(signal, signal + 0.5, length=100, generator=generator)
    assert first.shape == second.shape == (1, 100), f"got {tuple(first.shape)} and {tuple(second.shape)}"
    assert torch.equal(second - first, torch.full((1, 100), 0.5)), "the signals were cut at different places"
    assert torch.equal(first.diff(), torch.ones(1, 99)), "not one stretch of the signal"


@pytest.mark.task("1.10", points=1)
def test_every_start_is_reached(generator):
    """The first and the last possible start both occur."""
    crops = [random_crop(torch.arange(5), length=3, generator=generator) for _ in range(100)]
    assert all(isinstance(crop, tuple) and len(crop) == 1 for crop in crops), "expected a tuple, also for one signal"
    starts = {int(crop[0][0]) for crop in crops}
    assert starts == {0, 1, 2}, (
        f"in 100 draws the starts were {sorted(starts)}, expected 0, 1 and 2: randint leaves out its upper bound"
    )


@pytest.mark.task("1.10", points=1)
def test_short_signals_are_padded_at_the_end(generator):
    """A signal shorter than the crop is followed by zeros."""
    (crop,) = random_crop(torch.ones(2, 30), length=50, generator=generator)
    assert torch.equal(crop, torch.cat([torch.ones(2, 30), torch.zeros(2, 20)], dim=1)), "expected zeros at the end"
    long, short = random_crop(torch.ones(90), torch.ones(30), length=90, generator=generator)
    assert long.shape == short.shape == (90,), "signals of different length are padded to the longest"
    assert short[:30].all() and not short[30:].any(), "expected zeros at the end of the shorter signal"


### BEGIN HIDDEN TESTS
# The course's own tests look for this word in whatever attacks bring to light: canary-51fe0c0de5ca1ab1.


@pytest.mark.task(
    "1.7",
    points=1,
    category="common mistakes",
    hint="Does each call draw new noise from the generator, which it advances (its seed alone is not enough), and"
    " does each signal of a batch get noise of its own?",
)
def test_every_draw_and_every_signal_differs(generator):
    """A second draw from the same generator differs, and so does each signal of a batch."""
    for noise in (white_noise, pink_noise):
        first, second = noise(2, 2, 1000, generator=generator), noise(2, 2, 1000, generator=generator)
        assert first.shape == (2, 2, 1000)
        signals = torch.cat([first, second]).reshape(8, 1000)
        distance = torch.cdist(signals, signals) + 1000 * torch.eye(8)
        assert distance.min() > 1
        assert noise(1000, generator=generator).shape == (1000,)


@pytest.mark.task(
    "1.7",
    points=1,
    category="common mistakes",
    hint="Are the values of white noise Gaussian (two thirds within one standard deviation), not uniform or +-1?",
)
def test_white_noise_is_gaussian(generator):
    """The values of white noise are normally distributed."""
    size = white_noise(8, 16000, generator=generator).abs()
    assert float((size < 1).double().mean()) == pytest.approx(0.6827, abs=0.02)
    assert float((size > 2).double().mean()) == pytest.approx(0.0455, abs=0.01)


@pytest.mark.task(
    "1.7",
    points=1,
    category="edge cases",
    hint="Does pink noise have the requested length and an RMS of 1 for very short signals, of 2, 3 or 5 samples, too?",
)
def test_short_pink_noise_has_rms_1(generator):
    """Pink noise of a few samples has the requested length and an RMS of 1."""
    for time in (2, 3, 4, 5, 8, 31):
        noise = pink_noise(3, 2, time, generator=generator)
        assert noise.shape == (3, 2, time)
        assert (noise.square().mean(dim=-1).sqrt() - 1).abs().max() < 1e-3


@pytest.mark.task(
    "1.7",
    points=1,
    category="sizes",
    hint="Does the power of pink noise fall by 3 dB in each octave between 0.5 % and 40 % of the sample rate, not"
    " only on the whole, and at other lengths, odd ones included?",
)
def test_pink_noise_falls_everywhere(generator):
    """The power falls by 3 dB per octave in the lower and in the upper half of the range, at an odd length."""
    noise = pink_noise(16, 39999, generator=generator)
    assert slope_in_db_per_octave(noise) == pytest.approx(-3.01, abs=0.3)
    for lowest, highest in ((0.005, 0.05), (0.04, 0.4)):
        assert slope_in_db_per_octave(noise, lowest, highest) == pytest.approx(-3.01, abs=0.6)


@pytest.mark.task(
    "1.7",
    points=1,
    category="common mistakes",
    hint="Is pink noise heard at all: is frequency 0, where 1 / f has no value, left out, or is nearly all of the"
    " power a constant because a tiny number stands for f = 0 there?",
)
def test_pink_noise_is_no_constant(generator):
    """The power of pink noise lies in what is heard, not in a constant part."""
    noise = pink_noise(8, 16000, generator=generator)
    assert float(noise.mean(dim=-1).square().mean()) < 0.5


def levelled(signal):
    return signal / signal.square().mean(dim=-1, keepdim=True).sqrt()


@pytest.mark.task(
    "1.8",
    points=1,
    category="common mistakes",
    hint="Does each talker's stretch start at a place of its own, drawn anew for each talker and each call, uniformly"
    " from 0 to the last possible start, both included?",
)
def test_each_talker_starts_at_its_own_place(generator):
    """Each talker's start is drawn by itself, the first and the last possible one included."""
    talkers = [torch.randn(1003, generator=generator), 5 * torch.randn(1003, generator=generator)]
    starts = []
    for _ in range(80):
        babble = babble_noise(talkers, 1000, 2, generator)
        starts.append(tuple(int((talker.unfold(0, 1000, 1) @ babble).argmax()) for talker in talkers))
        first, second = (talker[start : start + 1000] for talker, start in zip(talkers, starts[-1], strict=True))
        assert torch.allclose(babble, levelled(levelled(first) + levelled(second)), atol=1e-2)
    assert {a for a, _ in starts} == {b for _, b in starts} == {0, 1, 2, 3}
    assert 20 < sum(a != b for a, b in starts) < 80


@pytest.mark.task(
    "1.8",
    points=1,
    category="common mistakes",
    hint="Are the stretches brought to equal RMS, not to an equal peak, sum or norm of another kind, and are the"
    " talkers themselves left as they are, not changed in place?",
)
def test_babble_levels_by_rms(generator):
    """The RMS is made equal, and the talkers are left as they are."""
    clicks = torch.zeros(1, 2000)
    clicks[0, ::100] = 3.0
    talkers = [
        0.2 * torch.randn(1, 2000, generator=generator),
        clicks,
        4 * torch.rand(1, 2000, generator=generator) - 2,
    ]
    before = [talker.clone() for talker in talkers]
    babble = babble_noise(talkers, 2000, 3, generator)
    expected = levelled(sum(levelled(talker) for talker in before))
    assert all(torch.equal(a, b) for a, b in zip(talkers, before, strict=True))
    assert babble.shape == (1, 2000)
    assert torch.allclose(babble, expected, atol=2e-2)


@pytest.mark.task(
    "1.8",
    points=1,
    category="edge cases",
    hint="Does a silent talker add nothing, without a division 0 / 0 that makes everything NaN, while the sum still"
    " has an RMS of 1?",
)
def test_silent_talker_adds_nothing(generator):
    """A silent stretch adds nothing."""
    talker = 0.3 * torch.randn(1, 1, 900, generator=generator)
    babble = babble_noise((torch.zeros(1, 1, 1200), talker), 900, 2, generator)
    assert babble.shape == (1, 1, 900)
    assert torch.allclose(babble, levelled(talker), atol=1e-2)


@pytest.mark.task(
    "1.8",
    points=1,
    category="edge cases",
    hint="Is a talker that is shorter than length followed by zeros, not repeated, stretched or padded before, and"
    " has the padded result an RMS of 1?",
)
def test_short_talker_is_padded(generator):
    """A talker shorter than the babble is followed by zeros."""
    talker = torch.randn(2, 300, generator=generator)
    talker[1] = talker[0].flip(0)
    babble = babble_noise([talker], 501, 1, generator)
    assert babble.shape == (2, 501)
    assert (babble[:, 300:] == 0).all()
    expected = levelled(torch.cat([talker, torch.zeros(2, 201)], dim=1))
    assert torch.allclose(babble, expected, atol=1e-2)


@pytest.mark.task(
    "1.8",
    points=1,
    category="common mistakes",
    hint="Are exactly n_talkers different talkers drawn at random from all of them, anew in each call, by the"
    " generator alone (not the first ones, not all, no random state but the generator's)?",
)
def test_talkers_are_drawn_at_random(generator):
    """n_talkers different ones are drawn from all talkers, by the generator alone."""
    talkers = [torch.randn(400, generator=generator) for _ in range(4)]
    drawn = []
    for seed in range(60):
        babble = babble_noise(talkers, 400, 2, torch.Generator().manual_seed(seed))
        assert torch.equal(babble, babble_noise(talkers, 400, 2, torch.Generator().manual_seed(seed)))
        share = torch.stack([(levelled(talker) * babble).mean() for talker in talkers])
        drawn.append(frozenset(torch.nonzero(share > 0.4).flatten().tolist()))
    assert {len(pair) for pair in drawn} == {2}
    assert len(set(drawn)) == 6
    again = [babble_noise(talkers, 400, 2, generator) for _ in range(60)]
    assert any(not torch.allclose(again[0], each, atol=0.1) for each in again)


@pytest.mark.task(
    "1.9",
    points=1,
    category="edge cases",
    hint="Does a noise of another shape raise a ValueError, also where it would broadcast?",
)
def test_noise_of_another_shape_raises(generator):
    """Speech and noise of different shapes raise a ValueError."""
    speech = torch.randn(2, 1, 500, generator=generator)
    for shape in ((2, 1, 400), (1, 1, 500), (500,), (2, 1, 1), (2, 2, 500)):
        with pytest.raises(ValueError, match=r".*"):
            mix_at_snr(speech, torch.randn(shape, generator=generator), 5.0)


def achieved_snr(mixture, speech):
    return float(10 * (speech.square().mean() / (mixture - speech).square().mean()).log10())


@pytest.mark.task(
    "1.9",
    points=1,
    category="sizes",
    hint="Is one signal of shape (time,) taken as one item with one gain, not as a batch of samples, and may the SNR"
    " be an integer?",
)
def test_single_signal(generator):
    """One signal (time,) has one SNR."""
    speech, noise = torch.randn(3000, generator=generator), 0.2 * torch.randn(3000, generator=generator)
    mixture = mix_at_snr(speech, noise, -4)
    assert mixture.shape == (3000,)
    assert achieved_snr(mixture, speech) == pytest.approx(-4, abs=0.02)
    assert float(torch.corrcoef(torch.stack([mixture - speech, noise]))[0, 1]) > 0.999


@pytest.mark.task(
    "1.9",
    points=1,
    category="sizes",
    hint="Does each item get its own SNR where items have channels and further dimensions: is snr_db of shape"
    " (batch,) matched to the batch, not to the last dimension, and one power taken over all else?",
)
def test_each_item_with_channels_has_its_own_snr(generator):
    """An SNR for each item, of shape (batch,), for any number of dimensions."""
    snr_db = torch.tensor([-3.0, 0.0, 12.0])
    for shape in ((3, 2, 2000), (3, 3, 1, 1500), (3, 3), (3, 1, 3)):
        level = torch.tensor([0.1, 1.0, 5.0]).reshape(3, *[1] * (len(shape) - 1))
        speech, noise = level * torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)
        mixture = mix_at_snr(speech, noise, snr_db)
        assert mixture.shape == shape
        for i in range(3):
            assert achieved_snr(mixture[i], speech[i]) == pytest.approx(float(snr_db[i]), abs=0.05)


@pytest.mark.task(
    "1.9",
    points=1,
    category="edge cases",
    hint="Where the noise of one item is silent, is that item the speech, and has each other item its SNR all the"
    " same, without NaN?",
)
def test_one_silent_noise_in_a_batch(generator):
    """Silent noise in one item changes nothing in the others."""
    speech, noise = torch.randn(3, 1, 2000, generator=generator), torch.randn(3, 1, 2000, generator=generator)
    noise[1] = 0
    for snr_db in (6.0, torch.tensor([6.0, 6.0, 6.0])):
        mixture = mix_at_snr(speech, noise, snr_db)
        assert torch.equal(mixture[1], speech[1])
        for i in (0, 2):
            assert achieved_snr(mixture[i], speech[i]) == pytest.approx(6, abs=0.05)


@pytest.mark.task(
    "1.9",
    points=1,
    category="common mistakes",
    hint="Is the ratio one of mean squares, not of variances, standard deviations or peaks (a constant offset counts"
    " too), and does it hold for weak signals: is an epsilon too large?",
)
def test_offsets_and_weak_signals_count(generator):
    """The ratio of mean squares holds for signals with an offset and for weak ones."""
    for level, offset, snr_db in ((1.0, 2.0, 7.0), (1e-2, 0.0, 0.0), (100.0, -1.0, -20.0), (1.0, 0.5, 40.0)):
        speech = level * (torch.randn(2, 1, 4000, generator=generator) + offset)
        noise = level * torch.rand(2, 1, 4000, generator=generator)
        mixture = mix_at_snr(speech, noise, snr_db)
        for i in range(2):
            assert achieved_snr(mixture[i].double(), speech[i].double()) == pytest.approx(snr_db, abs=0.05)


@pytest.mark.task(
    "1.10",
    points=1,
    category="sizes",
    hint="Is the start drawn over the longest signal, not the shortest, and is the same window cut from all, padded"
    " with zeros at the end, whatever their leading dimensions?",
)
def test_the_longest_signal_sets_the_starts(generator):
    """Signals of several lengths are cut at the same place, which the longest one bounds."""
    long, short = torch.arange(1.0, 41.0), torch.arange(1.0, 16.0)
    starts = set()
    for _ in range(300):
        a, b, c = random_crop(
            short, long.expand(2, 3, 40), short.double().expand(1, 15), length=20, generator=generator
        )
        assert a.shape == (20,) and b.shape == (2, 3, 20) and c.shape == (1, 20)
        assert a.dtype == b.dtype == torch.float32 and c.dtype == torch.float64
        start = int(b[0, 0, 0]) - 1
        starts.add(start)
        padded = torch.cat([short, torch.zeros(25)])[start : start + 20]
        assert torch.equal(b, long[start : start + 20].expand(2, 3, 20))
        assert torch.equal(a, padded) and torch.equal(c[0], padded.double())
    assert min(starts) == 0 and max(starts) == 20


@pytest.mark.task(
    "1.10",
    points=1,
    category="common mistakes",
    hint="Is every start equally likely, the first and the last one too: is a real number rounded rather than an"
    " integer drawn?",
)
def test_starts_are_uniform(generator):
    """Every start is equally likely."""
    counts = torch.zeros(3)
    for _ in range(600):
        counts[int(random_crop(torch.arange(6), length=4, generator=generator)[0][0])] += 1
    # Five standard deviations of a right answer, and half the error of a rounded one.
    assert (counts - 200).abs().max() < 56


@pytest.mark.task(
    "1.10",
    points=1,
    category="common mistakes",
    hint="Does the generator alone decide: the same state gives the same window, a second call another one, and no"
    " other random state is used? Are the signals left as they are?",
)
def test_generator_decides_the_window():
    """The generator alone decides the window, and it moves on."""
    signal = torch.arange(100000)
    generator = torch.Generator().manual_seed(5)
    crops = [random_crop(signal, length=10, generator=generator)[0] for _ in range(20)]
    again = random_crop(signal, length=10, generator=torch.Generator().manual_seed(5))[0]
    other = random_crop(signal, length=10, generator=torch.Generator().manual_seed(6))[0]
    assert torch.equal(again, crops[0]) and not torch.equal(other, crops[0])
    assert len({int(crop[0]) for crop in crops}) > 15
    assert crops[0].dtype == torch.int64
    assert torch.equal(signal, torch.arange(100000))


@pytest.mark.task(
    "1.10",
    points=1,
    category="edge cases",
    hint="Where all signals are shorter than length, do all come back with length samples, zeros at the end, and"
    " where length is that of the signal, does it come back whole?",
)
def test_all_signals_are_shorter_than_the_crop(generator):
    """Several signals, all shorter than the crop, keep their beginnings."""
    first, second = 1 + torch.rand(2, 30, generator=generator), 1 + torch.rand(1, 1, 50, generator=generator)
    a, b = random_crop(first, second, length=80, generator=generator)
    assert a.shape == (2, 80) and b.shape == (1, 1, 80)
    assert torch.equal(a[:, :30], first) and not a[:, 30:].any()
    assert torch.equal(b[..., :50], second) and not b[..., 50:].any()
    assert torch.equal(random_crop(first, length=30, generator=generator)[0], first)


### END HIDDEN TESTS
