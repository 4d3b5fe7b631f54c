"""The protocol between judge and worker: length-prefixed JSON and raw tensor bytes, with limits, never pickle.

A frame is four bytes, the length of the JSON that follows; the JSON `{"value": ..., "sizes": [...]}`; and a buffer of
raw bytes for each size. Values are `null`, booleans, integers and strings as in JSON, and tagged lists for all else:

    ["float", hex]  ["list", [...]]  ["tuple", [...]]  ["dict", [[key, value], ...]]  ["path", text]
    ["tensor", buffer or null, dtype, shape, requires_grad]   (null: a tensor on the device `meta`, which has no bytes)
    ["generator", buffer]   ["object", number]
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

MAX_JSON = 4 * 2**20
MAX_BYTES = 256 * 2**20
MAX_DEPTH = 20
MAX_ITEMS = 20_000
MAX_DIMENSIONS = 16

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    )
}
_N_NUMBERS = 624
"""Numbers in the state of a Mersenne Twister."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class ProtocolError(ValueError):
    """A value that cannot travel, or a malformed frame."""


@dataclass(frozen=True)
class RemoteReference:
    """An object that stays in the worker.

    Attributes:
        number: number by which the worker knows it.
        process: 0 for the worker itself, 1 for the process that it has started.
    """

    number: int
    process: int = 0


class Encoder:
    """Encoder of one value.

    Args:
        keep: function that keeps an object that cannot travel and returns its number; without it, such an object
            raises.

    Attributes:
        tensors, generators: those found in the value, in order.
    """

    def __init__(self, keep: Callable[[Any], int] | None = None):
        self.keep = keep
        self.buffers: list[bytes] = []
        self.tensors: list[Tensor] = []
        self.generators: list[torch.Generator] = []
        self._items = 0

    def frame(self, value: Any) -> bytes:
        """Encode a value as a whole frame."""
        body = self._encode(value, 0)
        header = json.dumps({"value": body, "sizes": [len(buffer) for buffer in self.buffers]}).encode()
        if len(header) > MAX_JSON or sum(map(len, self.buffers)) > MAX_BYTES:
            raise ProtocolError(f"a value of more than {MAX_BYTES >> 20} MB, or with too many parts, cannot travel")
        return b"".join([struct.pack(">I", len(header)), header, *self.buffers])

    def _encode(self, value: Any, depth: int) -> Any:
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            limits = f"{MAX_ITEMS} parts, or parts nested more than {MAX_DEPTH} deep,"
            raise ProtocolError(f"more than {limits} cannot travel")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if abs(value) >= 2**63:
                raise ProtocolError("an integer of more than 64 bits cannot travel")
            return int(value)
        if isinstance(value, float):
            return ["float", float.hex(value)]
        if isinstance(value, str):
            return str(value)
        if isinstance(value, Path):
            return ["path", str(value)]
        if isinstance(value, list | tuple):
            return ["list" if isinstance(value, list) else "tuple", [self._encode(each, depth + 1) for each in value]]
        if isinstance(value, dict):
            return ["dict", [[str(key), self._encode(each, depth + 1)] for key, each in value.items()]]
        if isinstance(value, Tensor):
            return self._encode_tensor(value)
        if isinstance(value, torch.Generator):
            self.generators.append(value)
            return ["generator", self._add(bytes(value.get_state().numpy()))]
        if isinstance(value, RemoteReference):
            return ["object", value.number]
        if self.keep is None:
            raise ProtocolError(f"a value of type {type(value).__name__} cannot travel")
        return ["object", self.keep(value)]

    def _encode_tensor(self, tensor: Tensor) -> Any:
        if tensor.dtype not in _NAMES or tensor.layout != torch.strided:
            raise ProtocolError(f"a tensor of {tensor.dtype} and layout {tensor.layout} cannot travel")
        self.tensors.append(tensor)
        buffer = None if tensor.device.type == "meta" else self._add(tensor_bytes(tensor))
        return ["tensor", buffer, _NAMES[tensor.dtype], list(tensor.shape), bool(tensor.requires_grad)]

    def _add(self, buffer: bytes) -> int:
        self.buffers.append(buffer)
        return len(self.buffers) - 1


