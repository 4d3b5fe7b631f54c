"""The public recordings of milestone 3: OUT/noisy and OUT/clean, made of synthetic voices and generated noises.

    python -m bench.public_recordings milestones/milestone3/recordings

Eight voices of eSpeak NG, none of which is in the voices corpus, each say one sentence of its grammar. Each sentence is
mixed with another kind of noise at another ratio. The order is random, and the names are numbers, so that a name says
nothing about what is heard.
"""

import argparse
import random
from pathlib import Path

import torch
from torch import Generator, Tensor

from speech_enhancement.audio import SAMPLE_RATE, save
from speech_enhancement.augmentation import babble_noise, mix_at_snr
from speech_enhancement.corpora import noises
from speech_enhancement.corpora.espeak import Synthesizer
from speech_enhancement.corpora.sentences import sentence

VOICES = ("anika", "antonio", "belinda", "benjamin", "edward", "miguel", "quincy", "shelby")
ACCENTS = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp")
KINDS = ("white", "hum", "wind", "rain", "machine", "typing", "siren", "babble")
SNR_DECIBELS = (0.0, 15.0)
LENGTH = 4 * SAMPLE_RATE
LEAD = SAMPLE_RATE // 4
SHORTEST = 5 * SAMPLE_RATE // 2
N_TALKERS = 4
SEED = 3


def main(out: Path) -> None:
    """Write the pairs as FLAC files."""
    numbers = random.Random(SEED)
    generator = torch.Generator().manual_seed(SEED)
    synthesizer = Synthesizer()
    clean = [spoken(synthesizer, voice, numbers) for voice in VOICES]
    ratios = torch.linspace(*SNR_DECIBELS, len(VOICES)).tolist()
    orders = [torch.randperm(len(VOICES), generator=generator).tolist() for _ in range(3)]
    for number, (voice, kind, ratio) in enumerate(zip(*orders, strict=True), start=1):
        others = [waveform[0] for index, waveform in enumerate(clean) if index != voice]
        noise = noise_of(KINDS[kind], others, generator)
        noisy = mix_at_snr(clean[voice], noise[None], ratios[ratio])
        # Half of full scale leaves room for methods that make single samples larger.
        gain = 0.5 / torch.maximum(noisy.abs().max(), clean[voice].abs().max())
        for folder, waveform in (("noisy", noisy), ("clean", clean[voice])):
            (out / folder).mkdir(parents=True, exist_ok=True)
            save(out / folder / f"{number:02}.flac", gain * waveform)


def spoken(synthesizer: Synthesizer, voice: str, numbers: random.Random) -> Tensor:
    """Speak a whole sentence in silence: `(1, LENGTH)`, `LEAD` samples of it before the first word."""
    accent, pitch, rate = numbers.choice(ACCENTS), numbers.randint(35, 65), numbers.randint(150, 185)
    while True:
        waveform = synthesizer.speak(sentence(numbers), f"{accent}+{voice}", rate, pitch, numbers.randint(30, 70))
        if SHORTEST <= waveform.shape[-1] <= LENGTH - LEAD:
            return torch.nn.functional.pad(waveform, (LEAD, LENGTH - LEAD - waveform.shape[-1]))


def noise_of(kind: str, talkers: list[Tensor], generator: Generator) -> Tensor:
    """Generate noise of a kind, `(LENGTH,)`; that of babble is made of the talkers."""
    if kind == "babble":
        return babble_noise(talkers, LENGTH, N_TALKERS, generator)
    return noises.KINDS[kind](LENGTH, generator)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write; files of the same names are replaced")
    main(parser.parse_args().out)
