"""Files that the tests of milestone 2 share."""

import pytest
import soundfile
import torch

SAMPLE_RATE = 16000


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(2)


@pytest.fixture(autouse=True)
def drawn():
    """Generator of numbers that differ from grading to grading; the weights of new networks do not."""
    generator = torch.Generator().manual_seed(torch.initial_seed())
    torch.manual_seed(0)
    return generator


@pytest.fixture
def written():
    """The contents of the test's WAV files when they were written, float32, by path."""
    return {}


@pytest.fixture
def write(tmp_path, written):
    """Function that writes a signal `(time,)` or `(time, channels)` to a WAV file by name, and returns its path."""

    def write_wav(name, signal, sample_rate=SAMPLE_RATE):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, signal.numpy(), sample_rate, subtype="PCM_16")
        written[path] = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        return path

    return write_wav


@pytest.fixture
def read(written):
    """Function that returns the contents of a WAV file when it was written, which no tested code can have changed."""
    return lambda path: written[path].clone()


@pytest.fixture
def speech_files(write, generator):
    """Three files of 1, 2 and 3 s, each of noise in one of three ranges of level."""
    return [write(f"speech{n}", 0.02 * n * torch.randn(n * SAMPLE_RATE, generator=generator)) for n in (1, 2, 3)]


@pytest.fixture
def noise_files(write, generator):
    """Two files of noise: one of a tenth of a second, one long."""
    return [write(f"noise{n}", 0.1 * torch.randn(n, generator=generator)) for n in (1600, 4 * SAMPLE_RATE)]
