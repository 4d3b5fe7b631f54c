"""The training loop: an epoch, a validation, a checkpoint, and all of them in turn."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.state_file import read_state, write_state

LossFunction = Callable[[Tensor, Tensor], Tensor]
Batches = Iterable[tuple[Tensor, Tensor]]


def train_epoch(
    model: nn.Module, loader: Batches, loss_fn: LossFunction, optimizer: Optimizer, device: torch.device | str
) -> float:
    """Task 2.7. One pass over the data with a step of the optimizer for each batch.

    Args:
        model: already on `device`; put into training mode with all its submodules.
        loader: any iterable of batches `(noisy, clean)`, each `(batch, 1, time)`, moved by `.to(device)`.
        loss_fn: called `loss_fn(model(noisy), clean)`; it returns the mean over a batch.
        optimizer: of the model's parameters.
        device: where the batches go.

    Returns:
        The loss before each batch's step, averaged over examples (not over batches: the last one may be smaller).

    Raises:
        ValueError: the loader is empty.
    """
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if count == 0:
        raise ValueError("loader: expected at least one batch, got none")
    return total / count
    ### END SOLUTION


def validate(model: nn.Module, loader: Batches, loss_fn: LossFunction, device: torch.device | str) -> float:
    """Task 2.8. The loss on data that the model does not learn from.

    The model runs in evaluation mode and without gradients. Afterwards every submodule is back in its own mode, and
    weights, statistics and the gradients that parameters hold are as they were.

    Args:
        model, loader, loss_fn, device: as in `train_epoch`.

    Returns:
        The loss, averaged over examples.

    Raises:
        ValueError: the loader is empty.
    """
    ### BEGIN SOLUTION
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    total, count = 0.0, 0
    try:
        with torch.no_grad():
            for noisy, clean in loader:
                noisy, clean = noisy.to(device), clean.to(device)
                total += loss_fn(model(noisy), clean).item() * len(noisy)
                count += len(noisy)
    finally:
        for module, mode in modes:
            module.training = mode
    if count == 0:
        raise ValueError("loader: expected at least one batch, got none")
    return total / count
    ### END SOLUTION


def save_checkpoint(path: str | Path, model: nn.Module, optimizer: Optimizer, epoch: int, **extra: Any) -> None:
    """Task 2.9. Write what is needed to resume training or to use the model.

    The file is written beside `path` and renamed into place, where it replaces an older one. A save that fails raises
    its error, leaves the old file intact and nothing else behind. Saving into a folder that does not exist is not
    tested.

    Args:
        path: file to write, under exactly this name.
        model, optimizer: their states are saved.
        epoch: the last finished one.
        extra: more to save: numbers, strings, booleans, None, tensors, and lists, tuples and dictionaries of them.
    """
    ### BEGIN SOLUTION
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    with replacing(path) as temporary:
        write_state(temporary, state)
    ### END SOLUTION


def load_checkpoint(
    path: str | Path, model: nn.Module, optimizer: Optimizer | None = None, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """Task 2.9. Restore a model, and an optimizer if one is given. No code in the file is run.

    The model keeps its tensors and gets their values, buffers included.

    Args:
        path: file that `save_checkpoint` wrote.
        model, optimizer: restored in place.
        device: where the tensors are put.

    Returns:
        A dictionary with `epoch`, the last finished one, and each extra under its own name. More keys do no harm.
    """
    ### BEGIN SOLUTION
    state = read_state(path, device)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}
    ### END SOLUTION


def fit(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches,
    loss_fn: LossFunction,
    optimizer: Optimizer,
    epochs: int,
    device: torch.device | str = "cpu",
    checkpoint_path: str | Path | None = None,
    start_epoch: int = 0,
) -> dict[str, list[float]]:
    """Task 2.10. Train and validate for several epochs, show the progress, and keep the best checkpoint.

    Runs the epochs `start_epoch` to `epochs - 1`. Each begins with `set_epoch(epoch)` of the training loader's dataset,
    if it has one with that method; the validation data are not told. Stopping after an epoch and resuming from
    `load_checkpoint` gives the same weights as not stopping, provided that the data and their order depend on the epoch
    alone. With no epoch to run, neither model nor file is touched.

    Args:
        model, loss_fn, optimizer, device: as in `train_epoch`.
        train_loader, val_loader: batches to learn from and to validate on.
        epochs: number of epochs, those before `start_epoch` included.
        checkpoint_path: file for the epoch with the lowest validation loss of this call; an older file is replaced,
            even if it was better. Equal losses and NaN are not tested. Without it none is written.
        start_epoch: the first epoch to run.

    Returns:
        `{"train_loss": [...], "val_loss": [...]}`, one float for each epoch that ran. The model keeps the last weights.
    """
    ### BEGIN SOLUTION
    history = {"train_loss": [], "val_loss": []}
    dataset = getattr(train_loader, "dataset", None)
    lowest = None
    for epoch in range(start_epoch, epochs):
        if hasattr(dataset, "set_epoch"):
            dataset.set_epoch(epoch)
        bar = tqdm(train_loader, desc=f"epoch {epoch + 1}/{epochs}", unit="batch", leave=False)
        train_loss = train_epoch(model, bar, loss_fn, optimizer, device)
        val_loss = validate(model, val_loader, loss_fn, device)
        history["train_loss"].append(train_loss)
        history["val_loss"].append(val_loss)
        tqdm.write(f"epoch {epoch + 1}/{epochs}: training loss {train_loss:.4g}, validation loss {val_loss:.4g}")
        if checkpoint_path is not None and (lowest is None or val_loss < lowest):
            lowest = val_loss
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history
    ### END SOLUTION
