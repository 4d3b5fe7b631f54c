"""What a submission's process may reach: the strongest that the host allows, told by name in every report.

- namespaces: its own users, mounts, network and interprocess communication, with a `/dev/shm` of its own;
- Landlock: it reads Python, its libraries and its own package, writes its scratch folder, and nothing else;
- seccomp: no sockets, no exec, no fork, no signals to others (`system_calls`);
- limits of memory, processor time, file size and open files.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import site
import struct
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from milestones.instructor.sandbox import seccomp

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << n for n in range(6))
_MAKE_DIR, _MAKE_REG, _REFER, _TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
_READ = _READ_FILE | _READ_DIR
# Neither symbolic links, nor sockets, pipes and devices: whoever reads the folder afterwards meets plain files alone.
_SCRATCH = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE

_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x00020000, 0x40000000, 0x08000000
_MS_REC, _MS_PRIVATE, _MS_NOSUID, _MS_NODEV = 0x4000, 1 << 18, 2, 4

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38

MAX_FILE_BYTES = 64 * 2**20
OWN_PACKAGES = ("speech_enhancement", "milestones", "__editable__")
REQUIRED = ("landlock", "seccomp")
# A command's words may take 2 MB together, and a path of scratch 4 KiB.
_PATHS_AT_ONCE = 250

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Version of the kernel's Landlock, 0 where there is none."""
    if platform.system() != "Linux":
        return 0
    return max(0, _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))


def can_be_strong() -> bool:
    """Whether this host has Landlock and seccomp."""
    return landlock_version() > 0 and seccomp.is_available()


def is_strong(isolation: list[str]) -> bool:
    """Whether Landlock and seccomp are both among what is in force."""
    return all(any(each.startswith(name) for each in isolation) for name in REQUIRED)


def landlock_rules(readable: list[Path], writable: list[Path]) -> int | None:
    """A set of Landlock rules as an open descriptor, to be put in force by any number of forks; None without Landlock.

    Args:
        readable: folders that may be read, beside Python and its libraries.
        writable: folders that may be written, too.
    """
    version = landlock_version()
    if not version:
        return None
    # Rights that a version does not know yet may not be named: 13 of files at first, then REFER, TRUNCATE and IOCTL.
    n_rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    handled = (1 << n_rights) - 1
    network = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0
    attributes = struct.pack("@QQQ", handled, network, scoped)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _call("landlock", _libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path in [*_python_paths(), *readable]:
        _allow(rules, path, _READ & handled)
    # Imports list the folders that modules are searched in; to list is not to read.
    for path in (*_package_folders(), Path(sysconfig.get_path("stdlib"))):
        _allow(rules, path, _READ_DIR)
    for path in [Path("/dev/null"), Path("/dev/zero"), Path("/dev/shm"), *writable]:
        _allow(rules, path, _SCRATCH & handled)
    for path in (Path("/dev/urandom"), Path("/dev/random")):
        _allow(rules, path, _READ_FILE)
    return rules


def confine(rules: int | None, memory_bytes: int, cpu_seconds: int, allow_fork: bool) -> list[str]:
    """Confine this process for good.

    Args:
        rules: descriptor by `landlock_rules`.
        memory_bytes: what may be allocated beyond what is now.
        cpu_seconds: processor time in all.
        allow_fork: let it make processes.

    Returns:
        Names of what is now in force.
    """
    in_force = []
    # Read before Landlock, which hides /proc.
    address_space = _address_space() + memory_bytes
    if platform.system() == "Linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if rules is not None:
        _call("landlock", _libc.syscall(_LANDLOCK_RESTRICT, rules, 0))
        os.close(rules)
        in_force.append(f"landlock {landlock_version()}")
    _limit(address_space, cpu_seconds)
    in_force.append("limits")
    if seccomp.is_available():
        seccomp.install(allow_fork)
        # The filter makes it do nothing, but `Path.touch` needs to be told where there is no file yet.
        os.utime = lambda path, *arguments, **keywords: Path(path).stat() and None
        in_force.append("seccomp")
    return in_force


def limit_memory(more_bytes: int) -> None:
    """Let this process, and what it starts from now on, allocate so much beyond what is now, where that is known."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if used := _address_space():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (used + more_bytes, hard))


def _package_folders() -> set[Path]:
    """Where packages are installed."""
    return {Path(path).resolve() for path in [*site.getsitepackages(), sysconfig.get_path("purelib")]}


def _python_paths() -> list[Path]:
    """What Python and its libraries need to read; not this project, even where it is installed beside them."""
    packages = _package_folders()
    bases = {Path(prefix) / "lib" for prefix in (sys.base_prefix, sys.base_exec_prefix)}
    paths = [each for base in bases if base.is_dir() for each in base.iterdir() if each.is_file()]
    system = ("/usr/lib", "/lib", "/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime")
    for folder in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *system):
        paths += _without(Path(folder).resolve(), packages)
    for folder in packages:
        children = folder.iterdir() if folder.is_dir() else ()
        paths += [path for path in children if not path.name.startswith(OWN_PACKAGES)]
    return [*dict.fromkeys(paths), Path("/sys/devices/system/cpu")]


def _without(path: Path, others: set[Path]) -> list[Path]:
    """The path, or as many of the paths below it as do not hold one of the others."""
    if path in others:
        return []
    if not any(other.is_relative_to(path) for other in others):
        return [path]
    return [each for child in path.iterdir() for each in _without(child, others)]


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE | _EXECUTE
        rule = struct.pack("=Qi", rights, descriptor)
        _call("landlock", _libc.syscall(_LANDLOCK_ADD, rules, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def enter_namespaces() -> bool:
    """Own users, mounts, network and interprocess communication, and a `/dev/shm` that nobody else sees.

    Returns:
        Whether the host allows it; where not, nothing has changed.
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
    return _libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"size=256m") == 0


def remove(*paths: Path) -> None:
    """Remove files and folders, also those that are too deep for Python, whose own way is a recursion."""
    for start in range(0, len(paths), _PATHS_AT_ONCE):
        words = ["rm", "-rf", "--", *map(str, paths[start : start + _PATHS_AT_ONCE])]
        subprocess.run(words, check=False, stderr=subprocess.DEVNULL)


class SharedMemory:
    """What lies in `/dev/shm`, so that what a worker leaves there can be taken away."""

    FOLDER = Path("/dev/shm")

    def __init__(self) -> None:
        self.names = self._names()
        self.since = time.time()

    def clear(self) -> None:
        """Remove what is new and ours."""
        for name in self._names() - self.names:
            path = self.FOLDER / name
            with contextlib.suppress(OSError):
                status = path.lstat()
                if status.st_uid == os.getuid() and status.st_ctime >= self.since - 1:
                    remove(path)

    def _names(self) -> set[str]:
        return set(os.listdir(self.FOLDER)) if self.FOLDER.is_dir() else set()  # noqa: PTH208, names are wanted


def _limit(address_space: int, cpu_seconds: int) -> None:
    limits = {
        "RLIMIT_FSIZE": MAX_FILE_BYTES,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_AS": address_space,
    }
    # The softer limit sends SIGXCPU, which tells the end from others.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    for name, value in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def _address_space() -> int:
    """Bytes of address space in use."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


def _call(what: str, result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result
