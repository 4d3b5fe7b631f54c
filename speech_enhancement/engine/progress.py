"""Watched batches of a training loop: a progress bar, and a check that the loss is finite."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from speech_enhancement.audio import SAMPLE_RATE


class NonFiniteLossError(ValueError):
    """A loss or gradient that is NaN or infinite; the message names the batch's files."""


class WatchedBatches:
    """The batches of a loader, with a bar of loss and audio-seconds per second.

    Args:
        loader: of a map-style dataset, with a batch sampler that gives the same order each time within an epoch.
        names: name of each item of the dataset, for the message about a bad batch.
        description: text before the bar.
        show: True to show a bar.

    Attributes:
        waiting_share: share of the last pass that was spent waiting for data.
        audio_rate: audio-seconds per second of the last pass.
        count: examples of the last pass.
    """

    def __init__(self, loader: DataLoader, names: Sequence[str], description: str, show: bool):
        self.loader = loader
        self.dataset = loader.dataset
        self.names = names
        self.description = description
        self.show = show
        self.losses: deque[float] = deque(maxlen=20)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = list(self.loader.batch_sampler)
        self.count = sum(map(len, order))
        waited, seconds = 0.0, 0.0
        begin = time.perf_counter()
        batches = iter(self.loader)
        with tqdm(desc=self.description, unit="s", unit_scale=True, disable=not self.show, leave=False) as bar:
            for self.batch in order:
                asked = time.perf_counter()
                noisy, clean = next(batches)
                waited += time.perf_counter() - asked
                yield noisy, clean
                duration = noisy.numel() / SAMPLE_RATE
                seconds += duration
                bar.total = duration * len(order)
                if self.losses:
                    bar.set_postfix_str(f"of audio, loss {sum(self.losses) / len(self.losses):.4f}", refresh=False)
                bar.update(duration)
        elapsed = time.perf_counter() - begin
        self.waiting_share, self.audio_rate = waited / elapsed, seconds / elapsed

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass yield the pairs of an epoch, in its order."""
        self.losses.clear()
        self.dataset.set_epoch(epoch)
        self.loader.batch_sampler.sampler.set_epoch(epoch)

    def note(self, loss: float) -> None:
        """Show the current batch's loss in the bar; raise `NonFiniteLossError` if it is not finite."""
        if not math.isfinite(loss):
            raise self.complain("the loss")
        self.losses.append(loss)

    def complain(self, what: str) -> NonFiniteLossError:
        """Make the error that names the files of the current batch."""
        files = ", ".join(self.names[index] for index in self.batch)
        return NonFiniteLossError(f"{what} is not finite, in a batch of {files}")


class WatchedLoss:
    """A loss that reports each value to its batches, which raise `NonFiniteLossError` if it is not finite."""

    def __init__(self, loss_fn: Callable[[Tensor, Tensor], Tensor], batches: WatchedBatches):
        self.loss_fn = loss_fn
        self.batches = batches

    def __call__(self, estimate: Tensor, target: Tensor) -> Tensor:
        loss = self.loss_fn(estimate, target)
        self.batches.note(loss.item())
        return loss


def clip_gradients(optimizer: torch.optim.Optimizer, norm: float, batches: WatchedBatches) -> None:
    """Make every step of the optimizer first clip the gradients to a norm, and raise if their norm is not finite."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def clip(*_) -> None:
        if not torch.nn.utils.clip_grad_norm_(parameters, norm).isfinite():
            raise batches.complain("the gradient")

    optimizer.register_step_pre_hook(clip)
