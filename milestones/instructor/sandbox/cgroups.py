"""Limits on a fork server and all its workers together, which the kernel keeps where systemd may ask it to."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

MAX_TASKS = 192
"""Processes and threads of a fork server and its workers."""

_CGROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_LIBRARY_BYTES = 2**30
"""Memory that the fork server takes for libraries and for what it has read of files."""

_SESSION = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def scope(memory_bytes: int) -> list[str]:
    """Return words that run the command behind them with limits, in a scope of systemd; none if that is not possible.

    Args:
        memory_bytes: memory of all workers together.
    """
    # Version 2 of cgroups, since the other one does not let an ordinary account set limits.
    if not shutil.which("systemd-run") or not (_CGROUPS / "cgroup.controllers").is_file():
        return []
    words = ["systemd-run", "--scope", "--quiet", "--collect", *(["--user"] if os.getuid() else [])]
    limits = {"TasksMax": MAX_TASKS, "MemoryMax": memory_bytes + _LIBRARY_BYTES, "MemorySwapMax": 0}
    # Where memory runs out, the kernel ends one process, and systemd does not end the others.
    limits["OOMPolicy"] = "continue"
    words += [f"--property={name}={value}" for name, value in limits.items()]
    # Workers need not know where the instructor's session is.
    words += ["--", "env", *(f"--unset={name}" for name in (*_SESSION, "INVOCATION_ID"))]
    try:
        probe = subprocess.run([*words, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return words if probe.returncode == 0 else []


def session() -> dict[str, str]:
    """Return the part of the environment by which `scope` finds systemd."""
    return {name: os.environ[name] for name in _SESSION if name in os.environ}


def is_limited() -> bool:
    """Return True if this process is in a scope with these limits."""
    with contextlib.suppress(OSError):
        for line in _OWN.read_text().splitlines():
            if line.startswith("0::/"):
                group = _CGROUPS / line.removeprefix("0::/")
                limits = {name: (group / name).read_text().strip() for name in ("pids.max", "memory.max")}
                return limits["pids.max"] == str(MAX_TASKS) and limits["memory.max"] != "max"
    return False
