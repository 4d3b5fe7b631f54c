"""Random numbers that depend only on seed, epoch and index, not on the process that makes an item of a dataset."""

import torch
from torch import Generator, Tensor


def shared_epoch() -> Tensor:
    """Make an epoch number, initially 0, that a `DataLoader`'s workers share with the process that starts them.

    A worker holds a copy of the dataset, made when the worker started, and may live through many epochs. The number
    lies in memory that all processes see, so `fill_` changes it in all of them.

    Returns:
        int64, shape `()`.
    """
    return torch.zeros((), dtype=torch.int64).share_memory_()


def item_generator(seed: int, epoch: int | Tensor, index: int | Tensor) -> Generator:
    """Seed a generator from three integers, each of which counts: seed 1 in epoch 0 differs from seed 0 in epoch 1.

    Returns:
        A generator on the CPU.

    Example:
        >>> one, other = (torch.rand(3, generator=item_generator(0, 7, index)) for index in (1, 2))
        >>> torch.equal(one, other)
        False
    """
    # Python's hash of a tuple of integers is the same in every process; that of a string is not.
    return Generator().manual_seed(hash((seed % 2**64, int(epoch), int(index))) % 2**64)
