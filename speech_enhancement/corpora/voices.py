"""The voices corpus: synthetic speech and generated noise, made in seconds, with nothing to download."""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, save
from speech_enhancement.augmentation import babble_noise
from speech_enhancement.corpora import noises
from speech_enhancement.corpora.espeak import Synthesizer
from speech_enhancement.corpora.manifest import Entry, write_manifest
from speech_enhancement.corpora.pairs import mix_pairs
from speech_enhancement.corpora.prepared import check_is_free
from speech_enhancement.corpora.sentences import sentence
from speech_enhancement.corpora.splits import assign_splits
from speech_enhancement.files.atomic import new_folder
from speech_enhancement.files.failures import Failures

ACCENTS = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan")
SPEAKERS = (
    *("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Alicia", "Andrea", "Annie"),
    *("Alex", "Andy", "Denis", "Diogo", "Gene", "Hugo", "Jacky", "Lee"),
)
BABBLE_SPEAKERS = ("Marco", "Mario", "Michael", "Nguyen", "linda", "steph")
NOISE_SECONDS = 20


def prepare(out: Path, hours: float, seed: int) -> Failures:
    """Speak sentences with 24 voices, generate noises (babble with 6 more), and write the corpus to `out`.

    Args:
        out: folder to make; it must not hold anything yet.
        hours: total length of the speech.
        seed: determines sentences, voices and noises.

    Returns:
        No failures, since this corpus reads no files that could be bad.
    """
    check_is_free(out)
    synthesizer = Synthesizer()
    with new_folder(out) as root:
        entries = list(_speech(root, synthesizer, hours, seed))
        entries += list(_noise(root, synthesizer, hours, seed))
        entries += list(mix_pairs(root, entries, seed))
        write_manifest(root, entries)
    return Failures()


def _speech(root: Path, synthesizer: Synthesizer, hours: float, seed: int) -> Iterator[Entry]:
    numbers = random.Random(seed)
    splits = assign_splits(SPEAKERS, seed)
    with tqdm(total=round(hours * 3600), desc="voices", unit="s") as bar:
        for speaker in SPEAKERS:
            spoken = 0.0
            for number, waveform in enumerate(_sentences(synthesizer, speaker, numbers), start=1):
                waveform = waveform * (numbers.uniform(0.05, 0.15) / waveform.square().mean().sqrt())
                entry = _write(root, "speech", splits[speaker], speaker, f"{speaker}_{number:04}", waveform)
                yield entry
                bar.update(round(entry.seconds))
                spoken += entry.seconds
                if spoken >= hours * 3600 / len(SPEAKERS):
                    break


def _noise(root: Path, synthesizer: Synthesizer, hours: float, seed: int) -> Iterator[Entry]:
    """Make several stretches of every kind: the same kinds in each split, but never the same stretch."""
    generator = torch.Generator().manual_seed(seed)
    numbers = random.Random(seed + 1)
    length = NOISE_SECONDS * SAMPLE_RATE
    talkers = [
        torch.cat(list(islice(_sentences(synthesizer, speaker, numbers), 12)), dim=1) for speaker in BABBLE_SPEAKERS
    ]
    for split, count in (("train", max(2, round(12 * hours))), ("validation", 1), ("test", 1)):
        for kind in tqdm((*noises.KINDS, "babble"), desc=f"noises to {split}", unit="kind"):
            for number in range(1, count + 1):
                if kind == "babble":
                    noise = babble_noise(talkers, length, 4, generator)
                else:
                    noise = noises.KINDS[kind](length, generator).unsqueeze(0)
                noise = 0.5 * noise / noise.abs().max()
                yield _write(root, "noise", split, "", f"{kind}_{split}_{number:02}", noise)


def _sentences(synthesizer: Synthesizer, speaker: str, numbers: random.Random) -> Iterator[Tensor]:
    """Speak sentences without end, in one speaker's accent, pitch and pace."""
    accent, pitch, rate = numbers.choice(ACCENTS), numbers.randint(30, 70), numbers.randint(140, 190)
    while True:
        yield synthesizer.speak(sentence(numbers), f"{accent}+{speaker}", rate, pitch, numbers.randint(30, 70))


def _write(root: Path, kind: str, split: str, speaker: str, stem: str, waveform: Tensor) -> Entry:
    file = f"{kind}/{split}/{stem}.wav"
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    save(root / file, waveform)
    return Entry(file, kind, split, speaker, round(waveform.shape[-1] / SAMPLE_RATE, 3), "voices")
