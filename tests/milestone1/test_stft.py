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
    assert spectrogram.shape == (1, 1, 257, 194), (
        f"got {tuple(spectrogram.shape)}: 190 frames would be frames that are not centred, 194 before 257 exchanged"
        " dimensions, and fewer than four numbers batch and channels that are not kept"
    )


@pytest.mark.task("1.1", points=1)
def test_tone_lies_in_its_bin(tone):
    """A tone of 1 kHz has its power in bin 1000 / 16000 * 512 = 32."""
    power = stft(tone).abs().square()[:, 4:-4].mean(dim=1)
    assert power.argmax() == 32, f"the strongest bin is {int(power.argmax())}: the frequency axis is the last but one"


@pytest.mark.task("1.1", points=1)
def test_window_keeps_a_tone_together():
    """A tone that lies between two bins stays within two bins on either side."""
    tone = torch.sin(2 * torch.pi * 32.5 / 512 * torch.arange(16000))
    power = stft(tone).abs().square()[:, 4:-4].mean(dim=1)
    share = power[31:35].sum() / power.sum()
    assert share > 0.99, f"only {share:.1%} of the power lies in four bins, as if no Hann window were applied"


@pytest.mark.task("1.1", points=1)
def test_agrees_with_torchaudio(waveform):
    """The spectrogram is that of torchaudio's transform with the same window."""
    expected = Spectrogram(n_fft=512, hop_length=128, power=None)(waveform)
    got = stft(waveform)
    assert got.shape == expected.shape, f"got the shape {tuple(got.shape)}, torchaudio's is {tuple(expected.shape)}"
    ratio = float(got.abs().mean() / expected.abs().mean())
    assert torch.allclose(got, expected, atol=1e-3), (
        f"magnitudes are {ratio:.4f} times the expected ones: 0.9990 would be a symmetric window, far less a normalised"
        " transform, 1 the sign of the phase flipped, and any other number near 1 ends that are not reflected"
    )


@pytest.mark.task("1.1", points=1)
def test_too_short_raises():
    """A signal too short to be reflected raises a ValueError; one sample more is enough."""
    shape = tuple(stft(torch.zeros(1, 257)).shape)
    assert shape == (1, 257, 3), f"257 samples are enough, and give (1, 257, 3), got {shape}"
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
    assert error < 1e-5, f"off by up to {error:.2g}, as if not divided by the sum of the squared windows"


@pytest.mark.task("1.2", points=1)
def test_length_keeps_the_last_partial_hop(waveform):
    """With length given, the samples after the last whole hop come back too."""
    cut = waveform[..., :24700]
    restored = istft(stft(cut), length=24700)
    assert restored.shape == cut.shape, (
        f"got {tuple(restored.shape)}, expected {tuple(cut.shape)}, as if length were not used"
    )
    error = float((restored - cut)[..., -100:].abs().max())
    assert error < 1e-5, f"the last 100 samples are off by up to {error:.2g}, as if the end were filled with zeros"
    error = float((restored - cut).abs().max())
    assert error < 1e-5, f"off by up to {error:.2g} before them, as if length changed more than the end"


@pytest.mark.task("1.2", points=1)
def test_is_least_squares(generator):
    """For a spectrogram that no signal has, the result agrees with torch.istft."""
    spectrogram = torch.randn(2, 257, 20, generator=generator, dtype=torch.complex64)
    expected = torch.istft(spectrogram, 512, 128, window=torch.hann_window(512))
    got = istft(spectrogram)
    assert got.shape == expected.shape, f"got {tuple(got.shape)}, expected hop_length * (frames - 1) samples"
    error = float((got - expected).abs().max() / expected.abs().max())
    assert error < 1e-4, (
        f"off by {error:.2g} of the maximum, as if the frames were not windowed once more before they are added, or the"
        " sum not divided by that of the squared windows"
    )


### BEGIN HIDDEN TESTS
def deviation(got, expected):
    """Largest difference as a share of the largest expected value."""
    return float((got - expected).abs().max() / expected.abs().max())


def by_torch(waveform, n_fft, hop_length):
    """The spectrogram of a signal (time,), in double precision."""
    window = torch.hann_window(n_fft, dtype=torch.double)
    return torch.stft(waveform.double(), n_fft, hop_length, window=window, return_complex=True)


