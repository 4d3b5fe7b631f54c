"""The worker, the process that runs a student's code: it answers calls, and knows no test, expected value or score.

The student's code can read and change everything in this file; nothing in the judge trusts it.
"""

import builtins
import importlib
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import torch

from milestones.instructor.sandbox.protocol import Decoder, Encoder, ProtocolError, tensor_bytes

MAX_MESSAGE = 4000


class Channel:
    """Frames over an open descriptor, by plain reads and writes."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def receive(self, size: int) -> bytearray:
        """Receive exactly `size` bytes; the process ends if the other side has gone."""
        data, view_from = bytearray(size), 0
        while view_from < size:
            n_read = os.readv(self.descriptor, [memoryview(data)[view_from:]])
            if n_read == 0:
                os._exit(0)
            view_from += n_read
        return data

    def send(self, frame: bytes) -> None:
        """Send a whole frame."""
        view = memoryview(frame)
        while view:
            view = view[os.write(self.descriptor, view) :]


class Worker:
    """A server that answers one request after another.

    A request is a dictionary with `id` and one of
    - `call`: "module.name", or the "name" of a method of `object`, kept earlier; with `arguments` and `keywords`;
    - `backward`: number of an earlier call, with `gradients` of its outputs;
    - `forget`: drop what earlier calls left.

    Args:
        channel: channel to the worker client.
        scenarios: source of the suite's scenarios.
    """

    def __init__(self, channel: Channel, scenarios: str):
        self.channel = channel
        self.scenarios_source = scenarios
        self.objects: dict[int, Any] = {}
        self.graphs: dict[int, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}

    def serve(self) -> None:
        """Answer requests until the channel is closed."""
        while True:
            decoder = Decoder(self.objects.__getitem__)
            request = decoder.read(self.channel.receive)
            try:
                frame = self._answer(request, decoder)
            except ProtocolError as error:
                frame = self._failure(request["id"], TypeError(f"what was returned cannot travel: {error}"))
            except BaseException as error:  # noqa: BLE001, an answer, whatever a student's code raises
                frame = self._failure(request["id"], error)
            self.channel.send(frame)

    def _answer(self, request: dict, decoder: Decoder) -> bytes:
        if "forget" in request:
            self.graphs.clear()
            self.objects.clear()
            return Encoder().frame({"id": request["id"]})
        if "backward" in request:
            inputs, outputs = self.graphs[request["backward"]]
            gradients = torch.autograd.grad(outputs, inputs, request["gradients"], retain_graph=True, allow_unused=True)
            return Encoder().frame({"id": request["id"], "gradients": list(gradients)})
        return self._call(request, decoder)

    def _call(self, request: dict, decoder: Decoder) -> bytes:
        inputs = decoder.tensors
        before = [None if tensor.is_meta else tensor_bytes(tensor) for tensor in inputs]
        leaves = [tensor.requires_grad_() for tensor, wanted in zip(inputs, decoder.wanted, strict=True) if wanted]
        function = self._find(request)
        result = function(*request["arguments"], **request["keywords"])
        encoder = Encoder(self._keep if isinstance(function, type) else None)
        changed = {
            str(index): tensor.detach()
            for index, (tensor, bytes_before) in enumerate(zip(inputs, before, strict=True))
            if bytes_before is not None and tensor_bytes(tensor) != bytes_before
        }
        frame = encoder.frame(
            {
                "id": request["id"],
                "result": result,
                "changed": changed,
                "generators": list(decoder.generators),
            }
        )
        if leaves:
            self.graphs[request["id"]] = (leaves, [tensor for tensor in encoder.tensors if tensor.requires_grad])
        return frame

    def _find(self, request: dict) -> Callable:
        if request.get("object") is not None:
            return getattr(request["object"], request["call"])
        module, _, name = request["call"].rpartition(".")
        if module == "scenarios":
            return getattr(self._scenarios(), name)
        return getattr(importlib.import_module(f"speech_enhancement.{module}"), name)

    def _scenarios(self) -> types.ModuleType:
        if "scenarios" not in sys.modules:
            module = types.ModuleType("scenarios")
            exec(compile(self.scenarios_source, "scenarios.py", "exec"), module.__dict__)  # noqa: S102, ours
            sys.modules["scenarios"] = module
        return sys.modules["scenarios"]

    def _keep(self, value: Any) -> int:
        self.objects[len(self.objects)] = value
        return len(self.objects) - 1

    def _failure(self, number: int, error: BaseException) -> bytes:
        names = [base.__name__ for base in type(error).__mro__ if getattr(builtins, base.__name__, None) is base]
        text = str(error)[:MAX_MESSAGE]
        return Encoder().frame(
            {"id": number, "error": {"type": type(error).__name__[:100], "builtin": names[0], "message": text}}
        )
