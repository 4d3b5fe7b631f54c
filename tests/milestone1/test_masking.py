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
    assert turned < 1e-3, f"the phase turned by up to {turned:.2f} rad: was it changed or multiplied by the mask?"


@pytest.mark.task("1.3", points=1)
def test_gradient_reaches_the_mask(spectrogram):
    """Gradients flow to a mask that broadcasts over the batch."""
    mask = torch.full((1, 1, 257, 30), 0.5, requires_grad=True)
    apply_mask(spectrogram, mask).abs().sum().backward()
    assert mask.grad is not None, "no gradient: was the mask detached, or turned into NumPy?"
    expected = spectrogram.abs().sum(dim=0, keepdim=True)
    assert torch.allclose(mask.grad, expected, rtol=1e-3), "the gradient of sum |M * Y| to M is not |Y|"


@pytest.mark.task("1.4", points=1)
def test_wiener_mask_follows_its_formula():
    """Speech nine times as strong as noise gives a mask of 0.9."""
    mask = wiener_mask(torch.tensor([9.0, 1.0, 0.0, 2e-5]), torch.tensor([1.0, 1.0, 1.0, 1e-5]))
    expected = torch.tensor([0.9, 0.5, 0.0, 2 / 3])
    assert torch.allclose(mask, expected, rtol=1e-3), (
        f"got {mask.tolist()}: 0.949 for 0.9 would be its square root, 0.988 a ratio of powers taken as magnitudes"
    )


@pytest.mark.task("1.4", points=1)
def test_wiener_mask_of_silence_is_zero():
    """Where speech and noise are both silent the mask is 0, not NaN."""
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
    assert noise.max() < 1.1, "the estimate holds speech: are only the first 10 frames averaged?"
    assert torch.allclose(noise[..., 0], sum(power[..., m] for m in range(10)) / 10, rtol=1e-4), "not the mean"


@pytest.mark.task("1.5", points=1)
def test_noise_power_of_a_short_spectrogram(generator):
    """Where there are fewer frames than asked for, all of them are averaged."""
    power = torch.rand(257, 4, generator=generator)
    noise = estimate_noise_power(power, n_frames=10)
    assert torch.allclose(noise, power.mean(dim=-1, keepdim=True)), "is the sum divided by the frames there are?"


@pytest.mark.task("1.6", points=1)
def test_subtraction_with_a_floor():
    """Power minus noise power, but never less than the floor's share of the noisy power."""
    subtracted = spectral_subtraction(torch.tensor([10.0, 4.0, 1.0]), torch.tensor([3.0, 3.9999, 3.0]), floor=0.1)
    assert torch.allclose(subtracted, torch.tensor([7.0, 0.4, 0.1]), rtol=1e-4), (
        f"got {subtracted.tolist()}, expected [7, 0.4, 0.1]: is the floor a share of the noisy power, not of the noise?"
    )


@pytest.mark.task("1.6", points=1)
def test_subtracting_an_estimate_over_frames(generator):
    """The noise estimate (..., freq, 1) is subtracted from every frame, and nothing becomes negative."""
    noisy = torch.rand(2, 1, 257, 30, generator=generator)
    speech = spectral_subtraction(noisy, noisy[..., :10].mean(dim=-1, keepdim=True))
    assert speech.shape == noisy.shape
    assert (speech >= 0.0099 * noisy).all(), "some power lies below the floor"
