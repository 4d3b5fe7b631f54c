"""A trained model in one file: its weights, and the sizes or the name to build it from."""

from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch import nn

from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.state_file import StateFileError, read_state, write_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.sizes import Sizes
from speech_enhancement.systems.system import System
from speech_enhancement.unet import MaskingEnhancer


def save_model(path: str | Path, model: MaskingEnhancer, sizes: Sizes, epoch: int) -> None:
    """Write weights and sizes, for `load_model`; the file appears whole or not at all."""
    with replacing(path) as temporary:
        write_state(temporary, {"model": model.state_dict(), "epoch": epoch, "extra": {"sizes": asdict(sizes)}})


def save_system(path: str | Path, system: System, name: str, size: str, epoch: int) -> None:
    """Write weights, name and size of a system, for `load_model`; the file appears whole or not at all."""
    extra = {"system": name, "size": size}
    with replacing(path) as temporary:
        write_state(temporary, {"model": system.state_dict(), "epoch": epoch, "extra": extra})


def load_model(
    path: str | Path | None = None, device: torch.device | str = "cpu"
) -> tuple[MaskingEnhancer, Sizes] | tuple[System, System]:
    """A model in evaluation mode, and what knows its `context`, `alignment` and `shortest` input: its sizes or itself.

    Without `path`, the model that comes with the package.

    Raises:
        StateFileError: the file is no such model.
    """
    if path is None:
        with as_file(files("speech_enhancement") / "weights" / "default.ckpt") as packaged:
            return load_model(packaged, device)
    state = read_state(path, device)
    try:
        extra = state["extra"]
        if "system" in extra:
            model = chunking = registry.build(extra["system"], extra["size"])
        else:
            chunking = Sizes(**extra["sizes"])
            model = chunking.build()
        model.load_state_dict(state["model"])
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise StateFileError(f"{path}: expected a model of this package, got another one ({reason})") from None
    return model.to(device).eval(), chunking


def load_system(
    name: str | None, checkpoint: Path | None, device: torch.device | str = "cpu"
) -> tuple[nn.Module, Sizes | System]:
    """What a command was asked to use: a system that needs no training, by its name, or a trained model.

    Raises:
        ValueError: both were given, or the system must be trained first.
    """
    if name is None:
        return load_model(checkpoint, device)
    if checkpoint is not None:
        raise ValueError(f"--system: expected it without --checkpoint, which knows its own system, got {name}")
    system = registry.build(name).to(device).eval()
    if system.count_parameters():
        raise ValueError(f"--system: expected one that needs no training, got {name}; train it, and give --checkpoint")
    return system, system
