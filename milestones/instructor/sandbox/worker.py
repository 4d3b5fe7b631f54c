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
SCENARIOS = "scenarios"


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


def serve(channel: Channel, second: Channel) -> None:
    """Answer requests until the channel is closed.

    A request is a dictionary with `id`. One with `import` names a module of the submission. One with `forget` drops
    what the last test left. One with `fork` starts another process, which answers on the second channel. `Worker`
    describes the others. While a module is imported, the process holds nothing of a test: no object, no scenario.
    """
    worker = None
    while True:
        decoder = Decoder(None if worker is None else worker.objects.__getitem__)
        request = decoder.read(channel.receive)
        try:
            if "forget" in request:
                worker = None
                sys.modules.pop(SCENARIOS, None)
                frame = Encoder().frame({"id": request["id"]})
            elif "fork" in request:
                if os.fork() == 0:
                    channel = second
                    continue
                frame = Encoder().frame({"id": request["id"]})
            elif "import" in request:
                importlib.import_module(f"speech_enhancement.{request['import']}")
                frame = Encoder().frame({"id": request["id"]})
            else:
                worker = worker or Worker()
                frame = worker.frame(request, decoder)
        except ProtocolError as error:
            frame = _failure(request["id"], TypeError(f"what was returned cannot travel: {error}"))
        except BaseException as error:  # noqa: BLE001, an answer, whatever a student's code raises
            frame = _failure(request["id"], error)
        channel.send(frame)


class Worker:
    """The objects and gradients that the requests of one test leave, and the answers to these requests.

    A request is one of
    - `call`: "module.name", or the "name" of a method of `object`, kept earlier; with `arguments` and `keywords`;
    - `make`: "module.name" of a class of `torch.nn.Module`, with `arguments`, `keywords` and the `seed` of its weights;
      the module is kept;
    - `forward`: a module kept earlier, with `inputs`, the mode `training`, and the `state` to compute with;
    - `backward`: number of an earlier call or forward, with `gradients` of its outputs.

    Each but the last has `grad`, true if PyTorch is to record gradients; the first two may have `scenarios`, the source
    of the suite's scenarios.
    """

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.graphs: dict[int, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}

    def frame(self, request: dict, decoder: Decoder) -> bytes:
        """Carry out a request, and encode the answer."""
        if "backward" in request:
            inputs, outputs = self.graphs[request["backward"]]
            gradients = torch.autograd.grad(outputs, inputs, request["gradients"], retain_graph=True, allow_unused=True)
            return Encoder().frame({"id": request["id"], "gradients": list(gradients)})
        _load_scenarios(request)
        inputs = decoder.tensors
        before = [None if tensor.is_meta else tensor_bytes(tensor) for tensor in inputs]
        leaves = [tensor.requires_grad_() for tensor, wanted in zip(inputs, decoder.wanted, strict=True) if wanted]
        with torch.set_grad_enabled(request["grad"]):
            result, keep = self._carry_out(request)
        encoder = Encoder(keep)
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

    def _carry_out(self, request: dict) -> tuple[Any, Callable[[Any], int] | None]:
        """Compute the result of a request, and find the function that keeps an object in it, if it may hold one."""
        if "forward" in request:
            module = request["forward"].train(request["training"])
            return torch.func.functional_call(module, request["state"], tuple(request["inputs"])), None
        if "make" in request:
            torch.manual_seed(request["seed"])
            module = _find(request["make"])(*request["arguments"], **request["keywords"])
            if not isinstance(module, torch.nn.Module):
                raise TypeError(f"{request['make']}: expected a torch.nn.Module, got {type(module).__name__}")
            parameters = {name: parameter.detach() for name, parameter in module.named_parameters()}
            buffers = dict(module.named_buffers())
            return {"module": module, "parameters": parameters, "buffers": buffers}, self._keep
        target = request.get("object")
        function = _find(request["call"]) if target is None else getattr(target, request["call"])
        result = function(*request["arguments"], **request["keywords"])
        return result, self._keep if isinstance(function, type) else None

    def _keep(self, value: Any) -> int:
        self.objects[len(self.objects)] = value
        return len(self.objects) - 1


def _find(name: str) -> Callable:
    module, _, name = name.rpartition(".")
    package = "" if module == SCENARIOS else "speech_enhancement."
    return getattr(importlib.import_module(f"{package}{module}"), name)


def _load_scenarios(request: dict) -> None:
    if "scenarios" in request and SCENARIOS not in sys.modules:
        module = types.ModuleType(SCENARIOS)
        sys.modules[SCENARIOS] = module
        exec(compile(request["scenarios"], "scenarios.py", "exec"), module.__dict__)  # noqa: S102, ours


def _failure(number: int, error: BaseException) -> bytes:
    names = [base.__name__ for base in type(error).__mro__ if getattr(builtins, base.__name__, None) is base]
    text = str(error)[:MAX_MESSAGE]
    return Encoder().frame(
        {"id": number, "error": {"type": type(error).__name__[:100], "builtin": names[0], "message": text}}
    )
