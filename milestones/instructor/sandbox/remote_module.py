"""A `torch.nn.Module` of the submission, whose weights the judge holds while a worker computes with them.

The judge asks a worker for the names, shapes and first values of the module's parameters and buffers, once. From then
on they are the judge's: it may change or train them, and sends them with each input. A worker that returns anything
but what its module computes from them contradicts itself, or its own gradients.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from milestones.instructor.sandbox.protocol import ProtocolError, RemoteReference

if TYPE_CHECKING:
    from milestones.instructor.sandbox.remote_package import RemotePackage

MAX_TENSORS = 1000


class RemoteModule(nn.Module):
    """A module of the submission.

    Args:
        package: connection to the submission.
        name: "module.name" of its class.
        arguments, keywords: those of the class; a remote module may be one of them.

    Raises:
        Exception: the student's code raised one.
    """

    def __init__(self, package: "RemotePackage", name: str, arguments: tuple, keywords: dict):
        super().__init__()
        self._package = package
        self._recipe = (name, arguments, keywords)
        self._made_by: object | None = None
        self._has_learned = False
        made = self._make()
        with package.worker.distrust():
            for entry, tensor in _checked(made["parameters"]):
                self._holder(entry).register_parameter(entry.rpartition(".")[2], nn.Parameter(tensor))
            for entry, tensor in _checked(made["buffers"]):
                self._holder(entry).register_buffer(entry.rpartition(".")[2], tensor)

    def forward(self, *inputs: Any) -> Any:
        """Let a worker compute the module's output for the weights that the judge holds."""
        worker, _ = self._package.ready_worker("")
        buffers = dict(self.named_buffers())
        state = {**dict(self.named_parameters()), **buffers}
        request = {"forward": self.reference(), "state": state, "training": self.training, "inputs": list(inputs)}
        self._has_learned |= self.training
        return worker.request(request, may_change=tuple(buffers.values()))

    def train(self, mode: bool = True) -> "RemoteModule":
        """Set the mode; after training, evaluation is done by a worker that has seen none of it."""
        if not mode and self._has_learned:
            self._package.worker.discard()
            self._has_learned = False
        return super().train(mode)

    def reference(self) -> Any:
        """Reference to the module in the worker that is running, where it is made again if it is not there."""
        if self._made_by is not self._package.worker.running:
            self._make()
        return self._reference

    def _make(self) -> dict[str, Any]:
        name, arguments, keywords = self._recipe
        worker, parts = self._package.ready_worker(name)
        arguments = [each.reference() if isinstance(each, RemoteModule) else each for each in arguments]
        # New weights follow from the seed that a test sets, as they do without a worker.
        seed = int(torch.randint(2**62, ()))
        made = worker.request({"make": name, "arguments": arguments, "keywords": keywords, "seed": seed, **parts})
        with worker.distrust():
            if not isinstance(made["module"], RemoteReference):
                raise ProtocolError("expected a reference to the module, got something else")
            self._reference, self._made_by = made["module"], worker.running
        return made

    def _holder(self, entry: str) -> nn.Module:
        """Find the submodule that holds an entry of the state, and add those missing on the way."""
        holder: nn.Module = self
        for part in entry.split(".")[:-1]:
            if part not in holder._modules:
                holder.add_module(part, nn.Module())
            holder = holder._modules[part]
        return holder


def _checked(entries: Any) -> list[tuple[str, Tensor]]:
    if not isinstance(entries, dict) or len(entries) > MAX_TENSORS:
        raise ProtocolError(f"expected a state of at most {MAX_TENSORS} tensors, got something else")
    for name, tensor in entries.items():
        if not isinstance(tensor, Tensor) or len(name) > 200:
            raise ProtocolError(f"expected a tensor for each name of the state, got {name[:40]!r}")
    return [*entries.items()]
