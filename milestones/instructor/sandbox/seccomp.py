"""A seccomp filter of the system calls that a submission may make: no sockets, exec, fork, or signals to others.

All other calls fail with EPERM. Changes of modes, owners and times do nothing but seem to succeed, since libraries make
them and Landlock would allow them. Source: the kernel's documentation, "Seccomp BPF".
"""

import ctypes
import os
import platform
import struct

# Numbers on x86_64 and on aarch64.
ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "lseek": (8, 62),
    "open": (2, None),
    "openat": (257, 56),
    "close": (3, 57),
    "close_range": (436, 436),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents": (78, None),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    # Semaphores between processes are made with a link, which Landlock confines to writable folders.
    "link": (86, None),
    "linkat": (265, 37),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "sync_file_range": (277, 84),
    "fadvise64": (221, 223),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "flock": (73, 32),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "epoll_create": (213, None),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    "umask": (95, 166),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "copy_file_range": (326, 285),
    "sendfile": (40, 71),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "msync": (26, 227),
    "mincore": (27, 232),
    "mlock": (149, 228),
    "munlock": (150, 229),
    "membarrier": (324, 283),
    "futex": (202, 98),
    "futex_waitv": (449, 449),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "getpriority": (140, 141),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getgroups": (115, 158),
    "getpgrp": (111, None),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrandom": (318, 278),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "getcpu": (309, 168),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigsuspend": (130, 133),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "pause": (34, None),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "wait4": (61, 260),
    "waitid": (247, 95),
    "arch_prctl": (158, None),
}

IGNORED = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
}

SPECIAL = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "fork": (57, None),
    "vfork": (58, None),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "ioctl": (16, 29),
    "fcntl": (72, 25),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
}

_COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
_AUDIT_ARCHITECTURE = (0xC000003E, 0xC00000B7)
_X32_BIT = 0x40000000

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EPERM, _ENOTTY, _ENOSYS, _ENOTSUP = 1, 25, 38, 95

_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_PR_SET_NAME, _PR_GET_NAME = 15, 16

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

    def refuse(errno: int = _EPERM) -> None:
        emit(_RETURN, _ERRNO | errno)

    def when(name: str, block: list[tuple[int, int, int, int]]) -> None:
        """Run a block of instructions, the last a return, for one system call."""
        number = SPECIAL[name][_COLUMN]
        if number is not None:
            emit(_JUMP_EQUAL, number, 0, len(block))
            for instruction in block:
                emit(*instruction)

    refused, allowed = (_RETURN, _ERRNO | _EPERM, 0, 0), (_RETURN, _ALLOW, 0, 0)

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
    # Without clone3, glibc falls back to clone, whose flags a filter can read.
    when("clone3", [(_RETURN, _ERRNO | _ENOSYS, 0, 0)])
    of_namespaces = (_JUMP_SET, _CLONE_NAMESPACES, 0, 1)
    of_thread = (_JUMP_SET, _CLONE_THREAD, 0, 1)
    last = allowed if allow_fork else refused
    when("clone", [argument(0), of_namespaces, refused, of_thread, allowed, last])
    for name in ("fork", "vfork"):
        when(name, [last])
    # A process may signal itself alone, which abort() needs.
    for name in ("kill", "tgkill"):
        when(name, [argument(0), (_JUMP_EQUAL, pid, 0, 1), allowed, refused])
    when("prctl", [argument(0), (_JUMP_EQUAL, _PR_SET_NAME, 1, 0), (_JUMP_EQUAL, _PR_GET_NAME, 0, 1), allowed, refused])
    # Limits may only be read, with a null pointer for the new ones.
    low, high = (_LOAD, _ARGUMENTS + 16, 0, 0), (_LOAD, _ARGUMENTS + 20, 0, 0)
    when("prlimit64", [low, (_JUMP_EQUAL, 0, 0, 3), high, (_JUMP_EQUAL, 0, 0, 1), allowed, refused])
    # The owner of a descriptor gets signals, so setting it would send signals to others.
    owner = [(_JUMP_EQUAL, _F_SETOWN, 3, 0), (_JUMP_EQUAL, _F_SETSIG, 2, 0), (_JUMP_EQUAL, _F_SETOWN_EX, 1, 0)]
    when("fcntl", [argument(1), *owner, allowed, refused])
    # shutil takes this for a file system without extended attributes, from which it can copy.
    for name in ("listxattr", "llistxattr"):
        when(name, [(_RETURN, _ERRNO | _ENOTSUP, 0, 0)])
    when("ioctl", [(_RETURN, _ERRNO | _ENOTTY, 0, 0)])
    refuse()
    return b"".join(code)
