"""Recordings on which models are scored: a folder of pairs, or of speech and noise that are mixed with a seed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from milestones.course import CourseError
from milestones.model_check import read_pairs
from speech_enhancement.audio import SAMPLE_RATE, find, load
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.files.failures import Failures

SNR_DECIBELS = (0.0, 15.0)


@dataclass(frozen=True)
class Pair:
    """A recording.

    Attributes:
        name: unique among the recordings.
        noisy, clean: float32, `(time,)`, 16 kHz.
    """

    name: str
    noisy: NDArray
    clean: NDArray

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.noisy) / SAMPLE_RATE


def read(folder: Path, seed: int = 0) -> list[Pair]:
    """Read the recordings of a folder, in the order of their names.

    Args:
        folder: holds `noisy` and `clean`, with files of the same names, or `speech` and `noise`; then each file of
            speech is mixed with a stretch of a noise, at an SNR that is uniform in `SNR_DECIBELS`.
        seed: of the mixing.

    Raises:
        CourseError: it holds neither, or a file cannot be read, or speech or noise is silent.
    """
    if (folder / "noisy").is_dir() and (folder / "clean").is_dir():
        pairs = [Pair(name, *pair) for name, pair in sorted(read_pairs(folder).items())]
        for pair in pairs:
            _check_sounds(folder / "clean" / pair.name, pair.clean)
        return pairs
    if (folder / "speech").is_dir() and (folder / "noise").is_dir():
        return _mix(folder, seed)
    raise CourseError(f"{folder}: expected folders noisy and clean, or speech and noise, got neither")


def hash_of(pairs: Iterable[Pair]) -> str:
    """SHA-256 of the names and samples of recordings."""
    state = hashlib.sha256()
    for pair in pairs:
        for part in (pair.name.encode(), pair.noisy.tobytes(), pair.clean.tobytes()):
            state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()


def _mix(folder: Path, seed: int) -> list[Pair]:
    speech, noises = (_load(folder / kind) for kind in ("speech", "noise"))
    generator = np.random.default_rng(seed)
    pairs = []
    for name, clean in speech.items():
        noise = noises[sorted(noises)[generator.integers(len(noises))]]
        # A stretch from within a pause might be silent; a noise that is shorter goes on from its beginning.
        stretch = noise.take(np.arange(len(clean)) + generator.choice(np.flatnonzero(noise)), mode="wrap")
        noisy = mix_at_snr(*map(torch.from_numpy, (clean, stretch)), generator.uniform(*SNR_DECIBELS)).numpy()
        scale = np.float32(1 / max(1.0, np.abs(noisy).max()))
        pairs.append(Pair(name, scale * noisy, scale * clean))
    return pairs


def _load(folder: Path) -> dict[str, NDArray]:
    """Load the files of a folder by their paths below it, channels averaged.

    Raises:
        CourseError: there are none, or one cannot be read or is silent.
    """
    try:
        bar = tqdm(sorted(find(folder, Failures())), desc=folder.name, unit="file", leave=False)
        loaded = {path.relative_to(folder).as_posix(): load(path).mean(dim=0).numpy() for path in bar}
    except (OSError, ValueError) as error:
        raise CourseError(str(error)) from None
    for name, samples in loaded.items():
        _check_sounds(folder / name, samples)
    return loaded


def _check_sounds(path: Path, samples: NDArray) -> None:
    if not samples.any():
        raise CourseError(f"{path}: expected a recording with sound in it, got silence")
