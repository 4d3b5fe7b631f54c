"""Landlock: rules for the files that a process may read and write, kept by the kernel.

A confined process reads Python, its libraries and its own package, writes its scratch folder, and reaches nothing else.
Source: the kernel's documentation, "Landlock: unprivileged access control".
"""

import ctypes
import os
import platform
import site
import struct
import sys
import sysconfig
from pathlib import Path

OWN_PACKAGES = ("speech_enhancement", "milestones", "__editable__")
"""Prefixes of names in `site-packages` that belong to this project."""

_CREATE_RULES, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << n for n in range(6))
_MAKE_DIR, _MAKE_REG, _REFER, _TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
_READ = _READ_FILE | _READ_DIR
# No symbolic links, sockets, pipes and devices, so that the folder holds only plain files afterwards.
_SCRATCH = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
# No folders, and no list of names: others may have files there, whose names cannot be guessed.
_SHARED_MEMORY = _READ_FILE | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of the kernel's Landlock, 0 if there is none."""
    if platform.system() != "Linux":
        return 0
    return max(0, _libc.syscall(_CREATE_RULES, None, ctypes.c_size_t(0), 1))


def make_rules(readable: list[Path], writable: list[Path]) -> int | None:
    """Make a set of rules as an open descriptor, which any number of forks can put in force; None without Landlock.

    Args:
        readable: folders that may be read, besides Python and its libraries.
        writable: folders that may be read and written.
    """
    known = version()
    if not known:
        return None
    # Rights that a version does not know must not be named: at first 13 for files, then REFER, TRUNCATE and IOCTL.
    n_rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(known, 16)
    handled = (1 << n_rights) - 1
    network = 3 if known >= 4 else 0
    scoped = 3 if known >= 6 else 0
    attributes = struct.pack("@QQQ", handled, network, scoped)[: 24 if known >= 6 else 16 if known >= 4 else 8]
    rules = _checked(_libc.syscall(_CREATE_RULES, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path in [*_python_paths(), *readable]:
        _allow(rules, path, _READ & handled)
    # Imports list the folders that they search for modules, which does not require reading files.
    for path in (*_package_folders(), Path(sysconfig.get_path("stdlib"))):
        _allow(rules, path, _READ_DIR)
    for path in [Path("/dev/null"), Path("/dev/zero"), *writable]:
        _allow(rules, path, _SCRATCH & handled)
    _allow(rules, Path("/dev/shm"), _SHARED_MEMORY & handled)
    for path in (Path("/dev/urandom"), Path("/dev/random")):
        _allow(rules, path, _READ_FILE)
    return rules


def put_in_force(rules: int) -> None:
    """Confine this process, and all that it starts, for good; it must have given up gaining privileges.

    Args:
        rules: descriptor by `make_rules`.
    """
    _checked(_libc.syscall(_RESTRICT_SELF, rules, 0))


def _package_folders() -> set[Path]:
    """List the folders in which packages are installed."""
    return {Path(path).resolve() for path in [*site.getsitepackages(), sysconfig.get_path("purelib")]}


def _python_paths() -> list[Path]:
    """List the files and folders that Python and its libraries read, without this project's own, even if installed."""
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
    """Return the path, or those paths below it that hold none of the others."""
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
        _checked(_libc.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    return result
