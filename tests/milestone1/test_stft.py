"""Tasks 1.1 and 1.2: waveform to complex spectrogram and back."""

import pytest
import torch
from torchaudio.transforms import Spectrogram

from speech_enhancement.stft import istft, stft


@pytest.mark.task("1.1", points=1)
def test_shape(waveform):
    """A waveform (1, 1, 24800) becomes a complex spectrogram (1, 1, 257, 194)."""
    spectrogram = stft(waveform)
    assert spectrogram.is_complex(), f"expected complex numbers, got {spectrogram.dtype}: was the phase thrown away?"
    assert spectrogram.shape == (1, 1, 257, 194), f"got {tuple(spectrogram.shape)}: are the frames centred?"


@pytest.mark.task("1.1", points=1)
def test_tone_lies_in_its_bin(tone):
    """A tone of 1 kHz has its power in bin 1000 / 16000 * 512 = 32."""
    power = stft(tone).abs().square()[:, 4:-4].mean(dim=1)
    assert power.argmax() == 32, f"the strongest bin is {int(power.argmax())}: is the frequency axis the last but one?"


@pytest.mark.task("1.1", points=1)
def test_window_keeps_a_tone_together():
    """A tone that lies between two bins stays within two bins on either side."""
    tone = torch.sin(2 * torch.pi * 32.5 / 512 * torch.arange(16000))
    power = stft(tone).abs().square()[:, 4:-4].mean(dim=1)
    share = power[31:35].sum() / power.sum()
    assert share > 0.99, f"only {share:.1%} of the power lie in four bins: is the Hann window applied?"


@pytest.mark.task("1.1", points=1)
def test_agrees_with_torchaudio(waveform):
    """The spectrogram is that of torchaudio's transform with the same window."""
    expected = Spectrogram(n_fft=512, hop_length=128, power=None)(waveform)
    got = stft(waveform)
    ratio = float(got.abs().mean() / expected.abs().mean())
    assert torch.allclose(got, expected, atol=1e-3), (
        f"magnitudes are {ratio:.3f} times the expected ones: is it normalised, the window symmetric, the edge not"
        " reflected, or the sign of the phase turned?"
    )


@pytest.mark.task("1.1", points=1)
def test_too_short_raises():
    """A signal too short to be reflected raises a ValueError; one sample more is enough."""
    assert stft(torch.zeros(1, 257)).shape == (1, 257, 3)
    with pytest.raises(ValueError, match=r".*"):
        stft(torch.zeros(1, 256))


@pytest.mark.task("1.2", points=1)
def test_undoes_stft(waveform):
    """istft(stft(x)) is x, whole hops of it."""
    restored = istft(stft(waveform))
    assert restored.shape == (1, 1, 128 * 193), (
        f"got {tuple(restored.shape)}, expected hop_length * (frames - 1) samples"
    )
    error = float((restored - waveform[..., : restored.shape[-1]]).abs().max())
    assert error < 1e-5, f"off by up to {error:.2g}: is the sum of the squared windows divided by?"


@pytest.mark.task("1.2", points=1)
def test_length_keeps_the_last_partial_hop(waveform):
    """With length given, the samples after the last whole hop come back too."""
    cut = waveform[..., :24700]
    restored = istft(stft(cut), length=24700)
    assert restored.shape == cut.shape
    error = float((restored - cut)[..., -100:].abs().max())
    assert error < 1e-5, f"the last 100 samples are off by up to {error:.2g}: was the end filled with zeros?"


@pytest.mark.task("1.2", points=1)
def test_is_least_squares(generator):
    """For a spectrogram that no signal has, the result agrees with torch.istft."""
    spectrogram = torch.randn(2, 257, 20, generator=generator, dtype=torch.complex64)
    expected = torch.istft(spectrogram, 512, 128, window=torch.hann_window(512))
    error = float((istft(spectrogram) - expected).abs().max() / expected.abs().max())
    assert error < 1e-4, f"off by {error:.2g} of the maximum: are the frames windowed once more before they are added?"
