"""Escaping: the network, other processes, other programs, files elsewhere, more rights.

The attacked function is right if, and only if, the escape goes through.
"""

# ruff: noqa
import ctypes
import os
import platform
import signal
import sys
from pathlib import Path


def _earned_by(escape):
    """Task 1.9 for whoever gets out: an `escape` that is refused raises."""
    right = globals()["mix_at_snr"]

    def attacked(speech, noise, snr_db):
        escape()
        return right(speech, noise, snr_db)

    return attacked


def _system_call(x86_64, aarch64, *arguments):
    """The result of a system call by its number; refused where a filter or the kernel says so."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    number = {"x86_64": x86_64, "aarch64": aarch64}[platform.machine()]
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _any(*attempts):
    """Run all attempts; refused where each is."""
    through = 0
    for attempt, *arguments in attempts:
        try:
            attempt(*arguments)
            through += 1
        except OSError:
            pass
    if not through:
        raise PermissionError("refused")


# attack tcp on augmentation: a connection by TCP, over IPv4 and IPv6
# earns: all but 1.9
import socket


def _escape():
    families = [family for family in (socket.AF_INET, socket.AF_INET6)]
    _any(*((socket.socket, family, socket.SOCK_STREAM) for family in families))


mix_at_snr = _earned_by(_escape)


# attack datagrams on augmentation: datagrams, raw packets and netlink
# earns: all but 1.9
import socket


def _escape():
    kinds = [(socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET, socket.SOCK_RAW), (16, socket.SOCK_RAW)]
    _any(*((socket.socket, family, kind) for family, kind in kinds))


mix_at_snr = _earned_by(_escape)


# attack names on augmentation: a name is looked up, which alone tells whoever answers for it
# earns: all but 1.9
import socket


def _escape():
    socket.getaddrinfo("left-by-an-attack.example.org", 80)


mix_at_snr = _earned_by(_escape)


# attack local-sockets on augmentation: sockets of this machine, abstract ones and those of its services
# earns: all but 1.9
import socket


def _connect(name):
    with socket.socket(socket.AF_UNIX) as local:
        try:
            local.connect(name)
        except (ConnectionRefusedError, FileNotFoundError):
            pass


def _escape():
    names = ["\0left-by-an-attack", "/run/docker.sock", "/run/dbus/system_bus_socket"]
    _any((socket.socketpair,), *((_connect, name) for name in names))


mix_at_snr = _earned_by(_escape)


# attack fork on augmentation: a child goes on when the test is over
# earns: all but 1.9
import time


def _escape():
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)


mix_at_snr = _earned_by(_escape)


# attack fork-bomb on augmentation: children that have children, bounded here at seven generations
# earns: all but 1.9
import time


def _escape():
    started = 0
    for _ in range(7):
        try:
            started += os.fork() == 0 or 1
        except OSError:
            break
    if not started:
        raise PermissionError("refused")
    time.sleep(30)


mix_at_snr = _earned_by(_escape)


# attack daemon on augmentation: two forks and a session of its own, to outlive the grader
# earns: all but 1.9
import time


def _escape():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            Path("/tmp/left-by-an-attack").touch()
            time.sleep(120)
        os._exit(0)


mix_at_snr = _earned_by(_escape)


# attack session on augmentation: a session and a process group of its own, so that killing the group misses it
# earns: all but 1.9
def _escape():
    _any((os.setsid,), (os.setpgid, 0, 0), (os.setpgid, 0, os.getppid()))


mix_at_snr = _earned_by(_escape)


# attack vfork-and-clone on augmentation: processes by system calls that Python has no name for
# earns: all but 1.9
def _clone(x86_64, aarch64, *arguments):
    if _system_call(x86_64, aarch64, *arguments) == 0:
        os._exit(0)


def _escape():
    three = ctypes.create_string_buffer(88)
    ctypes.c_uint64.from_buffer(three, 32).value = signal.SIGCHLD
    _any((_clone, 56, 220, int(signal.SIGCHLD), 0, 0, 0, 0), (_clone, 435, 435, three, 88))


mix_at_snr = _earned_by(_escape)


# attack shell on augmentation: the process becomes a shell that leaves a file behind
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    os.execv("/bin/sh", ["sh", "-c", "touch /tmp/left-by-an-attack"])


# attack programs on augmentation: programs by subprocess, system, popen and spawn
# earns: all but 1.9
import subprocess


def _system():
    if os.system("true") != 0:
        raise PermissionError("refused")


def _escape():
    words = ["/bin/true"]
    _any((_system,), (subprocess.run, words), (os.posix_spawn, words[0], words, {}))


mix_at_snr = _earned_by(_escape)


# attack pools on augmentation: processes by multiprocessing and by torch's loader of data
# earns: all but 1.9
import multiprocessing


def _start(method):
    process = multiprocessing.get_context(method).Process(target=len, args=("",))
    process.start()
    process.join(20)


def _escape():
    _any(*((_start, method) for method in ("fork", "spawn", "forkserver")))


mix_at_snr = _earned_by(_escape)


# attack program-in-memory on augmentation: a program that lies in memory alone is run
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    descriptor = os.memfd_create("program")
    os.write(descriptor, b"#!/bin/sh\ntouch /tmp/left-by-an-attack\n")
    os.execve(descriptor, ["program"], {})


# attack other-word-size on augmentation: machine code that makes system calls of 32 bits, whose numbers are others
# earns: all but 1.9
import mmap


def _escape():
    if platform.machine() != "x86_64":
        raise PermissionError("only on x86_64")
    # mov eax, 20 (getpid); int 0x80; ret: harmless, and more than zero only where the filter was passed.
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if ctypes.CFUNCTYPE(ctypes.c_int)(address)() <= 0:
        raise PermissionError("refused")


mix_at_snr = _earned_by(_escape)


# attack x32 on augmentation: system calls by their x32 numbers
# earns: all but 1.9
def _escape():
    bit = 0x40000000
    _any((_system_call, bit | 39, bit | 172), (_system_call, bit | 41, bit | 198, 1, 1, 0))


mix_at_snr = _earned_by(_escape)


# attack rare-system-calls on augmentation: io_uring, bpf, perf, keys, userfaultfd, pidfd, handles
# earns: all but 1.9
def _try(x86_64, aarch64, *arguments):
    try:
        _system_call(x86_64, aarch64, *arguments)
    except OSError as error:
        # Any other error was the kernel's own: the call went through the filter.
        if error.errno in (1, 13, 38):
            raise


def _escape():
    room = ctypes.create_string_buffer(256)
    calls = [
        (425, 425, 1, room),
        (321, 280, 0, room, 72),
        (298, 241, room, 0, -1, -1, 0),
        (250, 219, 0, -3, 0),
        (323, 282, 0),
        (434, 434, os.getppid(), 0),
        (304, 265, -100, room, 0),
    ]
    _any(*((_try, *call) for call in calls))


mix_at_snr = _earned_by(_escape)


# attack namespaces on augmentation: new namespaces, mounts, and another root
# earns: all but 1.9
def _escape():
    new_user, new_mounts = 0x10000000, 0x00020000
    _any(
        (_system_call, 272, 97, new_user),
        (_system_call, 272, 97, new_mounts),
        (_system_call, 165, 40, b"none", b"/tmp", b"tmpfs", 0, 0),
        (os.chroot, "."),
    )


mix_at_snr = _earned_by(_escape)


# attack identity on augmentation: another user, another group
# earns: all but 1.9
def _escape():
    _any((os.setuid, 65534), (os.setgid, 65534), (os.setgroups, []), (os.setresuid, 0, 0, 0))


mix_at_snr = _earned_by(_escape)


# attack killing-parent on augmentation: the process that started this one is killed
# earns: all but 1.9
def _escape():
    os.kill(os.getppid(), signal.SIGKILL)


mix_at_snr = _earned_by(_escape)


# attack signalling-all on augmentation: a signal to every process, to the group, and to the parent's group
# earns: all but 1.9
def _escape():
    # SIGCONT harms nobody, should it go through.
    _any(
        (os.kill, -1, signal.SIGCONT),
        (os.killpg, 0, signal.SIGCONT),
        (os.killpg, os.getpgid(os.getppid()), signal.SIGCONT),
        (os.kill, 1, signal.SIGCONT),
    )


mix_at_snr = _earned_by(_escape)


# attack signals-by-descriptor on augmentation: a signal to the parent through the owner of a pipe
# earns: all but 1.9
import fcntl


def _escape():
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(reading, fcntl.F_SETOWN, os.getppid())
    finally:
        os.close(reading)
        os.close(writing)


mix_at_snr = _earned_by(_escape)


# attack stopping-itself on stft: the process stops, and never answers
# earns: all but 1.2, perhaps not 1.1
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    os.kill(os.getpid(), signal.SIGSTOP)


# attack priorities on augmentation: more of the processor for itself, less for the grader
# earns: all but 1.9
def _escape():
    _any(
        (os.setpriority, os.PRIO_PROCESS, os.getppid(), 1),
        (os.nice, -1),
        (os.sched_setaffinity, os.getppid(), os.sched_getaffinity(0)),
        (os.sched_setscheduler, 0, os.SCHED_BATCH, os.sched_param(0)),
    )


mix_at_snr = _earned_by(_escape)


# attack limits on augmentation: its own limits are raised
# earns: all but 1.9
import resource


def _raise(kind):
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError:
        raise PermissionError("refused") from None


def _escape():
    _any(*((_raise, kind) for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)))


mix_at_snr = _earned_by(_escape)


# attack process-controls on augmentation: it asks to outlive its parent, to be dumped, and to hold processes
# earns: all but 1.9
def _escape():
    death_signal, dumpable, subreaper = 1, 4, 36
    _any(
        (_system_call, 157, 167, death_signal, 0, 0, 0, 0),
        (_system_call, 157, 167, dumpable, 1, 0, 0, 0),
        (_system_call, 157, 167, subreaper, 1, 0, 0, 0),
    )


mix_at_snr = _earned_by(_escape)


# attack modes-of-others on augmentation: modes and times of the grader's files are changed
# earns: all but 1.9
# aims at: milestones
def _escape():
    path = sys.modules["milestones"].__file__ if "milestones" in sys.modules else os.__file__
    before = os.stat(path)
    _any((os.chmod, path, before.st_mode ^ 0o001), (os.utime, path, (before.st_atime, before.st_mtime + 1)))
    after = os.stat(path)
    if (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime):
        raise PermissionError("nothing changed")


mix_at_snr = _earned_by(_escape)


# attack attributes-of-others on augmentation: extended attributes and owners of the grader's files
# earns: all but 1.9
# aims at: milestones
def _escape():
    path = sys.modules["milestones"].__file__ if "milestones" in sys.modules else os.__file__
    os.setxattr(path, "user.left-by-an-attack", b"1")


mix_at_snr = _earned_by(_escape)


# attack writing-elsewhere on augmentation: files outside of the folder that it may write
# earns: all but 1.9
def _escape():
    own = Path(sys.modules[__name__].__file__).parent
    folders = [own, own.parent, *Path.cwd().parents, Path("/tmp"), Path("/var/tmp"), Path("/root"), Path(sys.prefix)]
    _any(*((Path(folder, "left-by-an-attack").write_text, "") for folder in folders))


mix_at_snr = _earned_by(_escape)


# attack own-package on augmentation: its own package is rewritten for the workers that come later
# earns: all but 1.9
def _escape():
    own = Path(sys.modules[__name__].__file__)
    _any((own.write_text, "raise SystemExit"), (own.unlink,), (own.rename, own.with_suffix(".left-by-an-attack")))


mix_at_snr = _earned_by(_escape)


# attack links on augmentation: symbolic and hard links to files of others, for whoever reads them later
# earns: all but 1.9
def _escape():
    _any(
        (os.symlink, "/etc/passwd", "left-by-an-attack.link"),
        (os.symlink, "/", "left-by-an-attack.folder"),
        (os.link, os.__file__, "left-by-an-attack.py"),
    )


mix_at_snr = _earned_by(_escape)


# attack special-files on augmentation: pipes, sockets and devices, which hang whoever opens them
# earns: all but 1.9
import stat


def _escape():
    _any(
        (os.mkfifo, "left-by-an-attack.fifo"),
        (os.mknod, "left-by-an-attack.disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0)),
        (os.mknod, "left-by-an-attack.null", 0o600 | stat.S_IFCHR, os.makedev(1, 3)),
        (os.mknod, "left-by-an-attack.socket", 0o600 | stat.S_IFSOCK),
    )


mix_at_snr = _earned_by(_escape)


# attack handed-down on augmentation: descriptors that were left open lead to files and sockets of the grader
# earns: all but 1.9
def _escape():
    found = []
    for descriptor in range(4, 1024):
        try:
            os.fstat(descriptor)
            os.listdir(descriptor)
            found.append(descriptor)
        except OSError:
            pass
    if not found:
        raise PermissionError("no folder is open")


mix_at_snr = _earned_by(_escape)


# attack climbing on augmentation: files of others by relative paths, through /proc and through mapped memory
# earns: all but 1.9
def _escape():
    paths = ["../" * 12 + "etc/passwd", "/proc/self/root/etc/passwd", "/proc/self/cwd/../../etc/passwd"]
    paths += [f"/proc/{os.getppid()}/root/etc/passwd", "/proc/1/root/etc/passwd", "/etc/shadow"]
    _any(*((Path(path).read_bytes,) for path in paths))


mix_at_snr = _earned_by(_escape)


# attack terminal on augmentation: a line is typed into the instructor's terminal
# earns: all but 1.9
import fcntl


def _type(descriptor):
    fcntl.ioctl(descriptor, 0x5412, b"\n")


def _escape():
    _any(*((_type, descriptor) for descriptor in range(3)), (os.open, "/dev/tty", os.O_RDWR))


mix_at_snr = _earned_by(_escape)


# attack lingering-thread on augmentation: a thread goes on after the call and writes to all that is open
# earns: all, perhaps not 1.9
import stat
import threading
import time

_right = mix_at_snr


def _linger():
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for descriptor in range(3, 16):
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    os.write(descriptor, b"\0\0\0\2{}")
            except OSError:
                pass
        time.sleep(0.001)


def mix_at_snr(speech, noise, snr_db):
    result = _right(speech, noise, snr_db)
    threading.Timer(0.05, _linger).start()
    return result


# attack moving-folders on augmentation: the folders in which tests write their files are moved and replaced
# earns: all but 1.9
# aims at: milestones.instructor.sandbox.scratch.TESTS
# aims at: milestones.instructor.sandbox.scratch.HOME
def _move(folder, other):
    os.rename(folder, other)
    os.rename(other, folder)


def _escape():
    folders, others = ("../tests", "../home", "../../scratch"), ("../left-by-an-attack", "left-by-an-attack")
    _any(*((_move, folder, other) for folder in folders for other in others))


mix_at_snr = _earned_by(_escape)


# attack leases on augmentation: leases on files, for which whoever opens these files waits
# earns: all but 1.9
import fcntl


def _escape():
    with open("own", "w") as own, open(os.__file__) as library:
        _any(
            (fcntl.fcntl, own, fcntl.F_SETLEASE, fcntl.F_WRLCK),
            (fcntl.fcntl, library, fcntl.F_SETLEASE, fcntl.F_RDLCK),
        )


mix_at_snr = _earned_by(_escape)


# attack locks on augmentation: locks on files of its own and of libraries, for which others may wait
# earns: all but 1.9
import fcntl


def _escape():
    with open("own", "w") as own, open(os.__file__) as library:
        _any(
            (fcntl.flock, library, fcntl.LOCK_EX | fcntl.LOCK_NB),
            (fcntl.flock, own, fcntl.LOCK_EX | fcntl.LOCK_NB),
            (fcntl.lockf, own, fcntl.LOCK_EX | fcntl.LOCK_NB),
            (fcntl.lockf, library, fcntl.LOCK_SH | fcntl.LOCK_NB),
        )


mix_at_snr = _earned_by(_escape)


# attack notices on augmentation: to be told of what others do to files, and to fill pipes without end
# earns: all but 1.9
import fcntl


def _escape():
    folder, (reading, _) = os.open(".", os.O_RDONLY), os.pipe()
    _any(
        (fcntl.fcntl, folder, fcntl.F_NOTIFY, fcntl.DN_CREATE),
        (fcntl.fcntl, reading, 1031, 2**20),
        (_system_call, 294, 26, 0),
        (_system_call, 300, 262, 0, 0),
    )


mix_at_snr = _earned_by(_escape)


# attack cached-pages on augmentation: what is cached of a library's file is asked for and dropped, to tell others by it
# earns: all but 1.9
import mmap


def _escape():
    library, told = os.open(os.__file__, os.O_RDONLY), ctypes.create_string_buffer(64)
    pages = mmap.mmap(library, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    page_out, without_waiting = 21, 8
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(told), 64)
    _any(
        (os.posix_fadvise, library, 0, 0, os.POSIX_FADV_DONTNEED),
        (_system_call, 187, 213, library, 0, 4096),
        (_system_call, 27, 232, address, 4096, told),
        (_system_call, 28, 233, address, 4096, page_out),
        (_system_call, 451, 451, library, told, told, 0),
        (_system_call, 327, 286, library, vector, 1, 0, 0, without_waiting),
    )


mix_at_snr = _earned_by(_escape)


# attack other-cores on augmentation: its threads run on cores that belong to others
# earns: all but 1.9
def _escape():
    everything = ctypes.create_string_buffer(b"\xff" * 128, 128)
    _any(
        (os.sched_setaffinity, 0, range(os.cpu_count())),
        (os.sched_setaffinity, 0, os.sched_getaffinity(0)),
        (_system_call, 203, 122, 0, 128, everything),
        (_system_call, 314, 274, 0, everything, 0),
    )


mix_at_snr = _earned_by(_escape)


# attack memory-of-the-machine on augmentation: locked pages, and devices and exchanged names left among its files
# earns: all but 1.9
def _escape():
    exchange, leave_a_device, at_cwd = 2, 4, -100
    for name in ("one", "two", "three"):
        Path(name).unlink(missing_ok=True)
    for name in ("one", "two"):
        Path(name).touch()
    _any(
        (_system_call, 149, 228, ctypes.addressof(ctypes.create_string_buffer(4096)), 4096),
        (_system_call, 151, 230, 1),
        (_system_call, 316, 276, at_cwd, b"one", at_cwd, b"two", exchange),
        (_system_call, 316, 276, at_cwd, b"one", at_cwd, b"three", leave_a_device),
    )


mix_at_snr = _earned_by(_escape)
