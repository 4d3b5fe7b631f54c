"""The `speech_enhancement` that the judge imports, which has the reference's names and sends calls to the worker."""

import ast
import sys
import types
from pathlib import Path
from typing import Any

from milestones.course import PACKAGE
from milestones.instructor.sandbox.failures import GraderFault
from milestones.instructor.sandbox.protocol import RemoteReference
from milestones.instructor.sandbox.remote_module import RemoteModule
from milestones.instructor.sandbox.worker_client import WorkerClient

SCENARIOS = "scenarios"
"""Name of the suite's own module of functions and classes that run beside the student's code."""

NEW_PROCESS, IN_ANOTHER_PROCESS = "new_process", "in_another_process"
"""Names of the scenarios that the judge carries out itself: with a new worker, and with a process that one starts."""


class RemotePackage:
    """The package's connection to the submission that is being graded.

    Args:
        scenarios: source of the suite's scenarios, which is sent with each call of one.

    Attributes:
        worker: calls into that submission; None while no submission is being graded.
    """

    def __init__(self, scenarios: str):
        self.worker: WorkerClient | None = None
        self._scenarios = scenarios
        self._imports = _imports(scenarios)

    def call(self, name: str, arguments: tuple, keywords: dict, target: RemoteReference | None = None) -> Any:
        """Call a function of the submission, or a method of one of its objects."""
        if name == f"{SCENARIOS}.{NEW_PROCESS}" and self.worker is not None:
            return self.worker.discard()
        if name == f"{SCENARIOS}.{IN_ANOTHER_PROCESS}":
            return arguments[0].in_another_process()
        worker, parts = self.ready_worker(name if target is None else "")
        return worker.call(name, arguments, keywords, target, **parts)

    def ready_worker(self, name: str) -> tuple[WorkerClient, dict[str, str]]:
        """Let the worker import the modules that a function or class needs.

        Returns:
            The worker, and what else a request that names the function must hold.
        """
        if self.worker is None:
            raise GraderFault(f"{name or 'a method'} was called while no submission is being graded")
        module, _, function = name.rpartition(".")
        is_scenario = module == SCENARIOS
        for needed in self._imports.get(function, ()) if is_scenario else (module,) if module else ():
            self.worker.import_module(needed)
        return self.worker, {"scenarios": self._scenarios} if is_scenario else {}


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


class RemoteModuleClass(RemoteFunction):
    """A class of the submission that derives from `torch.nn.Module`."""

    def __call__(self, *arguments: Any, **keywords: Any) -> RemoteModule:
        return RemoteModule(self._package, self._name, arguments, keywords)


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

    def in_another_process(self) -> "RemoteObject":
        """Let the worker start a process, and return the copy of the object that is in it."""
        self._package.worker.exchange({"fork": True})
        return RemoteObject(self._package, RemoteReference(self._reference.number, process=1))

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
    package = RemotePackage(scenarios)
    parent = _module(PACKAGE, {})
    parent.__path__ = []
    for name in modules:
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        module = _module(f"{PACKAGE}.{name}", _names(package, name, source))
        setattr(parent, name, module)
    _module(SCENARIOS, _names(package, SCENARIOS, scenarios))
    return package


def _module(name: str, names: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module
    return module


def _names(package: RemotePackage, module: str, source: str) -> dict[str, Any]:
    """Make a remote function or class for each public one that a source defines."""
    definitions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    public = [node for node in definitions if not node.name.startswith("_")]
    return {node.name: _kind(node)(package, f"{module}.{node.name}") for node in public}


def _kind(node: ast.stmt) -> type[RemoteFunction]:
    if isinstance(node, ast.FunctionDef):
        return RemoteFunction
    is_module = any(ast.unparse(base).rpartition(".")[2] == "Module" for base in node.bases)
    return RemoteModuleClass if is_module else RemoteClass


def _imports(scenarios: str) -> dict[str, list[str]]:
    """Find the modules of the package that each scenario imports, by the scenario's name."""
    return {
        node.name: [
            each.module.rpartition(".")[2]
            for each in ast.walk(node)
            if isinstance(each, ast.ImportFrom) and each.module.startswith(f"{PACKAGE}.")
        ]
        for node in ast.parse(scenarios).body
        if isinstance(node, ast.FunctionDef)
    }