class Decoder:
    """Decoder of frames.

    Args:
        find: function that returns the object kept under a number; without it, a `RemoteReference` stands for the
            object.

    Attributes:
        tensors, generators: those of the last frame, in the encoder's order.
        wanted: for each tensor, True if a gradient is asked for; the tensors themselves do not require one yet.
    """

    def __init__(self, find: Callable[[int], Any] | None = None):
        self.find = find
        self.tensors: list[Tensor] = []
        self.wanted: list[bool] = []
        self.generators: list[torch.Generator] = []

    def read(self, receive: Callable[[int], bytearray]) -> Any:
        """Read the value of the next frame.

        Args:
            receive: function that returns exactly as many bytes as it is asked for.

        Raises:
            ProtocolError: the frame is malformed or too large.
        """
        self.tensors, self.wanted, self.generators, self._items = [], [], [], 0
        (length,) = struct.unpack(">I", receive(4))
        if length > MAX_JSON:
            raise ProtocolError(f"expected at most {MAX_JSON} bytes of JSON, got {length}")
        try:
            header = json.loads(bytes(receive(length)))
            sizes, body = header["sizes"], header["value"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ProtocolError("expected a frame of JSON with value and sizes, got something else") from None
        is_right = isinstance(sizes, list) and all(type(size) is int and size >= 0 for size in sizes)
        if not is_right or len(sizes) > MAX_ITEMS or sum(sizes) > MAX_BYTES:
            raise ProtocolError(f"expected sizes of buffers of at most {MAX_BYTES} bytes in all, got something else")
        self._buffers = [receive(size) for size in sizes]
        return self._decode(body, 0)

    def _decode(self, body: Any, depth: int) -> Any:
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise ProtocolError(f"expected at most {MAX_ITEMS} parts nested at most {MAX_DEPTH} deep, got more")
        if body is None or isinstance(body, bool | str):
            return body
        if isinstance(body, int) and abs(body) < 2**63:
            return body
        if not isinstance(body, list) or not body:
            raise ProtocolError("expected a value of a known kind, got something else")
        try:
            return self._decode_tagged(body[0], body[1:], depth)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, RuntimeError) as error:
            raise ProtocolError(f"expected a value of a known kind: {error}") from None

    def _decode_tagged(self, tag: str, rest: list, depth: int) -> Any:
        if tag == "float":
            return float.fromhex(rest[0])
        if tag == "path":
            return Path(rest[0])
        if tag in ("list", "tuple"):
            values = [self._decode(each, depth + 1) for each in rest[0]]
            return values if tag == "list" else tuple(values)
        if tag == "dict":
            return {str(key): self._decode(each, depth + 1) for key, each in rest[0]}
        if tag == "tensor":
            return self._decode_tensor(*rest)
        if tag == "generator":
            self.generators.append(_generator(self._buffer(rest[0])))
            return self.generators[-1]
        if tag == "object" and type(rest[0]) is int:
            return RemoteReference(rest[0]) if self.find is None else self.find(rest[0])
        raise ProtocolError(f"unknown tag {str(tag)[:40]!r}")

    def _decode_tensor(self, buffer: int | None, dtype_name: str, shape: list, requires_grad: bool) -> Tensor:
        dtype = DTYPES[dtype_name]
        is_right = len(shape) <= MAX_DIMENSIONS and all(type(size) is int and 0 <= size < 2**40 for size in shape)
        if not is_right or prod(shape) >= 2**40:
            raise ProtocolError(
                f"expected a shape of at most {MAX_DIMENSIONS} dimensions and 2**40 values, got another"
            )
        if buffer is None:
            tensor = torch.empty(shape, dtype=dtype, device="meta")
        else:
            data = self._buffer(buffer)
            if len(data) != prod(shape) * dtype.itemsize:
                raise ProtocolError(f"a tensor of shape {shape} and {dtype_name} came with {len(data)} bytes")
            tensor = torch.frombuffer(data, dtype=dtype).reshape(shape) if data else torch.empty(shape, dtype=dtype)
        self.tensors.append(tensor)
        self.wanted.append(requires_grad is True and (dtype.is_floating_point or dtype.is_complex))
        return tensor

    def _buffer(self, number: int) -> bytearray:
        if type(number) is not int or not 0 <= number < len(self._buffers):
            raise ProtocolError(f"expected the number of one of {len(self._buffers)} buffers, got another")
        return self._buffers[number]


def _generator(state: bytearray) -> torch.Generator:
    """Make a generator from its state.

    PyTorch checks only that neither of the two counters of its Mersenne Twister exceeds 624. A state in which their sum
    is greater than 625 would let it read past its numbers.
    """
    generator = torch.Generator()
    generator.set_state(torch.frombuffer(state, dtype=torch.uint8))
    _, n_left, _, next_number = struct.unpack_from("=QiiQ", state)
    if n_left + next_number != _N_NUMBERS + 1 and (n_left, next_number) != (1, 0):
        raise ValueError(f"a generator's state with {n_left} numbers left after number {next_number}")
    return generator


def tensor_bytes(tensor: Tensor) -> bytes:
    """Copy the bytes of a tensor on the CPU, in row-major order."""
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
