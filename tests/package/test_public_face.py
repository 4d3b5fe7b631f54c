"""`speech_enhancement.enhance` and `load_model`, for users: quick to import, and true to their example."""

import doctest
import functools
import subprocess
import sys

import numpy as np
import pytest
import torch

import speech_enhancement
from speech_enhancement import enhancement
from speech_enhancement.enhancement import Enhancer
from tests.package.conftest import voice_like


def test_the_docstrings_example():
    """The example in the docstring of `enhance` is executed."""
    (example,) = doctest.DocTestFinder(recurse=False).find(enhancement.enhance, "enhance")
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.fixture
def noisy(generator):
    return voice_like(1.2, 120, generator, 44100) + 0.02 * torch.randn(52920, generator=generator)


def test_arrays_and_tensors_come_back_as_they_were(noisy):
    expected = Enhancer(speech_enhancement.load_model()).enhance(noisy, 44100)
    stereo = torch.stack([noisy, noisy])
    enhanced = speech_enhancement.enhance(stereo, 44100)
    assert type(enhanced) is torch.Tensor and enhanced.shape == stereo.shape and enhanced.dtype == torch.float32
    torch.testing.assert_close(enhanced[0], expected, rtol=0, atol=1e-6)
    for dtype in (np.float32, np.float64):
        array = speech_enhancement.enhance(noisy.numpy().astype(dtype), 44100)
        assert type(array) is np.ndarray and array.shape == noisy.shape and array.dtype == dtype
        np.testing.assert_allclose(array, expected.numpy(), rtol=0, atol=1e-6)
    assert speech_enhancement.enhance(noisy.double(), 44100).dtype == torch.float64


def test_input_is_not_changed(noisy):
    before = noisy.clone()
    speech_enhancement.enhance(noisy, 44100)
    assert torch.equal(noisy, before)


@pytest.mark.slow
def test_long_recordings_are_enhanced_in_chunks(noisy, monkeypatch, checkpoint):
    model = speech_enhancement.load_model(checkpoint)
    whole = speech_enhancement.enhance(noisy.repeat(8), 44100, model)
    chunks = []
    enhance = Enhancer._enhance_piece
    monkeypatch.setattr(Enhancer, "_enhance_piece", lambda *given: chunks.append(enhance(*given)) or chunks[-1])
    monkeypatch.setattr(enhancement, "Enhancer", functools.partial(Enhancer, chunk_seconds=2))
    joined = speech_enhancement.enhance(noisy.repeat(8), 44100, model)
    assert joined.shape == whole.shape and len(chunks) > 3
    # A hundred times the rounding that was measured for files.
    assert (joined - whole).abs().max() < 3e-5


def test_another_model(noisy, checkpoint):
    model = speech_enhancement.load_model(checkpoint)
    other = speech_enhancement.enhance(noisy, 44100, model)
    assert torch.equal(other, Enhancer(model).enhance(noisy, 44100))
    assert not torch.equal(other, speech_enhancement.enhance(noisy, 44100))


@pytest.mark.parametrize(
    ("noisy", "message"),
    [
        (np.zeros((2, 3, 4)), r"noisy: expected samples \(time,\) or \(channels, time\), got the shape \(2, 3, 4\)"),
        (np.zeros(0), r"noisy: .*, got the shape \(0,\)"),
        (np.zeros(100, dtype=np.int16), "noisy: expected floating-point samples with full scale at 1, got torch.int16"),
        (np.full(100, np.nan), "noisy: expected finite samples, got NaN or infinity"),
    ],
)
def test_wrong_inputs_are_named(noisy, message):
    with pytest.raises(ValueError, match=message):
        speech_enhancement.enhance(noisy, 16000)


def test_importing_the_package_loads_no_torch():
    code = "import sys, speech_enhancement; dir(speech_enhancement); raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.slow
def test_enhancing_imports_nothing_large_that_it_does_not_need():
    """Each of these takes 20 MiB or more."""
    code = (
        "import sys, numpy, speech_enhancement; speech_enhancement.enhance(numpy.zeros(48000), 48000); "
        "print({'scipy.signal', 'scipy.fft', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=120, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_names():
    assert {"enhance", "load_model"} <= set(dir(speech_enhancement))
    with pytest.raises(AttributeError, match="module 'speech_enhancement' has no attribute 'enhanced'"):
        speech_enhancement.enhanced  # noqa: B018
