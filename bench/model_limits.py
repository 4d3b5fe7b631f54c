"""Limits of the default model beside DeepFilterNet 3: strong noise, far speech, two talkers, and music.

    python -m bench.model_limits DATA

DATA holds `speech/val`, `noise/val` and the recordings `noise/train/music*`. Each case has 20 clips of at most 5 s.

- Far speech has a room's tail: noise that decays by 60 dB in 0.8 s and holds four times the energy of the direct sound,
  as at twice the distance at which both are equal. The default model has to keep the tail; DeepFilterNet 3 shortens
  tails, so that far speech is compared with the dry speech, too.
- Two talkers are equally loud, and the target is both.
- Music is alone. Training hears the recorded pieces as noise, but not the chords, which are plucked or bowed.
"""

import argparse
import itertools
import math
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from scipy.signal import fftconvolve
from torch import Generator, Tensor

from bench.quality import COLUMNS, DEEPFILTERNET, DEFAULT, Result, measure
from bench.silence import at_level, installed, levels_left, whole_stretches
from bench.validation_pairs import crop, in_turn, stretch, voices_in
from speech_enhancement.audio import SAMPLE_RATE, find, load
from speech_enhancement.augmentation import mix_at_snr, white_noise
from speech_enhancement.evaluation.scoring import METRICS, scoring_pool
from speech_enhancement.evaluation.tables import Table
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble

N_CLIPS = 20
LEVEL_DECIBELS = -26.0
DECAY_SECONDS = 0.8


def main(data: Path) -> None:
    """Print a table of the cases with speech, and one of music."""
    with scoring_pool(None) as pool:
        rows = [
            [case, method.title, *cells(measure(method, pairs, pool))]
            for case, pairs in cases(data).items()
            for method in installed(("noisy", DEFAULT, DEEPFILTERNET))
        ]
    header = ["case", "method", *(METRICS[name].title for name in COLUMNS), "taken away (%)"]
    print(Table(header, rows, n_text_columns=2).markdown())
    recorded = [whole_stretches(path)[0] for path in find(data / "noise" / "train") if path.stem.startswith("music")]
    music = {"recorded": recorded, "plucked": chords(is_plucked=True), "bowed": chords(is_plucked=False)}
    kinds = {kind: [at_level(piece, LEVEL_DECIBELS) for piece in pieces] for kind, pieces in music.items()}
    rows = []
    for method in installed((DEFAULT, DEEPFILTERNET)):
        rows.append([method.title, *(f"{statistics.fmean(levels_left(method, each)):.1f}" for each in kinds.values())])
    print(Table(["level left of music (dB)", *kinds], rows).markdown())


def cells(result: Result) -> list[str]:
    """Format the means of a result, without the SI-SDR of an input that is the target."""
    means = {name: statistics.fmean(score.values[name] for score in result.scores) for name in COLUMNS}
    formatted = (f"{mean:.{METRICS[name].digits}f}" if mean < 100 else "-" for name, mean in means.items())
    return [*formatted, f"{100 * statistics.fmean(result.taken_away):.1f}"]


def cases(data: Path) -> dict[str, Mapping[str, tuple[Tensor, Tensor]]]:
    """Make noisy and clean waveforms of each case, by name."""
    generator = torch.Generator().manual_seed(0)
    paths = in_turn([voices_in(data / "speech" / "val")])
    speech = [crop(remove_rumble(load(path)[0]), generator) for _, path in itertools.islice(paths, N_CLIPS)]
    noises = itertools.cycle([load(path)[0] for path in find(data / "noise" / "val")])
    added = [stretch(noise, len(clean), generator) for clean, noise in zip(speech, noises, strict=False)]
    far = [in_a_room(clean, generator) for clean in speech]
    neighbours = zip(speech, speech[1:] + speech[:1], strict=True)
    both = [mix_at_snr(one, stretch(other, len(one), generator), 0) for one, other in neighbours]

    def mixed(targets: list[Tensor], ratio: float) -> Iterator[tuple[Tensor, Tensor]]:
        return ((mix_at_snr(*pair, ratio), pair[0]) for pair in zip(targets, added, strict=True))

    made = {
        "noise at 10 dB": mixed(speech, 10),
        "noise at -5 dB": mixed(speech, -5),
        "far speech": ((each, each) for each in far),
        "far speech, beside the dry": zip(far, speech, strict=True),
        "far speech, noise at 10 dB": mixed(far, 10),
        "two talkers": ((each, each) for each in both),
    }
    return {case: {str(i): leveled(*pair) for i, pair in enumerate(pairs)} for case, pairs in made.items()}


def leveled(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Scale both waveforms `(time,)` by the gain that takes the noisy one to the level of all cases."""
    gain = 10 ** (LEVEL_DECIBELS / 20) / noisy.square().mean().sqrt()
    return gain * noisy, gain * clean


def in_a_room(speech: Tensor, generator: Generator) -> Tensor:
    """Add the tail of a room to speech `(time,)`."""
    n_samples = int(DECAY_SECONDS * SAMPLE_RATE)
    tail = white_noise(n_samples, generator=generator) * 10 ** (-3 * torch.arange(n_samples) / n_samples)
    response = torch.cat([torch.ones(1), 2 * tail / tail.norm()])
    return torch.from_numpy(fftconvolve(speech, response)[: len(speech)]).float()


def chords(is_plucked: bool) -> list[Tensor]:
    """Make pieces of ten random chords of three notes between 110 and 440 Hz, with eight harmonics each."""
    generator = torch.Generator().manual_seed(0)
    seconds = torch.linspace(0, 0.8, int(0.8 * SAMPLE_RATE))
    envelope = torch.exp(-5 * seconds) if is_plucked else (seconds * 20).clamp(max=1)
    pieces = []
    for _ in range(N_CLIPS // 2):
        pitches = 110 * 2 ** (torch.randint(25, (10, 3, 1), generator=generator) / 12)
        tones = sum((2 * math.pi * i * pitches * seconds).sin() / i for i in range(1, 9))
        pieces.append((tones.sum(dim=1) * envelope).reshape(-1))
    return pieces


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds speech/val, noise/val and noise/train")
    main(**vars(parser.parse_args()))
