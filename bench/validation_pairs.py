"""Noisy mixtures to choose models by: OUT/noisy and OUT/clean, from speech and noise that training does not hear.

    python -m bench.validation_pairs DATA OUT
    python -m bench.quality OUT/noisy OUT/clean

DATA holds `speech/val` and `noise/val`. Further folders, of other languages for instance, follow --speech and --noise.
The folders of speech take turns, in each folder the voices, and so do the noises and the babble of six other voices.
A file's voice is its name up to the second hyphen. Half of the pairs come from another microphone: noisy and clean
waveform pass the same random equalisation. Equal folders give equal pairs.

Clean waveforms hold nothing below 50 Hz: no voice reaches there, and recordings of speech hold hum and a constant that
nobody hears, but that would dominate SI-SDR. What they hold stays in the noisy waveform. A third of the pairs get
rumble besides, as wind, traffic and microphones without a filter give it: noise below 15 to 60 Hz, from 10 dB below to
10 dB above the speech. The ratio of a mixture counts neither.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from scipy.signal import fftconvolve, firwin2
from torch import Generator, Tensor
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE, find, load, save
from speech_enhancement.augmentation import babble_noise, mix_at_snr, random_crop, white_noise
from speech_enhancement.systems.blocks.rumble_filter import remove_rumble

N_PAIRS = 60
LENGTH = 5 * SAMPLE_RATE
SHORTEST = 2 * SAMPLE_RATE
SNR_DECIBELS = (-5.0, 15.0)
LEVEL_DECIBELS = (-36.0, -16.0)
N_TALKERS = 6
RUMBLE_SHARE = 1 / 3
RUMBLE_DECIBELS = (-10.0, 10.0)
RUMBLE_CUTOFF_HERTZ = (15.0, 60.0)
EQUALISER_HERTZ = (0, 60, 125, 250, 500, 1000, 2000, 4000, 6000, SAMPLE_RATE // 2)
EQUALISER_DECIBELS = 6.0


def main(data: Path, out: Path, speech: Sequence[Path], noise: Sequence[Path]) -> None:
    """Write the pairs as 16-bit WAV files, named by number, speech and noise."""
    generator = torch.Generator().manual_seed(0)
    voices = [voices_in(folder) for folder in (data / "speech" / "val", *speech)]
    noises = {path.stem: path for folder in (data / "noise" / "val", *noise) for path in find(folder)}
    clips = in_turn(voices)
    kinds = itertools.cycle([*noises, "babble"])
    for number in tqdm(range(N_PAIRS), desc="write pairs", unit="pair"):
        voice, path = next(clips)
        kind = next(kinds)
        recorded = load(path)[0]
        # The whole recording is filtered, so that the ends of a crop are none for the filter.
        recorded, clean = crop(torch.stack([recorded, remove_rumble(recorded)]), generator)
        if kind == "babble":
            others = [paths for each in voices for name, paths in each.items() if name != voice]
            chosen = torch.randperm(len(others), generator=generator)[:N_TALKERS]
            talkers = [load(others[i][0])[0] for i in chosen.tolist()]
            added = babble_noise(talkers, len(clean), N_TALKERS, generator)
        else:
            added = stretch(load(noises[kind])[0], len(clean), generator)
        low = recorded - clean
        if torch.rand((), generator=generator) < RUMBLE_SHARE:
            low = low + rumble(clean, generator)
        pair = mixture(clean, added, low, generator)
        for folder, waveform in zip(("noisy", "clean"), pair, strict=True):
            (out / folder).mkdir(parents=True, exist_ok=True)
            save(out / folder / f"{number:02}-{path.stem}-{kind}.wav", waveform[None])


def voices_in(folder: Path) -> dict[str, list[Path]]:
    """Group the files of a folder by voice."""
    voices: dict[str, list[Path]] = {}
    for path in find(folder):
        voices.setdefault("-".join(path.stem.split("-")[:2]), []).append(path)
    return voices


def in_turn(folders: Sequence[Mapping[str, Sequence[Path]]]) -> Iterator[tuple[str, Path]]:
    """Yield voices and files without end: the folders take turns, in each the voices, of each voice its files."""

    def files_of(voices: Mapping[str, Sequence[Path]]) -> Iterator[tuple[str, Path]]:
        files = {voice: itertools.cycle(paths) for voice, paths in voices.items()}
        for voice in itertools.cycle(voices):
            yield voice, next(files[voice])

    for files in itertools.cycle([files_of(voices) for voices in folders]):
        yield next(files)


def crop(waveform: Tensor, generator: Generator) -> Tensor:
    """Cut at most `LENGTH` samples of waveforms `(..., time)` from a random start.

    Raises:
        ValueError: the waveform is shorter than `SHORTEST`.
    """
    time = waveform.shape[-1]
    if time < SHORTEST:
        raise ValueError(f"speech: expected at least {SHORTEST} samples a file, got {time}")
    return random_crop(waveform, length=min(LENGTH, time), generator=generator)[0]


def stretch(waveform: Tensor, length: int, generator: Generator) -> Tensor:
    """Cut `length` samples of a waveform `(time,)` from a random start, repeating a waveform that is shorter."""
    repeated = waveform.repeat(-(-length // len(waveform)))
    start = torch.randint(len(repeated) - length + 1, (), generator=generator)
    return repeated[start : start + length]


def rumble(speech: Tensor, generator: Generator) -> Tensor:
    """Draw noise that falls off above a random cutoff, at a random level beside speech `(time,)`: of its shape."""
    spectrum = torch.fft.rfft(white_noise(len(speech), generator=generator))
    frequency = torch.fft.rfftfreq(len(speech), 1 / SAMPLE_RATE)
    gain = (1 + (frequency / _uniform(*RUMBLE_CUTOFF_HERTZ, generator)) ** 8).rsqrt() * (frequency > 3)
    noise = torch.fft.irfft(spectrum * gain, n=len(speech))
    ratio = 10 ** (_uniform(*RUMBLE_DECIBELS, generator) / 20)
    return noise * ratio * (speech.square().mean() / noise.square().mean()).sqrt()


def mixture(clean: Tensor, noise: Tensor, low: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mix waveforms `(time,)` at a random ratio and level, half of the time through a random equalisation.

    Args:
        clean: speech.
        noise: what is scaled to the ratio.
        low: what lies below the voice, added as it is.
        generator: the only source of randomness.

    Returns:
        Noisy and clean waveform, of which neither exceeds full scale.
    """
    noisy = mix_at_snr(clean, noise, _uniform(*SNR_DECIBELS, generator)) + low
    if torch.rand((), generator=generator) < 0.5:
        kernel = equaliser(generator)
        noisy, clean = (torch.from_numpy(fftconvolve(each, kernel, mode="same")).float() for each in (noisy, clean))
    gain = 10 ** (_uniform(*LEVEL_DECIBELS, generator) / 20) / noisy.square().mean().sqrt()
    gain = min(gain, 0.99 / torch.maximum(noisy.abs().max(), clean.abs().max()))
    return gain * noisy, gain * clean


def equaliser(generator: Generator) -> Tensor:
    """Draw an impulse response whose gains at `EQUALISER_HERTZ` lie within `EQUALISER_DECIBELS` of 0 dB."""
    decibels = EQUALISER_DECIBELS * (2 * torch.rand(len(EQUALISER_HERTZ), generator=generator) - 1)
    return torch.from_numpy(firwin2(1025, EQUALISER_HERTZ, 10 ** (decibels.numpy() / 20), fs=SAMPLE_RATE))


def _uniform(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds speech/val and noise/val")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--speech", type=Path, nargs="*", default=[], help="further folders of speech")
    parser.add_argument("--noise", type=Path, nargs="*", default=[], help="further folders of noise")
    main(**vars(parser.parse_args()))
