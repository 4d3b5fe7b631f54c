"""Tasks 1.3 to 1.6: masks, the Wiener gain, the noise estimate, spectral subtraction."""

import pytest
import torch

from speech_enhancement.masking import apply_mask, estimate_noise_power, spectral_subtraction, wiener_mask


@pytest.fixture
def spectrogram(generator):
    return torch.randn(2, 1, 257, 30, generator=generator, dtype=torch.complex64)


@pytest.mark.task("1.3", points=1)
def test_scales_magnitude_and_keeps_phase(spectrogram, generator):
    """A mask scales the magnitude and leaves the phase as it is."""
    mask = torch.rand(2, 1, 257, 30, generator=generator)
    masked = apply_mask(spectrogram, mask)
    assert masked.is_complex(), "expected a complex spectrogram: the noisy phase must be kept"
    assert torch.allclose(masked.abs(), mask * spectrogram.abs(), atol=1e-5), "the magnitude is not mask * magnitude"
    turned = (masked * spectrogram.conj()).angle().abs().max()
    assert turned < 1e-3, (
        f"the phase turned by up to {turned:.2f} rad, as if it were set to another value or multiplied by the mask"
    )


@pytest.mark.task("1.3", points=1)
def test_gradient_reaches_the_mask(spectrogram):
    """Gradients flow to a mask that broadcasts over the batch."""
    mask = torch.full((1, 1, 257, 30), 0.5, requires_grad=True)
    apply_mask(spectrogram, mask).abs().sum().backward()
    assert mask.grad is not None, "no gradient, as if the mask were detached or turned into NumPy"
    expected = spectrogram.abs().sum(dim=0, keepdim=True)
    assert torch.allclose(mask.grad, expected, rtol=1e-3), "the gradient of sum |M * Y| to M is not |Y|"


@pytest.mark.task("1.4", points=1)
def test_wiener_mask_follows_its_formula():
    """Speech nine times as strong as noise gives a mask of 0.9."""
    mask = wiener_mask(torch.tensor([9.0, 1.0, 0.0, 2e-5]), torch.tensor([1.0, 1.0, 1.0, 1e-5]))
    expected = torch.tensor([0.9, 0.5, 0.0, 2 / 3])
    assert torch.allclose(mask, expected, rtol=1e-3), (
        f"got {mask.double().round(decimals=4).tolist()}, expected [0.9, 0.5, 0, 0.6667]: 0.949 for 0.9 would be its"
        " square root, 0.988 powers taken as magnitudes, and less than 0.666 at the end an epsilon that is too large"
    )


@pytest.mark.task("1.4", points=1)
def test_wiener_mask_of_silence_is_zero():
    """The mask of silent speech and silent noise is 0, not NaN."""
    mask = wiener_mask(torch.zeros(3), torch.zeros(3))
    assert not mask.isnan().any(), "got NaN: 0 / 0 needs care"
    assert (mask == 0).all(), f"got {mask.tolist()}, expected 0"


@pytest.mark.task("1.5", points=1)
def test_noise_power_is_the_mean_of_the_first_frames(generator):
    """The estimate is the mean over the first frames, with a last dimension of 1."""
    power = torch.rand(2, 1, 257, 30, generator=generator)
    power[..., 10:] += 100
    noise = estimate_noise_power(power)
    assert noise.shape == (2, 1, 257, 1), f"got {tuple(noise.shape)}: the frames' dimension stays, with size 1"
    assert noise.max() < 1.1, (
        f"got up to {float(noise.max()):.3g}, though the first 10 frames hold at most 1: as if later ones, of 100 and"
        " more, were averaged too"
    )
    expected = sum(power[..., m] for m in range(10)) / 10
    assert torch.allclose(noise[..., 0], expected, rtol=1e-4), (
        f"not the mean: got {float(noise[0, 0, 0]):.4f} at the first frequency, expected {float(expected[0, 0, 0]):.4f}"
    )


@pytest.mark.task("1.5", points=1)
def test_noise_power_of_a_short_spectrogram(generator):
    """All frames are averaged if there are fewer than asked for."""
    power = torch.rand(257, 4, generator=generator)
    noise = estimate_noise_power(power, n_frames=10)
    assert noise.shape == (257, 1), f"got {tuple(noise.shape)}: the frames' dimension stays, with size 1"
    expected = power.mean(dim=-1, keepdim=True)
    assert torch.allclose(noise, expected), (
        f"got {float(noise[0]):.4f} at the first frequency, expected {float(expected[0]):.4f}, the sum divided by the"
        " frames there are"
    )


