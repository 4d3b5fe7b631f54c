"""Frames between judge and worker: values come back as they were, and malformed frames are refused."""

import json
import struct
from pathlib import Path

import pytest
import torch

from milestones.instructor.sandbox.protocol import MAX_DEPTH, Decoder, Encoder, ProtocolError, RemoteReference


def receiver(data):
    """Make a function that reads from bytes as from a socket."""
    position = 0

    def receive(size):
        nonlocal position
        if position + size > len(data):
            raise EOFError("no more bytes")
        position += size
        return bytearray(data[position - size : position])

    return receive


def there_and_back(value):
    return Decoder().read(receiver(Encoder().frame(value)))


def frame(value, sizes=(), buffers=b""):
    header = json.dumps({"value": value, "sizes": list(sizes)}).encode()
    return struct.pack(">I", len(header)) + header + buffers


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -5, 2**62, 0.1, float("inf"), "text", Path("a/b"), [], (1, [2.5, "x"], None), {"a": (1,), "b": {}}],
)
def test_plain_values_come_back(value):
    result = there_and_back(value)
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.int64, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_tensors_come_back_bit_by_bit(dtype, shape):
    generator = torch.Generator().manual_seed(1)
    tensor = torch.randint(0, 2, shape, generator=generator).to(dtype)
    result = there_and_back([tensor])[0]
    assert result.dtype == dtype and result.shape == tensor.shape and torch.equal(result, tensor)


def test_views_conjugates_and_meta_tensors_come_back():
    tensor = torch.randn(4, 6, dtype=torch.complex64, generator=torch.Generator().manual_seed(2))
    assert torch.equal(there_and_back(tensor.T[::2].conj()), tensor.T[::2].conj())
    meta = there_and_back(torch.empty(3, 5, dtype=torch.float64, device="meta"))
    assert meta.is_meta and meta.shape == (3, 5) and meta.dtype == torch.float64


def test_a_generator_goes_on_where_it_was():
    generator = torch.Generator().manual_seed(3)
    torch.rand(10, generator=generator)
    copy = there_and_back(generator)
    assert torch.equal(torch.rand(5, generator=copy), torch.rand(5, generator=generator))


def test_every_state_that_a_generator_reaches_comes_back():
    generator = torch.Generator().manual_seed(4)
    for _ in range(630):
        copy = there_and_back(generator)
        assert torch.equal(torch.rand(1, generator=copy), torch.rand(1, generator=generator))


@pytest.mark.parametrize(("n_left", "next_number"), [(624, 624), (2, 624), (624, 2), (1, 1), (0, 1), (-1, 0)])
def test_a_generator_cannot_read_past_its_numbers(n_left, next_number):
    state = bytearray(torch.Generator().get_state().numpy())
    struct.pack_into("=i", state, 8, n_left)
    struct.pack_into("=Q", state, 16, next_number)
    with pytest.raises(ProtocolError):
        Decoder().read(receiver(frame(["generator", 0], [len(state)], bytes(state))))


def test_subclasses_come_back_as_what_they_are():
    """A number whose comparisons are all true arrives as a plain number."""

    class Liar(float):
        def __eq__(self, other):
            return True

        __hash__ = float.__hash__

    assert type(there_and_back(Liar(2.0))) is float and there_and_back(Liar(2.0)) == 2.0


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: None, 2**70, torch.eye(3).to_sparse(), range(3)])
def test_other_values_do_not_travel(value):
    with pytest.raises(ProtocolError):
        Encoder().frame(value)


def test_an_object_is_kept_and_found():
    kept = []
    data = Encoder(lambda value: kept.append(value) or len(kept) - 1).frame({"x": object()})
    assert there_and_back(RemoteReference(7)) == RemoteReference(7)
    assert Decoder(kept.__getitem__).read(receiver(data)) == {"x": kept[0]}


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 2**31) + b"x",
        struct.pack(">I", 5) + b"abcde",
        struct.pack(">I", 2) + b"[]",
        frame(["pickle", "gASV"]),
        frame(["float", "x"]),
        frame(["float"]),
        frame([]),
        frame({"a": 1}),
        frame(1.5),
        frame(10**30),
        frame(None, sizes=[2**40]),
        frame(None, sizes=[-1]),
        frame(None, sizes="x"),
        frame(["tensor", 0, "float32", [2], False], [4], b"1234"),
        frame(["tensor", 0, "float32", [-1], False], [4], b"1234"),
        frame(["tensor", 0, "object", [1], False], [4], b"1234"),
        frame(["tensor", 5, "float32", [1], False], [4], b"1234"),
        frame(["tensor", None, "float32", [2**39, 2**39], False]),
        frame(["tensor", None, "float32", [1] * 100, False]),
        frame(["generator", 0], [4], b"1234"),
        frame(["dict", [["a"]]]),
        frame(["list", 3]),
        frame(["list", [0] * 30_000]),
    ],
)
def test_malformed_frames_are_refused(data):
    with pytest.raises(ProtocolError):
        Decoder().read(receiver(data))


def test_deep_nesting_is_refused():
    value = 0
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(ProtocolError):
        Encoder().frame(value)
    body = 0
    for _ in range(MAX_DEPTH + 1):
        body = ["list", [body]]
    with pytest.raises(ProtocolError):
        Decoder().read(receiver(frame(body)))
    with pytest.raises(ProtocolError):
        Decoder().read(receiver(_nested_json(100_000)))


def _nested_json(depth):
    header = b'{"sizes": [], "value": ' + b"[" * depth + b"]" * depth + b"}"
    return struct.pack(">I", len(header)) + header
