"""The `speech_enhancement` that the judge imports: its names are the reference's, its calls go to the worker."""

import ast
import sys
import types
from pathlib import Path
from typing import Any

from milestones.instructor.sandbox.protocol import RemoteReference
from milestones.instructor.sandbox.worker_client import Client
from milestones.instructor.sandbox.worker_launcher import GraderFault


class Exchange:
    """Where stand-ins find the client of the submission that is being graded."""

    client: Client | None = None

    def call(self, name: str, arguments: tuple, keywords: dict, target: RemoteReference | None = None) -> Any:
        if self.client is None:
            raise GraderFault(f"{name} was called while no submission is being graded")
        return self.client.call(name, arguments, keywords, target)


class RemoteFunction:
    """A function of a submission."""

    def __init__(self, exchange: Exchange, name: str):
        self._exchange = exchange
        self._name = name
        self.__name__ = name.rpartition(".")[2]

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._exchange.call(self._name, arguments, keywords)


class RemoteClass(RemoteFunction):
    """A class of a submission."""

    def __call__(self, *arguments: Any, **keywords: Any) -> "RemoteObject":
        reference = super().__call__(*arguments, **keywords)
        if not isinstance(reference, RemoteReference):
            raise TypeError(f"{self._name} did not make an object")
        return RemoteObject(self._exchange, reference)


class RemoteObject:
    """An object that lives in the worker, with the methods of a dataset."""

    def __init__(self, exchange: Exchange, reference: RemoteReference):
        self._exchange = exchange
        self._reference = reference

    def __len__(self) -> int:
        length = self._exchange.call("__len__", (), {}, self._reference)
        if type(length) is not int:
            raise TypeError(f"len: expected an integer, got {type(length).__name__}")
        return length

    def __getitem__(self, index: Any) -> Any:
        return self._exchange.call("__getitem__", (index,), {}, self._reference)

    def set_epoch(self, epoch: int) -> Any:
        return self._exchange.call("set_epoch", (epoch,), {}, self._reference)


def install(package: Path, modules: tuple[str, ...], scenarios: str) -> Exchange:
    """Let `import speech_enhancement.stft` and `import scenarios` give stand-ins in this process.

    Args:
        package: folder of the reference's modules, of which the names are read, and nothing is run.
        modules: names of the modules that students complete.
        scenarios: source of the suite's scenarios.

    Returns:
        What is to be given a client.
    """
    exchange = Exchange()
    parent = _module("speech_enhancement", {})
    parent.__path__ = []
    for name in modules:
        source = (package / f"{name}.py").read_text(encoding="utf-8")
        module = _module(f"speech_enhancement.{name}", _names(exchange, name, source))
        setattr(parent, name, module)
    _module("scenarios", _names(exchange, "scenarios", scenarios))
    return exchange


def _module(name: str, names: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module
    return module


def _names(exchange: Exchange, module: str, source: str) -> dict[str, Any]:
    """A stand-in for each public function and class that a source defines."""
    kinds = {ast.FunctionDef: RemoteFunction, ast.ClassDef: RemoteClass}
    definitions = [node for node in ast.parse(source).body if type(node) in kinds and not node.name.startswith("_")]
    return {node.name: kinds[type(node)](exchange, f"{module}.{node.name}") for node in definitions}
