"""Pairs of noisy and clean speech, mixed while training runs, so that no two epochs are alike."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from speech_enhancement.audio import SAMPLE_RATE, AudioError, Recording
from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.files.path_list import PathSequence
from speech_enhancement.seeding import item_generator, shared_epoch


class NoisySpeechDataset(Dataset):
    """Task 2.1. Noisy and clean speech from files of speech and files of noise.

    The clean part of `dataset[i]` is a stretch of speech file i at its own level. A file that is too short is taken
    from its beginning and zero-padded at the end. `mix_at_snr` (1.9) adds to it a stretch of one of the noise files,
    each as likely as the others. A file that is too short is taken from its beginning and repeated without a gap. All
    possible starts of a stretch are equally likely. The SNR holds over the whole segment, padding included, and the
    mixture is neither clipped nor rescaled. Index, seed and epoch alone determine the pair, whichever process makes it.

    Args:
        speech_files: paths of clean speech, one for each item of the dataset. `PathSequence` holds many paths without a
            copy in each worker process; a list works just as well.
        noise_files: paths of noise.
        segment_length: samples of each item.
        snr_db: range from which each pair's SNR in dB is drawn uniformly.
        seed: determines, together with the epoch and the index, everything that is drawn.

    Returns:
        `dataset[i]` -> `(noisy, clean)`, each float32 of shape `(1, segment_length)`. Channels are averaged.

    Raises:
        ValueError: on reading a file whose sample rate is not 16 kHz; it names the file.
        IndexError: an index past the end. Negative indices are not tested.
    """

    def __init__(
        self,
        speech_files: Iterable[str | Path],
        noise_files: Iterable[str | Path],
        segment_length: int,
        snr_db: tuple[float, float] = (-5, 15),
        seed: int = 0,
    ):
        ### BEGIN SOLUTION
        self.speech_files = PathSequence(speech_files)
        self.noise_files = PathSequence(noise_files)
        self.segment_length = segment_length
        self.snr_db = snr_db
        self.seed = seed
        self.epoch = shared_epoch()
        ### END SOLUTION

    def __len__(self) -> int:
        ### BEGIN SOLUTION
        return len(self.speech_files)
        ### END SOLUTION

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the items that follow, also in workers that are already running. It is 0 at first."""
        ### BEGIN SOLUTION
        self.epoch.fill_(epoch)
        ### END SOLUTION

    def augment(self, stretch: Tensor, generator: torch.Generator) -> Tensor:
        """Change a stretch of speech or of noise, `(1, time)`, before it is padded or repeated, and mixed.

        Provided: it returns the stretch as it is. The dataset that `train` uses filters it at random, with the item's
        generator.
        """
        return stretch

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        ### BEGIN SOLUTION
        if not 0 <= index < len(self):
            raise IndexError(f"index: expected 0 to {len(self) - 1}, got {index}")
        generator = item_generator(self.seed, self.epoch, index)
        which, lowest, highest = len(self.noise_files), *self.snr_db
        noise_file = self.noise_files[int(torch.randint(which, (), generator=generator))]
        snr_db = lowest + (highest - lowest) * float(torch.rand((), generator=generator))
        clean = self.augment(_stretch(self.speech_files[index], self.segment_length, generator), generator)
        if clean.shape[-1] < self.segment_length:
            clean = functional.pad(clean, (0, self.segment_length - clean.shape[-1]))
        noise = self.augment(_stretch(noise_file, self.segment_length, generator), generator)
        if noise.shape[-1] < self.segment_length:
            noise = noise.repeat(1, -(-self.segment_length // noise.shape[-1]))[:, : self.segment_length]
        return mix_at_snr(clean, noise, snr_db), clean
        ### END SOLUTION


def _stretch(path: str, length: int, generator: torch.Generator) -> Tensor:
    """Read a random stretch of a file, `(1, length)`, or all of a shorter file.

    Speech and noise share it. No test calls it, so you may change or delete it.
    """
    ### BEGIN SOLUTION
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise AudioError(f"{path}: expected a sample rate of {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        start = int(torch.randint(max(1, recording.frames - length + 1), (), generator=generator))
        stretch = recording.read(start, length)
        return stretch if recording.channels == 1 else stretch.mean(dim=0, keepdim=True)
    ### END SOLUTION