@pytest.mark.task("1.6", points=1)
def test_subtraction_with_a_floor():
    """Power minus noise power, but never less than the floor's share of the noisy power."""
    subtracted = spectral_subtraction(torch.tensor([10.0, 4.0, 1.0]), torch.tensor([3.0, 3.9999, 3.0]), floor=0.1)
    assert torch.allclose(subtracted, torch.tensor([7.0, 0.4, 0.1]), rtol=1e-4), (
        f"got {subtracted.double().round(decimals=4).tolist()}, expected [7, 0.4, 0.1]: 0.1 for 0.4 is"
        " as if the floor were a power itself, 0.3 for 0.1 as if it were a share of the noise, not of the noisy power"
    )


@pytest.mark.task("1.6", points=1)
def test_subtracting_an_estimate_over_frames(generator):
    """The noise estimate (..., freq, 1) is subtracted from every frame, and nothing becomes negative."""
    noisy = torch.rand(2, 1, 257, 30, generator=generator)
    speech = spectral_subtraction(noisy, noisy[..., :10].mean(dim=-1, keepdim=True))
    assert speech.shape == noisy.shape, f"got {tuple(speech.shape)}, expected the shape of noisy, {tuple(noisy.shape)}"
    share = float((speech / noisy).min())
    assert share >= 0.0099, f"only {share:.3g} of the noisy power is left somewhere, less than the floor of 0.01"


### BEGIN HIDDEN TESTS
@pytest.mark.task(
    "1.3",
    points=1,
    category="sizes",
    hint="Does a mask of any shape that broadcasts work, for example one value a frequency or one value a frame?",
)
def test_mask_broadcasts(spectrogram, generator):
    """A mask with a value for each frequency, frame or item is broadcast."""
    for shape in ((257, 1), (30,), (2, 1, 1, 1), (1, 257, 30), (2, 1, 257, 1)):
        mask = torch.rand(shape, generator=generator)
        masked = apply_mask(spectrogram, mask)
        assert masked.shape == spectrogram.shape
        assert torch.allclose(masked, spectrogram * mask, atol=1e-4)
    mask = torch.rand(257, 30, generator=generator)
    assert torch.allclose(apply_mask(spectrogram[1, 0], mask), spectrogram[1, 0] * mask, atol=1e-4)


@pytest.mark.task(
    "1.3",
    points=1,
    category="edge cases",
    hint="Does a bin of magnitude 0 stay 0, without a division 0 / 0 that makes it NaN, and may bins be real or"
    " negative?",
)
def test_silent_bins_stay_silent(generator):
    """A silent bin stays silent, and real bins keep their sign."""
    spectrogram = torch.tensor([[0, 1, -1], [-2j, 2j, 0], [3 + 4j, -3 - 4j, -0.0]], dtype=torch.complex64)
    mask = torch.rand(3, 3, generator=generator)
    assert torch.allclose(apply_mask(spectrogram, mask), spectrogram * mask, atol=1e-5)


@pytest.mark.task(
    "1.3",
    points=1,
    category="edge cases",
    hint="Is the magnitude multiplied by the mask as it is: 0 gives 0, 1 changes nothing, 2 doubles, without a clamp,"
    " a threshold or an epsilon that can be heard?",
)
def test_extreme_masks(spectrogram):
    """A mask of 0 gives silence, of 1 no change, of 2 twice the magnitude."""
    for value in (0.0, 1.0, 2.0, 1e-3):
        masked = apply_mask(1e-3 * spectrogram, torch.full((2, 1, 257, 30), value))
        assert torch.allclose(masked, value * 1e-3 * spectrogram, rtol=1e-3, atol=1e-7)


@pytest.mark.task(
    "1.4",
    points=1,
    category="sizes",
    hint="Do the two powers broadcast, for example a noise estimate (freq, 1) with speech (batch, channels, freq,"
    " frames), and does every mask lie in [0, 1]?",
)
def test_wiener_mask_broadcasts(generator):
    """One noise power for all frames, or one speech power, is broadcast."""
    speech = torch.rand(2, 1, 129, 20, generator=generator)
    for shape in ((129, 1), (2, 1, 129, 1), (20,), (1, 1, 129, 20)):
        noise = 3 * torch.rand(shape, generator=generator)
        mask = wiener_mask(speech, noise)
        assert mask.shape == speech.shape
        assert torch.allclose(mask, speech / (speech + noise), rtol=2e-3, atol=1e-6)
        assert mask.min() >= 0 and mask.max() <= 1
        assert torch.allclose(wiener_mask(noise, speech), 1 - mask, atol=3e-3)


