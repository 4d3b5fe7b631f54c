"""The test split as pairs of clean and noisy files, mixed once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, load, save
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.corpora.free_names import FreeNames
from speech_enhancement.corpora.manifest import Entry
from speech_enhancement.files.failures import Failures

PAIR_SNRS_DB = (2.5, 7.5, 12.5, 17.5)


def mix_pairs(root: Path, entries: Sequence[Entry], seed: int) -> Iterator[Entry]:
    """Mix each file of test speech with test noise, at the signal-to-noise ratios of VoiceBank-DEMAND's test set."""
    speech, noises = (
        [entry for entry in entries if entry.kind == kind and entry.split == "test"] for kind in ("speech", "noise")
    )
    if not speech or not noises:
        return
    generator = torch.Generator().manual_seed(seed)
    for number, entry in enumerate(speech):
        clean = load(root / entry.file)
        noise = load(root / noises[number % len(noises)].file)
        noisy = mix_at_snr(clean, _repeat_from(noise, clean.shape[-1], generator), PAIR_SNRS_DB[number % 4])
        scale = 1 / max(1.0, float(noisy.abs().max()))
        yield from _save_pair(root, Path(entry.file).name, clean * scale, noisy * scale, entry.speaker)


def _repeat_from(noise: Tensor, length: int, generator: torch.Generator) -> Tensor:
    start = int(torch.randint(noise.shape[-1], (), generator=generator))
    return noise.roll(-start, dims=-1).repeat(1, -(-length // noise.shape[-1]))[:, :length]


def copy_pairs(root: Path, pairs: Sequence[tuple[str, str]], failures: Failures) -> Iterator[Entry]:
    free = FreeNames()
    for clean_path, noisy_path in tqdm(pairs, desc="test pairs", unit="pair"):
        with failures.noting(noisy_path):
            clean, noisy = (load(path).mean(dim=0, keepdim=True) for path in (clean_path, noisy_path))
            name = f"{free.take(Path(clean_path).stem)}.wav"
            yield from _save_pair(root, name, clean, noisy, Path(clean_path).name.split("_")[0])


def _save_pair(root: Path, name: str, clean: Tensor, noisy: Tensor, speaker: str) -> Iterator[Entry]:
    for kind, waveform in (("clean", clean), ("noisy", noisy)):
        path = root / "pairs" / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, waveform)
        seconds = round(waveform.shape[-1] / SAMPLE_RATE, 3)
        yield Entry(f"pairs/{kind}/{name}", kind, "test", speaker, seconds, name)
