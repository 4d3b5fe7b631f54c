"""The processes of a worker seen from outside, through `/proc`: how many there are, and what they hold."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

_N_THREADS = 17
"""Place in `/proc/PID/stat` behind the name of the program."""

_OWN_PAGES = re.compile(r"^(?:RssAnon|RssShmem):\s+(\d+) kB", re.MULTILINE)
_SHARES_OF_PAGES = re.compile(r"^(?:Pss_Anon|Pss_Shmem):\s+(\d+) kB", re.MULTILINE)
_MAPPED = re.compile(r"^\S+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) ([1-9]\d*) .*?( \(deleted\))?$", re.MULTILINE)


def threads(leader: int, only_leader: bool) -> dict[int, int]:
    """Count the threads of each process of a group, by process number; one that nobody has waited for counts too.

    Args:
        leader: number of the process that leads the group, and of the group.
        only_leader: True if it cannot have other processes.
    """
    found = {}
    for number in [leader] if only_leader else _members(leader):
        with contextlib.suppress(OSError, IndexError):
            words = Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()
            found[number] = int(words[_N_THREADS])
    return found


def memory(group: int, processes: Sequence[int], enough: int) -> int:
    """Measure the memory of processes in bytes, without files and without counting twice what they share.

    Args:
        group: their group.
        processes: their numbers.
        enough: bytes up to which an upper bound will do, which is found much faster.
    """
    bound = sum(_sum(f"/proc/{number}/status", _OWN_PAGES) for number in processes)
    if bound <= enough:
        return bound
    with contextlib.suppress(ProcessLookupError):
        # Otherwise they could give memory back one after another, each before it is looked at.
        os.killpg(group, signal.SIGSTOP)
        try:
            return sum(_sum(f"/proc/{number}/smaps_rollup", _SHARES_OF_PAGES) for number in processes)
        finally:
            os.killpg(group, signal.SIGCONT)
    return 0


def files_in_memory() -> set[tuple[int, int]]:
    """Find the device and inode of each file that any process of this user has in its memory."""
    processes = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return {file for process in processes for file, _ in _mapped(process)}


def count_deleted(processes: Sequence[int], devices: set[int]) -> int:
    """Count the files on some devices that have no name any more, and last as long as processes hold them."""
    found = {each for number in processes for each in _deleted(number)}
    return sum(device in devices for device, _ in found)


def _members(group: int) -> Iterator[int]:
    """Yield the numbers of the processes of a group."""
    # Names, and not paths, since this is done often and takes a tenth of the time.
    for name in os.listdir("/proc") if Path("/proc").is_dir() else ():  # noqa: PTH208
        with contextlib.suppress(ValueError, ProcessLookupError):
            if os.getpgid(int(name)) == group:
                yield int(name)


def _deleted(process: int) -> Iterator[tuple[int, int]]:
    """Yield the device and inode of each deleted file that a process has open or in its memory."""
    yield from (file for file, is_deleted in _mapped(process) if is_deleted)
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                status = descriptor.stat()
                if status.st_nlink == 0:
                    yield status.st_dev, status.st_ino


def _mapped(process: int) -> Iterator[tuple[tuple[int, int], bool]]:
    """Yield the device and inode of each file that a process has in its memory, and whether it is deleted."""
    with contextlib.suppress(OSError):
        for major, minor, inode, deleted in _MAPPED.findall(Path(f"/proc/{process}/maps").read_text(errors="replace")):
            yield (os.makedev(int(major, 16), int(minor, 16)), int(inode)), bool(deleted)


def _sum(file: str, lines: re.Pattern) -> int:
    """Add up the kilobytes in some lines of a file of the kernel's; 0 if the process has ended."""
    with contextlib.suppress(OSError):
        return 1024 * sum(map(int, lines.findall(Path(file).read_text())))
    return 0
