"""The command `notebooks`: execute the lectures again, and check the committed notebooks."""

import hashlib
import json
import multiprocessing
import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import nbformat
import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm.auto import tqdm
from traitlets import Type
from traitlets.config import Config

from milestones.course import ROOT, CourseError
from milestones.instructor.configuration import Notebooks

FOLDER = ROOT / "notebooks"
MAX_BYTES = 1_500_000
MAX_LINES = 30
SECONDS_PER_CELL = 300
# What Python says of names that will go, and `lecture.check` of a sentence that does not hold.
_DOUBT = "Not so in this run"
_WARNING = re.compile(rf"\b(?:(?:PendingDeprecation|Deprecation|Future)Warning|{_DOUBT}): .*")
# Matplotlib converts tensors, whose methods for NumPy lack a keyword of NumPy 2; only PyTorch can fix that.
_WARNINGS = (
    "default::DeprecationWarning,default::PendingDeprecationWarning,"
    "ignore:__array__ implementation:DeprecationWarning,ignore:__array_wrap__ must accept:DeprecationWarning"
)
_MARK = "speech_enhancement"
_EXERCISE = "with lecture.exercise():"


class _ShellChannel(AsyncZMQSocketChannel):
    """A channel that wakes a task waiting for a reply even if a message was sent meanwhile, as sliders' outputs do."""

    def send(self, msg: dict) -> None:
        super().send(msg)
        # Sending consumes the signal that a reply has come; asking for events restores it.
        self.socket.get(zmq.EVENTS)


class _KernelClient(AsyncKernelClient):
    shell_channel_class = Type(_ShellChannel)


@dataclass(frozen=True)
class Execution:
    """A notebook that was executed.

    Attributes:
        path: path of the notebook.
        notebook: the notebook with its outputs.
        seconds: wall-clock time.
        complaints: one line for each fault; empty if there is none.
    """

    path: Path
    notebook: NotebookNode
    seconds: float
    complaints: list[str]

    @property
    def faults(self) -> list[str]:
        """Complaints of all but sentences, since a training gives other numbers on each machine."""
        return [complaint for complaint in self.complaints if _DOUBT not in complaint]


def run(configuration: Notebooks) -> int:
    """Execute notebooks, and replace each that runs to its end; return 1 if one does not, or has a fault."""
    status = 0
    n_cores = len(os.sched_getaffinity(0))
    jobs = configuration.jobs or n_cores
    for execution in execute_all(find(configuration.names), jobs, max(1, n_cores // jobs)):
        if not execution.complaints:
            write(execution)
        complaints = execution.complaints or inspect(execution.path)
        print(f"{execution.path.name}: {'; '.join(complaints) or f'{execution.seconds:.0f} s'}")
        status |= bool(complaints)
    return status


def find(names: Sequence[str] = ()) -> list[Path]:
    """List the paths of the course's notebooks, or of those with the given names.

    Raises:
        CourseError: no notebook has such a name.
    """
    known = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    for name in names:
        if name not in known:
            raise CourseError(f"{name}: expected the name of a notebook, one of {', '.join(known)}")
    return [known[name] for name in names or known]


def execute_all(paths: Sequence[Path], jobs: int, threads: int) -> Iterator[Execution]:
    """Execute notebooks, several at a time, each in its own kernel; yield them in the order in which they end."""
    # One process for each, since a client's event loop and exit handlers belong to its process.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as executor:
        futures = [executor.submit(execute, path, threads) for path in paths]
        for future in tqdm(as_completed(futures), total=len(paths), desc="notebooks", unit="notebook"):
            yield future.result()


def execute(path: Path, threads: int) -> Execution:
    """Execute a notebook in a fresh kernel, in its folder, with the package beside it and without its old outputs."""
    notebook = nbformat.read(path, as_version=4)
    config = Config({"AsyncKernelManager": {"client_factory": _KernelClient}})
    client = NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        record_timing=False,
        # After the last cell the kernel has nothing left to save.
        shutdown_kernel="immediate",
        config=config,
    )
    root = path.parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": _WARNINGS}
    begin = time.monotonic()
    complaints = []
    try:
        client.execute(cwd=str(path.parent), env=environment)
    except CellExecutionError as error:
        complaints.append(f"expected it to run to its end, got {error.ename}: {error.evalue}")
    except (CellTimeoutError, DeadKernelError) as error:
        complaints.append(f"expected it to run to its end, got {type(error).__name__}")
    seconds = time.monotonic() - begin
    return Execution(path, notebook, seconds, complaints + list(_warnings(notebook)))


def write(execution: Execution) -> None:
    """Replace a notebook by the executed one, together with the hash of the code whose outputs it holds."""
    notebook = execution.notebook
    notebook.metadata = {name: notebook.metadata[name] for name in ("kernelspec",) if name in notebook.metadata}
    notebook.metadata[_MARK] = {"code": code_hash(notebook)}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    temporary = execution.path.with_name(f".{execution.path.name}.part")
    nbformat.write(notebook, temporary)
    temporary.replace(execution.path)


def inspect(path: Path) -> list[str]:
    """List the faults of a committed notebook, one line each."""
    notebook = nbformat.read(path, as_version=4)
    complaints = list(_warnings(notebook))
    if path.stat().st_size > MAX_BYTES:
        complaints.append(f"expected at most {MAX_BYTES} bytes, got {path.stat().st_size}")
    if notebook.metadata.get(_MARK, {}).get("code") != code_hash(notebook):
        complaints.append(f"its code changed and its outputs did not: python -m milestones notebooks {path.stem}")
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        complaints.append("expected each cell to be executed once, from first to last")
    if any(output.output_type == "error" for cell in code for output in cell.outputs):
        complaints.append("expected no errors in its outputs, got one")
    for number, cell in enumerate(notebook.cells):
        n_lines = cell.source.count("\n") + 1
        if cell.cell_type == "code" and n_lines > MAX_LINES:
            complaints.append(f"cell {number}: expected at most {MAX_LINES} lines, got {n_lines}")
        if "### BEGIN SOLUTION" in cell.source and cell.cell_type == "code" and _EXERCISE not in cell.source:
            complaints.append(f"cell {number}: expected `{_EXERCISE}` around what calls its exercise, got none")
    return complaints


def code_hash(notebook: NotebookNode) -> str:
    """Compute the SHA-256 of the code cells' sources."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _warnings(notebook: NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "stream" and output.name == "stderr":
                yield from (f"cell {number}: {found[0][:200]}" for found in _WARNING.finditer(output.text))