@pytest.mark.parametrize(("n_fft", "hop_length", "time"), [(400, 160, 3010), (255, 100, 2570), (1024, 300, 5000)])
@pytest.mark.task(
    "1.1",
    points=1,
    category="sizes",
    hint="Do n_fft and hop_length set the transform, the window's length and the hop, odd n_fft included, with none"
    " of 512, 128, 256 or 257 left as a number in the code? Is there one frame for each hop, and one more?",
)
def test_stft_of_other_sizes(n_fft, hop_length, time, generator):
    """Other n_fft and hop lengths give the spectrogram of that window and hop."""
    signal = torch.randn(time, generator=generator)
    got = stft(signal, n_fft=n_fft, hop_length=hop_length)
    assert got.shape == (n_fft // 2 + 1, 1 + time // hop_length)
    assert deviation(got, by_torch(signal, n_fft, hop_length)) < 1e-4


@pytest.mark.task(
    "1.1",
    points=1,
    category="sizes",
    hint="Is every signal transformed by itself, whatever leading dimensions there are (none, one, or four), and do"
    " all of them come back, those of size 1 too?",
)
def test_stft_keeps_leading_dimensions(generator):
    """Any leading dimensions are kept, and each signal is transformed by itself."""
    signals = torch.randn(2, 3, 1, 700, generator=generator)
    got = stft(signals)
    assert got.shape == (2, 3, 1, 257, 6)
    for i in range(2):
        for j in range(3):
            assert deviation(got[i, j, 0], by_torch(signals[i, j, 0], 512, 128)) < 1e-4
    assert stft(signals[0, 0, 0]).shape == (257, 6)
    assert stft(signals[0, 0]).shape == (1, 257, 6)
    assert stft(signals[:1, :1, :, None]).shape == (1, 1, 1, 1, 257, 6)


@pytest.mark.task(
    "1.1",
    points=1,
    category="edge cases",
    hint="Does a signal of at most n_fft // 2 samples raise a ValueError for every n_fft, and is one sample more"
    " enough?",
)
def test_shortest_signal_depends_on_n_fft():
    """The shortest signal is n_fft // 2 + 1 samples long, for every n_fft."""
    assert stft(torch.zeros(2, 1, 33), n_fft=64, hop_length=16).shape == (2, 1, 33, 3)
    assert stft(torch.zeros(513), n_fft=1024, hop_length=256).shape == (513, 3)
    for time, n_fft in ((32, 64), (512, 1024), (1, 512)):
        with pytest.raises(ValueError, match=r".*"):
            stft(torch.zeros(2, 1, time), n_fft=n_fft, hop_length=n_fft // 4)


@pytest.mark.task(
    "1.1",
    points=1,
    category="common mistakes",
    hint="Do gradients flow through stft to the waveform, as a loss on spectrograms needs: no NumPy, detach or"
    " no_grad?",
)
def test_stft_has_a_gradient(generator):
    """Gradients flow through the transform."""
    signal = torch.randn(2, 1, 1000, generator=generator).requires_grad_()
    energy = stft(signal).abs().square().sum()
    (gradient,) = torch.autograd.grad(energy, signal)
    # Euler's theorem for a quadratic function.
    assert float((gradient * signal.detach()).sum()) == pytest.approx(2 * float(energy.detach()), rel=1e-3)


@pytest.mark.parametrize(("n_fft", "hop_length", "time"), [(400, 100, 2950), (256, 120, 2111), (512, 128, 300)])
@pytest.mark.task(
    "1.2",
    points=1,
    category="sizes",
    hint="Does istft undo stft for other n_fft and hop lengths and for short signals, also where the squared windows"
    " do not add up to a constant, with none of 512 or 128 left as a number in the code?",
)
def test_undoes_stft_of_other_sizes(n_fft, hop_length, time, generator):
    """The inverse undoes the transform for other n_fft and hop lengths."""
    signal = torch.randn(2, 1, time, generator=generator)
    window = torch.hann_window(n_fft)
    spectrogram = torch.stft(signal[:, 0], n_fft, hop_length, window=window, return_complex=True)[:, None]
    restored = istft(spectrogram, length=time, n_fft=n_fft, hop_length=hop_length)
    assert restored.shape == signal.shape
    assert (restored - signal).abs().max() < 1e-5
    whole = tuple(istft(spectrogram, n_fft=n_fft, hop_length=hop_length).shape)
    expected = (2, 1, time // hop_length * hop_length)
    assert whole == expected, f"without length, got {whole}, expected {expected}: is hop_length used?"


@pytest.mark.task(
    "1.2",
    points=1,
    category="sizes",
    hint="Are any leading dimensions allowed and kept (none, or three), and does a length below the whole give the"
    " beginning of the signal?",
)
def test_istft_keeps_leading_dimensions(generator):
    """Any leading dimensions are kept, and a shorter length gives the beginning."""
    spectrogram = torch.randn(2, 1, 3, 201, 12, generator=generator, dtype=torch.complex64)
    window = torch.hann_window(400, dtype=torch.double)
    expected = torch.istft(spectrogram.reshape(6, 201, 12).to(torch.complex128), 400, 100, window=window)
    expected = expected.reshape(2, 1, 3, 1100)
    got = istft(spectrogram, n_fft=400, hop_length=100)
    assert got.shape == (2, 1, 3, 1100)
    assert deviation(got, expected) < 1e-4
    single = istft(spectrogram[1, 0, 2], 700, 400, 100)
    assert single.shape == (700,)
    assert deviation(single, expected[1, 0, 2, :700]) < 1e-4


@pytest.mark.task(
    "1.2",
    points=1,
    category="common mistakes",
    hint="Do gradients flow through istft to the spectrogram, as a model that is trained on waveforms needs: no"
    " NumPy, detach or no_grad?",
)
def test_istft_has_a_gradient(generator):
    """Gradients flow through the inverse."""
    spectrogram = torch.randn(1, 257, 9, generator=generator, dtype=torch.complex64)
    scale = torch.ones(1, 257, 1, requires_grad=True)
    energy = istft(spectrogram * scale).square().sum()
    (gradient,) = torch.autograd.grad(energy, scale)
    assert float(gradient.sum()) == pytest.approx(2 * float(energy.detach()), rel=1e-3)


### END HIDDEN TESTS
