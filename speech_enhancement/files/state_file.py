"""Nested states of tensors and plain values in a file that is safe to read.

The tensors are in a safetensors file, which is flat, is checked against its header, and holds no code. Its metadata
holds the nesting as JSON, in which a number stands for each tensor. `torch.load` would do for a file of one's own; this
module is safe for a stranger's.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


class StateFileError(ValueError):
    """A file that holds no state; the message names it."""


def write_state(path: str | Path, state: Any) -> None:
    """Write numbers, strings, booleans, None and tensors, and lists, tuples and dictionaries of them.

    Raises:
        TypeError: the state holds something else.
        OSError: the file cannot be written, for example because the disk is full.
    """
    tensors: dict[str, Tensor] = {}

    def encode(value: Any) -> Any:
        if isinstance(value, Tensor):
            name = str(len(tensors))
            # A copy, since safetensors refuses tensors that share memory, as tied weights do.
            tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
            return {"tensor": name}
        if isinstance(value, dict):
            return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return {"list" if isinstance(value, list) else "tuple": [encode(item) for item in value]}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(
            f"state: expected numbers, strings, tensors and collections of them, got {type(value).__name__}"
        )

    structure = json.dumps(encode(state))
    Path(path).write_bytes(save(tensors, {"state": structure}))


def read_state(path: str | Path, device: torch.device | str = "cpu") -> Any:
    """Read a state that `write_state` wrote; no code in the file is run.

    Raises:
        StateFileError: the file is something else, such as a pickle.
        OSError: it cannot be opened.
    """
    Path(path).open("rb").close()
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            structure = json.loads((file.metadata() or {})["state"])
            return _decode(structure, file.get_tensor)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise StateFileError(f"{path}: expected a checkpoint (safetensors with a state), got something else") from None


def _decode(value: Any, get_tensor) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return get_tensor(content)
    if kind == "dict":
        return {_decode(key, get_tensor): _decode(item, get_tensor) for key, item in content}
    items = [_decode(item, get_tensor) for item in content]
    return {"list": list, "tuple": tuple}[kind](items)
