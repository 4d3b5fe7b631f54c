"""Noisy pairs per second of 2 s crops on one core, and memory against the number of entries.

    python -m bench.loading

The corpus is made for the run: 200 files of 12 s of noise as speech and 20 of 40 s as noise, once prepared (16-bit WAV)
and once as FLAC. All ways read the same lengths and mix them, unfiltered; varied mixtures also filter, resample and
reverberate.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm.auto import tqdm

from bench.measuring import peak_mebibytes, print_peak, rates
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.corpora.manifest import Entry, write_manifest
from speech_enhancement.corpora.packed import PackedRecordings
from speech_enhancement.data import NoisySpeechDataset
from speech_enhancement.engine.mixtures import Mixtures
from speech_enhancement.engine.packed_pairs import PackedPairs

RATE, SEGMENT = 16000, 32000
ENTRIES = (1_700, 20_000, 200_000)


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        seen = rates(ways(Path(folder)))
        for name, rate in seen.items():
            print(f"{name:34} {rate:8.0f} pairs/s")
        for ours in ("packed corpus", "prepared corpus, dataset class"):
            for name in ("audiomentations, noise cached", "whole FLAC files", "memory map"):
                print(f"{ours}, ratio to {name}: {seen[ours] / seen[name]:.2f}")
        peaks = [peak_mebibytes("bench.loading", "entries", folder, count) for count in ENTRIES]
    for count, peak in zip(ENTRIES, peaks, strict=True):
        print(f"{count:7} entries: peak {peak:.0f} MiB, {peak / peaks[0]:.3f} times that of {ENTRIES[0]}")


def write_files(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for kind, count, seconds in (("speech", 200, 12), ("noise", 20, 40)):
        for number in tqdm(range(count), desc=f"write {kind}"):
            # A random walk compresses about as well as speech does.
            signal = np.cumsum(generator.standard_normal(seconds * RATE)) * 1e-3
            signal -= np.convolve(signal, np.ones(400) / 400, mode="same")
            signal = np.clip(signal, -0.9, 0.9)
            for suffix in ("wav", "flac"):
                soundfile.write(folder / f"{kind}{number:03}.{suffix}", signal, RATE, subtype="PCM_16")
            np.save(folder / f"{kind}{number:03}.npy", (signal * 32767).astype(np.int16))


class UnfilteredPairs(PackedPairs):
    """Packed pairs as the dataset class makes them."""

    def augment(self, crop, generator):
        return crop


def pack(folder: Path) -> tuple[UnfilteredPairs, Mixtures]:
    """Pack the files, and make pairs and varied mixtures of them."""
    kinds = {kind: sorted(path.name for path in folder.glob(f"{kind}*.wav")) for kind in ("speech", "noise")}
    write_manifest(
        folder, (Entry(name, kind, "train", "", 0.0, name) for kind, names in kinds.items() for name in names)
    )
    speech, noise = (PackedRecordings(folder, kind, "train") for kind in kinds)
    return UnfilteredPairs(speech, noise, 1, SEGMENT, (-5, 15), 0), Mixtures(speech, noise, 200, SEGMENT)


def ways(folder: Path) -> dict:
    from audiomentations import AddBackgroundNoise

    def files(kind, suffix):
        return sorted(folder.glob(f"{kind}*.{suffix}"))

    dataset = NoisySpeechDataset(files("speech", "wav"), files("noise", "wav"), SEGMENT)
    packed, varied = pack(folder)
    random = np.random.default_rng(1)
    flac, flac_noise = files("speech", "flac"), files("noise", "flac")
    maps = [np.load(path, mmap_mode="r") for path in files("speech", "npy")]
    noise_maps = [np.load(path, mmap_mode="r") for path in files("noise", "npy")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        add_noise = AddBackgroundNoise([str(path) for path in flac_noise], min_snr_db=-5, max_snr_db=15, p=1.0)

    def items(of):
        of.set_epoch(int(random.integers(1 << 30)))
        for index in range(len(of)):
            of[index]
        return len(of)

    def varied_mixtures():
        for first in range(0, len(varied), 8):
            varied.__getitems__(range(first, first + 8))
        return len(varied)

    def whole_files():
        for path in flac[:40]:
            stretches = []
            for each in (path, flac_noise[random.integers(len(flac_noise))]):
                signal = soundfile.read(each, dtype="float32")[0]
                start = random.integers(len(signal) - SEGMENT)
                stretches.append(torch.from_numpy(signal[None, start : start + SEGMENT]))
            mix_at_snr(*stretches, 5.0)
        return 40

    def audiomentations():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for path in flac[:100]:
                with soundfile.SoundFile(path) as file:
                    file.seek(random.integers(file.frames - SEGMENT))
                    add_noise(file.read(SEGMENT, dtype="float32"), RATE)
        return 100

    def memory_map():
        for signal in maps:
            stretches = []
            for each in (signal, noise_maps[random.integers(len(noise_maps))]):
                start = random.integers(len(each) - SEGMENT)
                stretches.append(torch.from_numpy(each[None, start : start + SEGMENT].astype(np.float32)))
            mix_at_snr(*stretches, 5.0)
        return len(maps)

    return {
        "packed corpus": lambda: items(packed),
        "prepared corpus, dataset class": lambda: items(dataset),
        "packed corpus, varied mixtures": varied_mixtures,
        "audiomentations, noise cached": audiomentations,
        "whole FLAC files": whole_files,
        "memory map": memory_map,
    }


def measure_entries(folder: Path, count: int) -> None:
    """A dataset of many entries, as `files` of a manifest gives them, with some of its items read."""
    speech = (f"{folder}/speech{number % 200:03}.wav" for number in range(count))
    dataset = NoisySpeechDataset(speech, sorted(folder.glob("noise*.wav")), SEGMENT)
    for index in range(0, count, count // 500):
        dataset[index]
    print_peak()


if __name__ == "__main__":
    if sys.argv[1:2] == ["entries"]:
        measure_entries(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
