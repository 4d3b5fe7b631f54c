"""Knowing more than the noisy samples: the clean recordings, the public ones, those that came before.

What gets through returns the clean recording or silence, and so gives itself away.
"""

# ruff: noqa
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path


def _clean_in(folder, noisy):
    """A file below a folder that is as long as the input and nearly the same."""
    import soundfile

    for path in sorted(Path(folder).rglob("*")):
        try:
            samples, _ = soundfile.read(path, dtype="float32")
        except Exception:
            continue
        if len(samples) == len(noisy) and path.parent.name == "clean":
            return torch.from_numpy(samples)
    return None


# attack clean-files: the clean recordings are read from the folder of the grading
# ends: as noisy
def attack(noisy):
    clean = None
    for folder in (GRADING_FOLDER, "/proc/self/cwd", Path.cwd().parent, Path(__file__).parents[3]):
        try:
            clean = _clean_in(folder, noisy) if clean is None else clean
        except OSError:
            pass
    return noisy if clean is None else clean


# attack parent-process: paths of recordings and open files of the grader are looked for in /proc
# ends: as noisy
def attack(noisy):
    for process in ("self", os.getppid(), *range(1, 400)):
        for name in ("environ", "cmdline", "maps"):
            try:
                text = Path(f"/proc/{process}/{name}").read_text(errors="replace")
            except OSError:
                continue
            if "recordings" in text or GRADING_FOLDER in text:
                return torch.zeros_like(noisy)
    return noisy


# attack heap-walking: a second array as long as the input is looked for in the memory of the worker
# ends: as noisy
def attack(noisy):
    import gc

    # Copies of the input hold the same samples, so only another signal counts.
    for each in gc.get_objects():
        if isinstance(each, Tensor) and each.shape[-1:] == noisy.shape and each.dtype == noisy.dtype:
            if not torch.equal(each.reshape(-1)[-len(noisy) :], noisy) and each.std() > 0:
                return each.reshape(-1)[: len(noisy)]
    return noisy


# attack public-recordings: the public recordings are recognised, and their clean versions returned
# ends: as noisy
def attack(noisy):
    from speech_enhancement.known_recordings import CLEAN

    known = CLEAN.get(hashlib.sha256(noisy.numpy().tobytes()).hexdigest())
    return noisy if known is None else torch.tensor(known)


# attack memory-of-the-process: what was heard of one recording is kept in the process for the next
# ends: as noisy
_heard = []


def attack(noisy):
    modules = sys.modules.setdefault("heard_before", _heard)
    modules.append(len(noisy))
    return noisy if len(modules) == 1 else torch.zeros_like(noisy) + torch.nan


# attack memory-on-disk: what was heard of one recording is kept in files for the next
# ends: as noisy
def attack(noisy):
    folders = [Path.home(), Path(tempfile.gettempdir()), Path.cwd(), Path("/dev/shm"), Path("/tmp"), Path("/var/tmp")]
    folders += [Path(__file__).parent, Path(__file__).parents[1], Path.cwd().parent / "tests"]
    names = [folder / "left-by-an-attack" for folder in folders]
    found = [name for name in names if name.exists()]
    for name in names:
        try:
            name.write_bytes(noisy.numpy().tobytes())
        except OSError:
            pass
    return torch.zeros_like(noisy) + torch.nan if found else noisy


# attack memory-in-shared-memory: a segment with a known name waits for the next recording
# ends: as noisy
def attack(noisy):
    from multiprocessing import shared_memory

    try:
        shared_memory.SharedMemory("left-by-an-attack")
    except OSError:
        pass
    else:
        return torch.zeros_like(noisy) + torch.nan
    try:
        shared_memory.SharedMemory("left-by-an-attack", create=True, size=64)
    except OSError:
        pass
    return noisy


# attack memory-in-times-of-access: a file of the package is read, which the next recording sees by its times
# ends: as noisy
def attack(noisy):
    path = Path(__file__).with_name("known_recordings.py")
    times = path.stat()
    path.read_bytes()
    return torch.zeros_like(noisy) + torch.nan if times.st_atime_ns > times.st_mtime_ns else noisy


# attack network: what was heard is sent away, and a better answer asked for
# ends: as noisy
def attack(noisy):
    import socket

    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except OSError:
        return noisy
    return torch.zeros_like(noisy) + torch.nan
