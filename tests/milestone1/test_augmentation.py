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


@pytest.mark.task("1.7", points=1)
def test_white_noise_is_flat(generator):
    """White noise has an RMS of 1 and the same power at every frequency."""
    noise = white_noise(8, 16000, generator=generator)
    assert noise.shape == (8, 16000) and noise.dtype == torch.float32, f"got {tuple(noise.shape)}, {noise.dtype}"
    rms = noise.square().mean(dim=-1).sqrt()
    assert (rms - 1).abs().max() < 0.03, f"RMS is {rms.tolist()}: was uniform noise drawn?"
    slope = slope_in_db_per_octave(noise)
    assert abs(slope) < 0.3, f"the power changes by {slope:.2f} dB an octave"


@pytest.mark.task("1.7", points=1)
def test_pink_noise_falls_by_3_db_an_octave(generator):
    """Pink noise loses 3 dB an octave."""
    slope = slope_in_db_per_octave(pink_noise(8, 16000, generator=generator))
    assert slope == pytest.approx(-3.01, abs=0.3), (
        f"the power falls by {-slope:.2f} dB an octave: 6 dB mean that the amplitude, not the power, goes with 1 / f"
    )


@pytest.mark.task("1.7", points=1)
def test_pink_noise_has_rms_1_at_odd_lengths(generator):
    """Each pink signal has an RMS of 1, at odd lengths too."""
    noise = pink_noise(3, 1, 9999, generator=generator)
    assert noise.shape == (3, 1, 9999), f"got {tuple(noise.shape)}: irfft needs n= for odd lengths"
    assert noise.dtype == torch.float32, f"got {noise.dtype}"
    rms = noise.square().mean(dim=-1).sqrt()
    assert (rms - 1).abs().max() < 1e-3, f"RMS is {rms.flatten().tolist()}: is each signal normalised by its own?"


@pytest.mark.task("1.7", points=1)
def test_generator_decides_the_noise():
    """The same seed gives the same noise, and the global random state is not used."""
    for noise in (white_noise, pink_noise):
        first, second, third = (noise(1000, generator=torch.Generator().manual_seed(s)) for s in (3, 3, 4))
        assert torch.equal(first, second), "two generators with the same seed gave different noise"
        assert not torch.equal(first, third), "another seed gave the same noise"


@pytest.mark.task("1.8", points=1)
def test_babble_has_rms_1(generator):
    """Babble has an RMS of 1 and the asked length."""
    talkers = [torch.randn(1, time, generator=generator) * level for time, level in ((9000, 1), (7000, 5), (8000, 0.1))]
    babble = babble_noise(talkers, 4000, 3, generator)
    assert babble.shape == (1, 4000)
    assert babble.square().mean().sqrt() == pytest.approx(1, abs=1e-3), "the sum is not brought to an RMS of 1"


@pytest.mark.task("1.8", points=1)
def test_babble_levels_its_talkers(generator):
    """A loud talker and a quiet one are heard equally well."""
    time = torch.arange(8000)
    loud, quiet = 10 * torch.sin(0.1 * time), 0.1 * torch.sin(0.5 * time)
    spectrum = torch.fft.rfft(babble_noise([loud, quiet], 8000, 2, generator)).abs()
    at_loud, at_quiet = spectrum[120:135].max(), spectrum[630:645].max()
    assert 0.8 < at_loud / at_quiet < 1.25, (
        f"one talker is {float(at_loud / at_quiet):.1f} times the other in amplitude"
    )


@pytest.mark.task("1.8", points=1)
def test_babble_levels_after_cropping():
    """What counts is the level of the stretch that is heard, and no talker speaks twice."""
    time = torch.arange(20000)
    fading = torch.sin(0.1 * time) * torch.where(time < 10000, 10.0, 0.1)
    steady = torch.sin(0.5 * time)
    for seed in range(10):
        babble = babble_noise([fading, steady], 2000, 2, torch.Generator().manual_seed(seed))
        power = torch.fft.rfft(babble).abs().square()
        ratio = float((power[5:95].sum() / power[110:210].sum()).sqrt())
        assert 0.7 < ratio < 1.4, (
            f"one of two talkers is {ratio:.2g} times the other: levelled before cropping, or one drawn twice?"
        )


@pytest.mark.task("1.8", points=1)
def test_too_many_talkers_raise(generator):
    """Asking for more talkers than there are raises a ValueError."""
    with pytest.raises(ValueError, match=r".*"):
        babble_noise([torch.ones(1, 100)] * 2, 50, 3, generator)


