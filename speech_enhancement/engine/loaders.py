"""The batches of a prepared corpus: speech and noise mixed anew in each epoch."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.configuration import Train
from speech_enhancement.corpora.manifest import files
from speech_enhancement.corpora.packed import PackedRecordings
from speech_enhancement.data import NoisySpeechDataset
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.mixtures import Mixtures
from speech_enhancement.engine.packed_pairs import PackedPairs
from speech_enhancement.engine.progress import WatchedBatches
from speech_enhancement.engine.random_filter import FilteredSpeechDataset
from speech_enhancement.files.path_list import PathSequence

_VALIDATION_CROPS = 4
"""Varied mixtures of each recording in validation, so that no epoch is the best by luck."""


def make_batches(configuration: Train, process: Process, split: str) -> WatchedBatches:
    """Make this process's share of the batches of a split.

    Varied mixtures are varied in validation too, since their targets differ from the recordings; filtered ones are not.

    Raises:
        ValueError: the weights of sources are not a table of kind, source and weight, or name no source.
        CorpusError: the corpus lacks speech or noise of the split.
    """
    is_training = split == "train"
    on_gpu = process.device.type == "cuda"
    varied = configuration.mixtures == "varied"
    if varied:
        dataset, names = _varied(configuration, process.device, split)
    elif is_training and configuration.system != "unet":
        dataset, names = _packed(configuration)
    else:
        dataset, names = _from_files(configuration, split)
    sampler = DistributedSampler(
        dataset, process.world_size, process.rank, shuffle=is_training, seed=configuration.seed
    )
    workers = 0 if varied and on_gpu else _workers(configuration, on_gpu)
    if workers and not varied:
        # An error in a worker would lose its place, by which the task of a stub is found.
        dataset[0]
    loader = DataLoader(
        dataset,
        batch_sampler=BatchSampler(sampler, configuration.batch_size, drop_last=False),
        collate_fn=_as_it_is if varied else None,
        # A loader draws a number whenever workers start; from the shared generator, a resumed run would draw others.
        generator=torch.Generator().manual_seed(configuration.seed),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=on_gpu and not varied,
    )
    return WatchedBatches(loader, names, split, show=process.is_first)


def _from_files(configuration: Train, split: str) -> tuple[Dataset, Sequence[str]]:
    """Make the dataset of task 2.1, filtered at random in training, and the name of each item's file."""
    is_training = split == "train"
    paths = _paths(configuration, split, configuration.crops_per_file if is_training else 1)
    dataset_class = FilteredSpeechDataset if is_training else NoisySpeechDataset
    dataset = dataset_class(
        paths,
        files(configuration.corpus, "noise", split),
        round(configuration.segment_seconds * SAMPLE_RATE),
        configuration.snr_db,
        configuration.seed if is_training else configuration.seed + 1,
    )
    return dataset, paths


def _packed(configuration: Train) -> tuple[PackedPairs, Sequence[str]]:
    """Make the same pairs from packed recordings, and the name of each item's file."""
    speech, noise = (PackedRecordings(configuration.corpus, kind, "train") for kind in ("speech", "noise"))
    segment_length = round(configuration.segment_seconds * SAMPLE_RATE)
    dataset = PackedPairs(
        speech, noise, configuration.crops_per_file, segment_length, configuration.snr_db, configuration.seed
    )
    return dataset, _paths(configuration, "train", configuration.crops_per_file)


def _paths(configuration: Train, split: str, repeats: int) -> PathSequence:
    """List the files of speech, as often as there are crops of each."""
    speech = PathSequence(files(configuration.corpus, "speech", split))
    return PathSequence(path for _ in range(repeats) for path in speech)


def _varied(configuration: Train, device: torch.device, split: str) -> tuple[Mixtures, Sequence[str]]:
    """Make mixtures of packed recordings, as many as there are crops in an epoch, and a name for each."""
    speech, noise = (PackedRecordings(configuration.corpus, kind, split) for kind in ("speech", "noise"))
    weights = _read_weights(configuration.source_weights) if configuration.source_weights else {}
    if split == "train":
        for kind, source in weights:
            if source not in (speech if kind == "speech" else noise).sources:
                raise ValueError(f"{configuration.source_weights}: expected sources of {kind}, got {source}")
        for kind, recordings in (("speech", speech), ("noise", noise)):
            if not any(weights.get((kind, source), 1) for source in recordings.sources):
                raise ValueError(f"{configuration.source_weights}: expected {kind} to draw, got weights of 0 alone")
    length = (configuration.crops_per_file if split == "train" else _VALIDATION_CROPS) * len(speech)
    segment_length = round(configuration.segment_seconds * SAMPLE_RATE)
    seed = configuration.seed if split == "train" else configuration.seed + 1
    dataset = Mixtures(speech, noise, length, segment_length, configuration.snr_db, seed, weights, device)
    return dataset, PathSequence(f"mixture {number}" for number in range(length))


def _read_weights(path: Path) -> dict[tuple[str, str], float]:
    """Read relative weights from a table with the columns kind, source and weight."""
    with path.open(newline="", encoding="utf-8") as file:
        try:
            weights = {(row["kind"], row["source"]): float(row["weight"]) for row in csv.DictReader(file)}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: expected a table of kind, source and weight, got {error}") from None
    for (kind, source), weight in weights.items():
        if kind not in ("speech", "noise"):
            raise ValueError(f"{path}: expected speech or noise as kind of {source}, got {kind}")
        if not 0 <= weight < math.inf:
            raise ValueError(f"{path}: expected a weight from 0 up of {source}, got {weight:g}")
    return weights


def _workers(configuration: Train, on_gpu: bool) -> int:
    # Mixing is short beside the U-Net's steps on the CPU, but the fastest systems would wait a seventh of the time.
    by_default = 4 if on_gpu else 0 if configuration.system == "unet" else 1
    return configuration.workers if configuration.workers is not None else by_default


def _as_it_is(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Pass on what is a batch already."""
    return batch
