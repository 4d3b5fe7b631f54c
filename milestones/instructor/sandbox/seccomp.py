"""A seccomp filter of the system calls that a submission may make: no sockets, exec, fork, or signals to others.

All other calls fail with EPERM. Changes of modes, owners and times do nothing but seem to succeed, since libraries make
them and Landlock would allow them; so does waiting for the disk. Source: the kernel's documentation, "Seccomp BPF".
"""

import ctypes
import errno
import os
import platform
import struct

from milestones.instructor.sandbox.system_calls import ALLOWED, CHOICES, IGNORED, OTHER

_COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
_AUDIT_ARCHITECTURE = (0xC000003E, 0xC00000B7)
_X32_BIT = 0x40000000

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

_LOAD, _AND, _JUMP_EQUAL, _JUMP_SET, _JUMP_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_CLONE_THREAD = 0x00010000
# New namespaces; and children that have another parent, or are traced.
_CLONE_REFUSED = 0x7E020000 | 0x00008000 | 0x00002000
# Huge pages come from a store of the whole machine, and locked pages are never given back.
_MMAP_REFUSED = 0x00040000 | 0x00002000

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


def is_available() -> bool:
    """Return True if the kernel and the processor of this machine have the filter."""
    if _COLUMN is None or platform.system() != "Linux":
        return False
    # PR_GET_SECCOMP answers 0 if the kernel was built with it.
    return ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) in (0, 2)


def install(allow_fork: bool) -> None:
    """Confine this process, and all that it starts, for good.

    Args:
        allow_fork: True to let it start processes (without their own session or group).

    Raises:
        OSError: the kernel refused the filter.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    program = _program(os.getpid(), allow_fork)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _program(pid: int, allow_fork: bool) -> bytes:
    """Assemble the instructions of the filter, 8 bytes each."""
    code: list[bytes] = []

    def emit(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        code.append(struct.pack("<HBBI", operation, if_true, if_false, value & 0xFFFFFFFF))

    def refuse(error: int = errno.EPERM) -> None:
        emit(_RETURN, _ERRNO | error)

    def when(numbers: tuple[int | None, int | None], block: list[tuple[int, int, int, int]]) -> None:
        """Run a block of instructions, the last a return, for one system call."""
        number = numbers[_COLUMN]
        if number is not None:
            emit(_JUMP_EQUAL, number, 0, len(block))
            for instruction in block:
                emit(*instruction)

    def fail(error: int) -> tuple[int, int, int, int]:
        return (_RETURN, _ERRNO | error, 0, 0)

    refused, allowed = fail(errno.EPERM), (_RETURN, _ALLOW, 0, 0)

    def argument(index: int) -> tuple[int, int, int, int]:
        return (_LOAD, _ARGUMENTS + 8 * index, 0, 0)

    emit(_LOAD, _ARCHITECTURE)
    emit(_JUMP_EQUAL, _AUDIT_ARCHITECTURE[_COLUMN], 1, 0)
    refuse()
    emit(_LOAD, _NUMBER)
    emit(_JUMP_AT_LEAST, _X32_BIT, 0, 1)
    refuse()
    for numbers in ALLOWED.values():
        if numbers[_COLUMN] is not None:
            emit(_JUMP_EQUAL, numbers[_COLUMN], 0, 1)
            emit(*allowed)
    for numbers in IGNORED.values():
        if numbers[_COLUMN] is not None:
            emit(_JUMP_EQUAL, numbers[_COLUMN], 0, 1)
            emit(_RETURN, _ERRNO)
    for choice in CHOICES.values():
        value = [argument(choice.argument), (_AND, choice.mask, 0, 0)]
        checks = [(_JUMP_EQUAL, each, len(choice.values) - n, 0) for n, each in enumerate(choice.values.values())]
        when(choice.numbers, [*value, *checks, fail(choice.errno), allowed])
    # Without clone3, glibc falls back to clone, whose flags a filter can read.
    when(OTHER["clone3"], [fail(errno.ENOSYS)])
    of_others = (_JUMP_SET, _CLONE_REFUSED, 0, 1)
    of_thread = (_JUMP_SET, _CLONE_THREAD, 0, 1)
    last = allowed if allow_fork else refused
    when(OTHER["clone"], [argument(0), of_others, refused, of_thread, allowed, last])
    for name in ("fork", "vfork"):
        when(OTHER[name], [last])
    # A process may signal itself alone, which abort() needs.
    for name in ("kill", "tgkill"):
        when(OTHER[name], [argument(0), (_JUMP_EQUAL, pid, 0, 1), allowed, refused])
    # Limits may only be read, with a null pointer for the new ones.
    low, high = (_LOAD, _ARGUMENTS + 16, 0, 0), (_LOAD, _ARGUMENTS + 20, 0, 0)
    when(OTHER["prlimit64"], [low, (_JUMP_EQUAL, 0, 0, 3), high, (_JUMP_EQUAL, 0, 0, 1), allowed, refused])
    when(OTHER["mmap"], [argument(3), (_JUMP_SET, _MMAP_REFUSED, 0, 1), fail(errno.ENOMEM), allowed])
    # Libraries then write zeros themselves, which takes time and counts as writing.
    when(OTHER["fallocate"], [fail(errno.EOPNOTSUPP)])
    # shutil takes this for a file system without extended attributes, from which it can copy.
    for name in ("listxattr", "llistxattr"):
        when(OTHER[name], [fail(errno.ENOTSUP)])
    when(OTHER["ioctl"], [fail(errno.ENOTTY)])
    refuse()
    return b"".join(code)