@pytest.mark.task("1.9", points=1)
def test_mixture_has_the_asked_snr(generator):
    """The mixture minus the speech has the asked ratio to the speech, and the speech is untouched."""
    speech, noise = torch.randn(1, 1, 16000, generator=generator), 7 * torch.randn(1, 1, 16000, generator=generator)
    before = speech.clone(), noise.clone()
    added = mix_at_snr(speech, noise, 5.0) - speech
    assert torch.equal(speech, before[0]) and torch.equal(noise, before[1]), "an input was changed in place"
    achieved = float(10 * (speech.square().mean() / added.square().mean()).log10())
    assert achieved == pytest.approx(5, abs=0.01), (
        f"the SNR is {achieved:.2f} dB, not 5: is the noise scaled by a power ratio instead of its square root, or the"
        " level of the noise itself forgotten?"
    )
    correlation = float((added * noise).sum() / (added.norm() * noise.norm()))
    assert correlation > 0.9999, "what was added is not the noise: was the speech scaled too?"


@pytest.mark.task("1.9", points=1)
def test_each_item_has_its_own_snr(generator):
    """Each item of a batch is mixed at its own SNR, as torchaudio does it."""
    speech = torch.randn(3, 2000, generator=generator) * torch.tensor([[0.1], [1.0], [3.0]])
    noise = torch.randn(3, 2000, generator=generator)
    snr_db = torch.tensor([0.0, 10.0, -5.0])
    assert torch.allclose(mix_at_snr(speech, noise, snr_db), add_noise(speech, noise, snr_db), rtol=1e-3, atol=1e-4), (
        "not what torchaudio.functional.add_noise gives: is one power taken over the whole batch?"
    )


@pytest.mark.task("1.9", points=1)
def test_channels_share_one_gain(generator):
    """The ratio is taken over all channels of an item together."""
    speech = torch.randn(2, 2, 4000, generator=generator) * torch.tensor([1.0, 0.1]).reshape(1, 2, 1)
    noise = torch.randn(2, 2, 4000, generator=generator)
    added = mix_at_snr(speech, noise, 3.0) - speech
    achieved = 10 * (speech.square().mean(dim=(1, 2)) / added.square().mean(dim=(1, 2))).log10()
    assert torch.allclose(achieved, torch.tensor(3.0), atol=0.01), f"got {achieved.tolist()} dB, not 3"
    gains = (added / noise).mean(dim=-1)
    assert torch.allclose(gains[:, 0], gains[:, 1], rtol=1e-3), "the channels of an item got different gains"


@pytest.mark.task("1.9", points=1)
def test_silent_noise_returns_the_speech(generator):
    """Where the noise is silent the mixture is the speech, not NaN."""
    speech = torch.randn(2, 1, 1000, generator=generator)
    assert torch.equal(mix_at_snr(speech, torch.zeros(2, 1, 1000), 10.0), speech)


@pytest.mark.task("1.10", points=1)
def test_crops_belong_together(generator):
    """The same window is cut from every signal."""
    signal = torch.arange(1000.0).reshape(1, 1000)
    first, second = random_crop(signal, signal + 0.5, length=100, generator=generator)
    assert first.shape == second.shape == (1, 100)
    assert torch.equal(second - first, torch.full((1, 100), 0.5)), "the signals were cut at different places"
    assert torch.equal(first.diff(), torch.ones(1, 99)), "not one stretch of the signal"


@pytest.mark.task("1.10", points=1)
def test_every_start_is_reached(generator):
    """The first and the last possible start both occur."""
    crops = [random_crop(torch.arange(5), length=3, generator=generator) for _ in range(100)]
    assert all(isinstance(crop, tuple) and len(crop) == 1 for crop in crops), "expected a tuple, also for one signal"
    starts = {int(crop[0][0]) for crop in crops}
    assert starts == {0, 1, 2}, f"in 100 draws the starts were {sorted(starts)}, expected 0, 1 and 2"


@pytest.mark.task("1.10", points=1)
def test_short_signals_are_padded_at_the_end(generator):
    """A signal shorter than the crop is followed by zeros."""
    (crop,) = random_crop(torch.ones(2, 30), length=50, generator=generator)
    assert torch.equal(crop, torch.cat([torch.ones(2, 30), torch.zeros(2, 20)], dim=1)), "expected zeros at the end"
    long, short = random_crop(torch.ones(90), torch.ones(30), length=90, generator=generator)
    assert long.shape == short.shape == (90,), "signals of different length are padded to the longest"
    assert short[:30].all() and not short[30:].any(), "expected zeros at the end of the shorter signal"
