"""A small prepared corpus, and commands run as a user runs them."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
import torch

from speech_enhancement.__main__ import main
from speech_enhancement.configuration import Train
from speech_enhancement.corpora import folder, prepared
from speech_enhancement.engine import trainer
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.trainer import train

RATE = 16000


@pytest.fixture(autouse=True, scope="session")
def _interruptible():
    """Let processes be interrupted: in the background a suite ignores SIGINT, and all that it starts would do so."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(5)


def voice_like(seconds, pitch, generator, rate=RATE):
    """Make harmonics of a wavering pitch that come and go like syllables: float tensor (time,)."""
    time = torch.arange(int(seconds * rate)) / rate
    phase = 2 * torch.pi * (pitch * time + 2 * torch.sin(2 * torch.pi * 0.7 * time))
    harmonics = sum(torch.sin(n * phase) / n for n in range(1, 15))
    syllables = torch.sin(2 * torch.pi * 2.5 * time + 6 * torch.rand((), generator=generator)).clamp_min(0)
    return 0.1 * harmonics * syllables


@pytest.fixture
def a_second_an_epoch(monkeypatch):
    """Give the trainer a clock by which each epoch takes a second, on any machine."""
    seconds = itertools.count()
    monkeypatch.setattr(trainer, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))


@pytest.fixture(scope="session")
def raw_folders(tmp_path_factory):
    """Folders of speech and noise with a train and a val folder each."""
    root = tmp_path_factory.mktemp("raw")
    generator = torch.Generator().manual_seed(6)
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        for number in range(count):
            speaker = root / "speech" / split / f"{split}{number}"
            speaker.mkdir(parents=True)
            soundfile.write(speaker / f"{number}.wav", voice_like(1.5, 100 + 20 * number, generator).numpy(), RATE)
        noise = root / "noise" / split
        noise.mkdir(parents=True)
        for number in range(2):
            soundfile.write(noise / f"{split}{number}.flac", 0.1 * torch.randn(RATE, generator=generator).numpy(), RATE)
    return root


@pytest.fixture(scope="session")
def corpus(raw_folders, tmp_path_factory):
    """The raw folders, prepared."""
    out = tmp_path_factory.mktemp("corpora") / "small"
    speech = folder.sources(raw_folders / "speech", "speech")
    noise = folder.sources(raw_folders / "noise", "noise")
    assert not prepared.prepare(out, [*speech, *noise])
    return out


SMALL = ("--channels", "8", "8", "--segment-seconds", "0.5", "--crops-per-file", "2", "--batch-size", "4")
SMALL += ("--device", "cpu", "--precision", "float32", "--learning-rate", "0.01")


def command(*arguments):
    """Make the words of a command line that runs a command of the package in a separate process."""
    return [sys.executable, "-m", "speech_enhancement", *map(str, arguments)]


@pytest.fixture
def run(monkeypatch, capfd):
    """Function that runs a command of the package in this process, where torch is loaded: returns status and output."""

    def run_to_the_end(*arguments):
        monkeypatch.setattr(sys, "argv", ["speech_enhancement", *map(str, arguments)])
        capfd.readouterr()
        try:
            status = main()
        except SystemExit as stopped:  # from tyro, for options that it cannot read
            status = stopped.code
        output = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, output.out, output.err)

    return run_to_the_end


@pytest.fixture(scope="session")
def checkpoint(corpus, tmp_path_factory):
    """A model trained for one epoch."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    options = {"channels": (8, 8), "segment_seconds": 0.5, "crops_per_file": 2, "batch_size": 4, "device": "cpu"}
    train(Train(corpus, out, epochs=1, learning_rate=0.01, **options), Process(0, 1, torch.device("cpu")))
    return out / "best.ckpt"


def tree(root):
    """List the paths below a folder, relative to it."""
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file())
