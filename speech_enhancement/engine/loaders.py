"""The batches of a prepared corpus: speech and noise mixed anew in each epoch, and filtered at random in training."""

import torch
from torch.utils.data import BatchSampler, DataLoader
from torch.utils.data.distributed import DistributedSampler

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.configuration import Train
from speech_enhancement.corpora.manifest import files
from speech_enhancement.data import NoisySpeechDataset
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.progress import WatchedBatches
from speech_enhancement.engine.random_filter import FilteredSpeechDataset
from speech_enhancement.files.path_list import PathSequence


def make_batches(configuration: Train, process: Process, split: str) -> WatchedBatches:
    """Make this process's share of the batches of a split."""
    is_training = split == "train"
    speech = PathSequence(files(configuration.corpus, "speech", split))
    repeats = configuration.crops_per_file if is_training else 1
    paths = PathSequence(path for _ in range(repeats) for path in speech)
    dataset_class = FilteredSpeechDataset if is_training else NoisySpeechDataset
    dataset = dataset_class(
        paths,
        files(configuration.corpus, "noise", split),
        round(configuration.segment_seconds * SAMPLE_RATE),
        configuration.snr_db,
        configuration.seed if is_training else configuration.seed + 1,
    )
    sampler = DistributedSampler(
        dataset, process.world_size, process.rank, shuffle=is_training, seed=configuration.seed
    )
    on_gpu = process.device.type == "cuda"
    # Mixing is short beside the U-Net's steps on the CPU, but the fastest systems would wait a seventh of the time.
    by_default = 4 if on_gpu else 0 if configuration.system == "unet" else 1
    workers = configuration.workers if configuration.workers is not None else by_default
    loader = DataLoader(
        dataset,
        batch_sampler=BatchSampler(sampler, configuration.batch_size, drop_last=False),
        # A loader draws a number whenever workers start; from the shared generator, a resumed run would draw others.
        generator=torch.Generator().manual_seed(configuration.seed),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=on_gpu,
    )
    return WatchedBatches(loader, paths, split, show=process.is_first)
