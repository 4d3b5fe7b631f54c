"""The confinement of a submission's process: the strongest that the host allows, named in every report.

- namespaces: its own users, mounts, network and interprocess communication, with its own `/dev/shm`;
- Landlock: it reads only Python, its libraries and its own package, and writes only its scratch folder (`landlock`);
- seccomp: no sockets, no exec, no fork, no signals to others (`seccomp`);
- limits on memory, processor time, file size and open files.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

from milestones.instructor.sandbox import landlock, seccomp, shared_memory

REQUIRED = ("landlock", "seccomp")
MAX_FILE_BYTES = 64 * 2**20

_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x00020000, 0x40000000, 0x08000000
_MS_REC, _MS_PRIVATE, _MS_NOSUID, _MS_NODEV = 0x4000, 1 << 18, 2, 4
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

_libc = ctypes.CDLL(None, use_errno=True)


def can_be_strong() -> bool:
    """Return True on a host with Landlock and seccomp."""
    return landlock.version() > 0 and seccomp.is_available()


def is_strong(isolation: Sequence[str]) -> bool:
    """Return True if Landlock and seccomp are both in force."""
    return all(any(each.startswith(name) for each in isolation) for name in REQUIRED)


def enter_namespaces() -> bool:
    """Enter new namespaces of users, mounts, network and interprocess communication, with a new `/dev/shm`.

    Returns:
        True if the host allows all of this.
    """
    if platform.system() != "Linux":
        return False
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEW_USER | _NEW_MOUNTS | _NEW_NETWORK | _NEW_IPC) != 0:
        return False
    with contextlib.suppress(OSError):
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    if _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    options = f"size={shared_memory.MAX_BYTES},nr_inodes={shared_memory.MAX_FILES}".encode()
    return _libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", _MS_NOSUID | _MS_NODEV, options) == 0


def confine(rules: int | None, memory_bytes: int, cpu_seconds: int, allow_fork: bool) -> list[str]:
    """Confine this process for good.

    Args:
        rules: descriptor from `landlock.make_rules`.
        memory_bytes: memory that may be allocated beyond what is in use.
        cpu_seconds: processor time in all.
        allow_fork: True to let it start processes.

    Returns:
        Names of what is in force.
    """
    in_force = []
    # Read before Landlock, which hides /proc.
    address_space = _address_space() + memory_bytes
    if platform.system() == "Linux":
        # Where memory runs out, the kernel ends this process and not the grader.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if rules is not None:
        landlock.put_in_force(rules)
        os.close(rules)
        in_force.append(f"landlock {landlock.version()}")
    _limit(address_space, cpu_seconds)
    in_force.append("limits")
    if seccomp.is_available():
        seccomp.install(allow_fork)
        # The filter turns utime into a no-op, but `Path.touch` relies on its error if there is no file yet.
        os.utime = lambda path, *arguments, **keywords: Path(path).stat() and None
        in_force.append("seccomp")
    return in_force


def limit_memory(more_bytes: int) -> None:
    """Let this process and its children allocate this many bytes beyond those in use, if the host reports these."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if used := _address_space():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (used + more_bytes, hard))


def _limit(address_space: int, cpu_seconds: int) -> None:
    limits = {
        "RLIMIT_FSIZE": MAX_FILE_BYTES,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_AS": address_space,
    }
    # The soft limit sends SIGXCPU, which tells this end from others.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    for name, value in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def _address_space() -> int:
    """Read the bytes of address space in use; 0 if the host does not report them."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0