@pytest.mark.task(
    "1.4",
    points=1,
    category="edge cases",
    hint="Is the relative error under 1e-3 down to powers of 1e-5, whatever the level: is the epsilon too large, or"
    " the mask clamped away from 0 and 1?",
)
def test_wiener_mask_of_weak_and_strong_powers():
    """The mask is exact for powers of 1e-5 and of 1e8."""
    speech = torch.tensor([1e-5, 1e-5, 3e-5, 1e-5, 1e-3, 1.0, 1e8, 1e8, 1e4])
    noise = torch.tensor([1e-5, 3e-5, 1e-5, 1e-2, 1e-5, 1e-3, 1e8, 3e8, 10.0])
    mask = wiener_mask(speech, noise).double()
    expected = speech.double() / (speech.double() + noise.double())
    assert ((mask - expected).abs() / expected).max() < 1.1e-3


@pytest.mark.task(
    "1.4",
    points=1,
    category="edge cases",
    hint="Where only the noise is silent the mask is 1, where only the speech is silent it is 0, and where both are"
    " it is 0, bin by bin and not only when everything is silent: no NaN or inf on the way?",
)
def test_wiener_mask_of_silent_bins():
    """Each bin by itself: 1 without noise, 0 without speech, 0 without both."""
    speech = torch.tensor([[1.0, 0.0, 0.0], [0.01, 3.0, 0.0]])
    noise = torch.tensor([[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    mask = wiener_mask(speech, noise)
    assert torch.allclose(mask, torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.5, 0.0]]), atol=1e-3)
    assert (mask[speech == 0] == 0).all()


@pytest.mark.parametrize(("shape", "n_frames"), [((129, 7), 3), ((2, 3, 1, 65, 12), 1)])
@pytest.mark.task(
    "1.5",
    points=1,
    category="sizes",
    hint="Is n_frames obeyed where it is not 10, and is only the frames' dimension averaged, whatever stands before"
    " it?",
)
def test_noise_power_of_other_sizes(shape, n_frames, generator):
    """n_frames says how many frames are averaged, for any leading dimensions."""
    power = torch.rand(shape, generator=generator)
    noise = estimate_noise_power(power, n_frames=n_frames)
    assert noise.shape == (*shape[:-1], 1)
    assert torch.allclose(noise[..., 0], sum(power[..., m] for m in range(n_frames)) / n_frames, rtol=1e-4)
    assert torch.equal(estimate_noise_power(power, n_frames), noise)


@pytest.mark.task(
    "1.5",
    points=1,
    category="dtypes and devices",
    hint="Does a float64 input give a float64 result, and is the input left as it is, not changed in place?",
)
def test_noise_power_keeps_dtype_and_input(generator):
    """Double precision is kept, and the input is left as it is."""
    power = torch.rand(257, 30, generator=generator, dtype=torch.double)
    before = power.clone()
    noise = estimate_noise_power(power)
    assert noise.dtype == torch.double and torch.equal(power, before)
    assert torch.allclose(noise[:, 0], power[:, :10].mean(dim=1))


@pytest.mark.task(
    "1.6",
    points=1,
    category="sizes",
    hint="Is the floor 0.01 where none is given, and does it hold as a share of the noisy power at every level and"
    " size?",
)
def test_subtraction_with_the_default_floor(generator):
    """Without an argument the floor is a hundredth of the noisy power, at any level and size."""
    for level in (1e-4, 1.0, 1e4):
        noisy = level * torch.rand(65, 12, generator=generator)
        noise = level * torch.rand(65, 1, generator=generator)
        expected = torch.maximum(noisy - noise, 0.01 * noisy)
        assert torch.allclose(spectral_subtraction(noisy, noise), expected, rtol=1e-3, atol=1e-5 * level)
        batch = spectral_subtraction(noisy.expand(2, 3, 65, 12), noise)
        assert torch.allclose(batch, expected.expand(2, 3, 65, 12), rtol=1e-3, atol=1e-5 * level)


@pytest.mark.task(
    "1.6",
    points=1,
    category="edge cases",
    hint="Does silence stay 0 (no division 0 / 0 that gives NaN), does no noise change nothing, and does a floor of 0"
    " or 1 work?",
)
def test_subtraction_of_silence_and_extreme_floors():
    """Silence stays silent, and the floor may be 0 or 1."""
    noisy, noise = torch.tensor([0.0, 0.0, 5.0, 5.0, 5.0]), torch.tensor([0.0, 2.0, 0.0, 2.0, 9.0])
    for floor, expected in ((0.01, [0, 0, 5, 3, 0.05]), (0.0, [0, 0, 5, 3, 0]), (1.0, [0, 0, 5, 5, 5])):
        got = spectral_subtraction(noisy, noise, floor)
        assert torch.allclose(got, torch.tensor(expected, dtype=torch.float32), rtol=1e-3, atol=1e-5)


### END HIDDEN TESTS
