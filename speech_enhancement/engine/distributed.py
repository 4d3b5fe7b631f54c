"""One process, or several that torchrun started: ranks, devices, and means over all processes."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Process:
    """This process as one of those that train together."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def parallel(self, model: nn.Module) -> nn.Module:
        """Wrap the model so that gradients are averaged over all processes; a single process gets the model itself."""
        if self.world_size == 1:
            return model
        if self.device.type == "cuda":
            return DistributedDataParallel(
                nn.SyncBatchNorm.convert_sync_batchnorm(model), device_ids=[self.device.index]
            )
        return DistributedDataParallel(model)

    def mean(self, value: float, weight: int) -> float:
        """Average a value over all processes, weighted by `weight` in each."""
        if self.world_size == 1:
            return value
        sums = torch.tensor([value * weight, weight], dtype=torch.float64, device=self.device)
        distributed.all_reduce(sums)
        return float(sums[0] / sums[1])


def choose_device(name: str, index: int = 0) -> torch.device:
    """Choose the device for `cpu`, `cuda`, or `auto`: a GPU if there is one.

    Raises:
        ValueError: a GPU was asked for and there is none, or there are fewer GPUs than processes.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device: expected a GPU for cuda, got a machine without one")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if index >= torch.cuda.device_count():
        raise ValueError(
            f"--nproc-per-node: expected one process for each of {torch.cuda.device_count()} GPUs, got more"
        )
    return torch.device("cuda", index)


@contextlib.contextmanager
def process_group(device_name: str) -> Iterator[Process]:
    """Join the processes that torchrun started (through its environment variables), or be the only one."""
    world_size = int(os.environ.get("WORLD_SIZE", 1))
    device = choose_device(device_name, int(os.environ.get("LOCAL_RANK", 0)))
    if world_size == 1:
        yield Process(0, 1, device)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Process(distributed.get_rank(), world_size, device)
    finally:
        distributed.destroy_process_group()
