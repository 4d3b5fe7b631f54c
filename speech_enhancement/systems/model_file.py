"""A trained model in one file: its weights, and the name and the size from which it is built."""

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

from speech_enhancement.files.state_file import StateFileError, read_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.system import System

_MAX_REASON = 200


def load_model(path: str | Path | None = None, device: torch.device | str = "cpu") -> System:
    """Load a model in evaluation mode; without `path`, the one that comes with the package.

    Raises:
        StateFileError: the file does not hold a model of this package.
    """
    if path is None:
        with as_file(files("speech_enhancement") / "weights" / "default.ckpt") as packaged:
            return load_model(packaged, device)
    state = read_state(path, device)
    try:
        extra = state["extra"]
        name, size, arguments = described(extra)
        system = registry.build(name, size, **arguments)
        system.load_state_dict(_renamed(state["model"], extra))
        if "context" in extra:
            system.context = _checked_context(extra["context"])
    except NotImplementedError:
        # A stub that has no code yet; the file may be right.
        raise
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        # PyTorch names the weights that do not fit in a second line, which can be very long.
        reason = " ".join(line.strip() for line in str(error).splitlines()[:2])[:_MAX_REASON]
        raise StateFileError(f"{path}: expected a model of this package, got another one ({reason})") from None
    return system.to(device).eval()


def load_system(name: str | None, checkpoint: Path | None, device: torch.device | str = "cpu") -> System:
    """Load the system that a command asks for: by name if it needs no training, otherwise from a checkpoint.

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
    return system


def described(extra: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Read the name, the size and the further arguments of a saved system.

    Files of version 0.1 name the U-Net `masking-unet`, or give only its `sizes`.
    """
    if "sizes" in extra:
        return "unet", "small", dict(extra["sizes"])
    name = "unet" if extra["system"] == "masking-unet" else extra["system"]
    return name, extra["size"], dict(extra.get("arguments", {}))


def _renamed(weights: Mapping[str, torch.Tensor], extra: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Rename weights to the current names: files with `sizes` hold those of the U-Net's `enhancer`."""
    prefix = "enhancer." if "sizes" in extra else ""
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def _checked_context(context: Any) -> int | None:
    if context is None or (type(context) is int and context >= 0):
        return context
    raise ValueError(f"context: expected a number of samples or none, got {context!r}")
