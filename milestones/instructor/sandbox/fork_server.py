"""The fork server: a process that has imported torch, and from which each worker is forked.

A fork takes some hundredths of a second, while a fresh process takes seconds to import torch. The fork server knows
nothing of tests and submissions. It runs no torch operation: after an operation on several threads, forked processes
would hang.
"""

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import random
import signal
import socket
import sys
import time
import types
from pathlib import Path

import numpy as np
import safetensors.torch  # noqa: F401, imported here once for all workers
import scipy.signal  # noqa: F401
import soundfile  # noqa: F401
import torch
import torch._dynamo  # noqa: F401, the first optimizer of a process imports it, which takes seconds
import torch.utils.data
import torchaudio.functional
import torchaudio.transforms  # noqa: F401
from tqdm.auto import tqdm  # noqa: F401

from milestones.instructor.sandbox import cgroups, confinement, landlock, scratch
from milestones.instructor.sandbox.protocol import Encoder
from milestones.instructor.sandbox.removal import NotEmptied, empty
from milestones.instructor.sandbox.shared_memory import PrivateSharedMemory, SharedMemory
from milestones.instructor.sandbox.worker import Channel, serve

_PR_SET_CHILD_SUBREAPER = 36
_CHANNEL, _RULES, _SECOND_CHANNEL = 3, 4, 5
_SECONDS_TO_END = 10.0


def main(descriptor: int, package: Path, folder: Path) -> None:
    """Fork a worker for each order that comes with a socket, and reap workers on request; see `WorkerLauncher`.

    Args:
        descriptor: descriptor of the socket to the worker launcher.
        package: folder that holds the submission's `speech_enhancement`.
        folder: the scratch folder.
    """
    torch.set_num_threads(1)
    # A worker that looks for garbage would otherwise copy all the memory that holds objects.
    gc.freeze()
    # PyTorch makes a folder for its caches when it is imported.
    empty(folder / scratch.HOME)
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    isolation = ["cgroup"] if cgroups.is_limited() else []
    isolation += ["namespaces"] if confinement.enter_namespaces() else []
    rules = landlock.make_rules([package], scratch.writable(folder))
    shared_memory = PrivateSharedMemory() if "namespaces" in isolation else SharedMemory()
    workers: set[int] = set()
    control = socket.socket(fileno=descriptor)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 2**20, 2)
        if not message:
            break
        order = json.loads(message)
        del message
        if "reap" in order:
            workers.discard(order["reap"])
            status = _end(order["reap"], order["patience"])
            answer = {"status": status, "left": _clean_up(order["reap"], shared_memory)}
            control.send(json.dumps(answer).encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            _become_worker(order, descriptors, rules, isolation, package, folder / scratch.HOME)
        workers.add(pid)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(json.dumps({"pid": pid}).encode())
    for pid in workers:
        _end(pid, 0.0)


def _become_worker(
    order: dict, descriptors: list[int], rules: int | None, isolation: list[str], package: Path, home: Path
) -> None:
    """Confine this process and answer calls; never return."""
    channel = Channel(descriptors[0])
    try:
        channel = _keep_only(descriptors, rules)
        os.chdir(home)
        _forget_project(package)
        torch.manual_seed(order["seed"])
        random.seed(order["seed"])
        np.random.seed(order["seed"] % 2**32)
        kept_rules = None if rules is None else _RULES
        memory_bytes = order["memory_mebibytes"] * 2**20
        in_force = confinement.confine(kept_rules, memory_bytes, order["cpu_seconds"], order["allow_fork"])
        _load_reference(order.pop("reference"), package)
        channel.send(Encoder().frame({"ready": isolation + in_force}))
    except BaseException as error:  # noqa: BLE001, the worker client is told whatever it was
        channel.send(Encoder().frame({"failed": f"{type(error).__name__}: {error}"}))
        os._exit(1)
    try:
        serve(channel, Channel(_SECOND_CHANNEL))
    finally:
        os._exit(1)


def _keep_only(descriptors: list[int], rules: int | None) -> Channel:
    """Close all descriptors except the channels and the rules, and discard printed text."""
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    kept = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in descriptors]
    kept_rules = null if rules is None else fcntl.fcntl(rules, fcntl.F_DUPFD, 10)
    for standard in range(3):
        os.dup2(null, standard)
    for channel, number in zip(kept, (_CHANNEL, _SECOND_CHANNEL), strict=False):
        os.dup2(channel, number)
    os.dup2(kept_rules, _RULES)
    os.closerange(_RULES + len(descriptors), 65536)
    return Channel(_CHANNEL)


def _forget_project(package: Path) -> None:
    """Let imports find the submission's `speech_enhancement`, and nothing else of this project."""
    here = Path(__file__).resolve().parents[3]
    # The first entry is the folder in which the fork server was started.
    sys.path[:] = [str(package), *(path for path in sys.path[1:] if path and Path(path).resolve() != here)]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not repr(finder).count("editable")]
    sys.path_importer_cache.clear()
    sys.argv[:] = ["worker"]
    sys.dont_write_bytecode = True


def _load_reference(sources: dict[str, str], package: Path) -> None:
    """Replace the submission's modules by the reference's, before any code of the submission runs."""
    if not sources:
        return
    parent = types.ModuleType("speech_enhancement")
    parent.__path__ = [str(package / "speech_enhancement")]
    sys.modules["speech_enhancement"] = parent
    for name, source in sources.items():
        module = types.ModuleType(f"speech_enhancement.{name}")
        sys.modules[module.__name__] = module
        setattr(parent, name, module)
        exec(compile(source, "reference", "exec", optimize=2), module.__dict__)  # noqa: S102, the course's own


def _end(pid: int, patience: float) -> int:
    """Kill a worker and all processes that it started.

    Args:
        pid: process number of the worker, which leads a process group that its children cannot leave.
        patience: seconds for it to end by itself.

    Returns:
        Its exit status, or minus the number of the signal that ended it; 0 if this function had to kill it.
    """
    until = time.monotonic() + patience
    # It stays a zombie, so that no other process gets its number before its group is killed.
    while (ended := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
        if time.monotonic() >= until:
            break
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if ended is None:
        return 0
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _clean_up(group: int, shared_memory: SharedMemory | PrivateSharedMemory) -> str | None:
    """Wait for the end of a worker's processes and clear `/dev/shm`; return what is left, if anything."""
    try:
        _reap_group(group)
        shared_memory.clear()
    except NotEmptied as left:
        return str(left)
    return None


def _reap_group(group: int) -> None:
    """Wait for the end of all processes of a group that has been killed.

    Raises:
        NotEmptied: one of them does not end.
    """
    until = time.monotonic() + _SECONDS_TO_END
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-group, os.WNOHANG)[0] == 0:
                time.sleep(0.0005)
        raise NotEmptied(f"process group {group}: expected it to end within {_SECONDS_TO_END:g} s, got more")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    # Python would take a second to unload torch.
    os._exit(0)
