"""Assignment of speakers to the splits that train, validate and test."""

from collections.abc import Iterable

import torch

SPLITS = ("train", "validation", "test")


def assign_splits(groups: Iterable[str], seed: int = 0) -> dict[str, str]:
    """Assign each speaker or recording of noise to a split: of ten, eight to train, one to validate, one to test.

    With three groups or more, each split has at least one.
    """
    groups = sorted(set(groups))
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = max(1, len(groups) // 10) if len(groups) >= 3 else 0
    names = ["test"] * held_out + ["validation"] * held_out + ["train"] * (len(groups) - 2 * held_out)
    return {groups[i]: name for i, name in zip(order, names, strict=True)}
