"""The `speech_enhancement` that the judge imports, which has the reference's names and sends calls to the worker."""

import ast
import sys
import types
from pathlib import Path
from typing import Any

from milestones.course import PACKAGE
from milestones.instructor.sandbox.failures import GraderFault
from milestones.instructor.sandbox.protocol import RemoteReference
from milestones.instructor.sandbox.worker_client import WorkerClient


class RemotePackage:
    """The package's connection to the submission that is being graded.

    Attributes:
        worker: calls into that submission; None while no submission is being graded.
    """

    worker: WorkerClient | None = None

    def call(self, name: str, arguments: tuple, keywords: dict, target: RemoteReference | None = None) -> Any:
        """Call a function of the submission, or a method of one of its objects."""
        if self.worker is None:
            raise GraderFault(f"{name} was called while no submission is being graded")
        return self.worker.call(name, arguments, keywords, target)


class RemoteFunction:
    """A function of the submission."""

    def __init__(self, package: RemotePackage, name: str):
        self._package = package
        self._name = name
        self.__name__ = name.rpartition(".")[2]

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._package.call(self._name, arguments, keywords)


class RemoteClass(RemoteFunction):
    """A class of the submission."""

    def __call__(self, *arguments: Any, **keywords: Any) -> "RemoteObject":
        reference = super().__call__(*arguments, **keywords)
        if not isinstance(reference, RemoteReference):
            raise TypeError(f"{self._name} did not make an object")
        return RemoteObject(self._package, reference)


class RemoteObject:
    """An object that lives in the worker, with the methods of a dataset."""

    def __init__(self, package: RemotePackage, reference: RemoteReference):
        self._package = package
        self._reference = reference

    def __len__(self) -> int:
        length = self._package.call("__len__", (), {}, self._reference)
        if type(length) is not int:
            raise TypeError(f"len: expected an integer, got {type(length).__name__}")
        return length

    def __getitem__(self, index: Any) -> Any:
        return self._package.call("__getitem__", (index,), {}, self._reference)

    def set_epoch(self, epoch: int) -> Any:
        return self._package.call("set_epoch", (epoch,), {}, self._reference)


def install(folder: Path, modules: tuple[str, ...], scenarios: str) -> RemotePackage:
    """Let `import speech_enhancement.stft` and `import scenarios` find the remote package in this process.

    Args:
        folder: folder of the reference's modules, whose names are read without running any code.
        modules: names of the modules that students complete.
        scenarios: source of the suite's scenarios.

    Returns:
        The package, which still needs a worker.
    """
    package = RemotePackage()
    parent = _module(PACKAGE, {})
    parent.__path__ = []
    for name in modules:
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        module = _module(f"{PACKAGE}.{name}", _names(package, name, source))
        setattr(parent, name, module)
    _module("scenarios", _names(package, "scenarios", scenarios))
    return package


def _module(name: str, names: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module
    return module


def _names(package: RemotePackage, module: str, source: str) -> dict[str, Any]:
    """Make a remote function or class for each public one that a source defines."""
    kinds = {ast.FunctionDef: RemoteFunction, ast.ClassDef: RemoteClass}
    definitions = [node for node in ast.parse(source).body if type(node) in kinds and not node.name.startswith("_")]
    return {node.name: kinds[type(node)](package, f"{module}.{node.name}") for node in definitions}
