"""Limits of a confined process. Each check runs in a process that confines itself."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from milestones.instructor.sandbox import confinement, system_calls

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp")

PRELUDE = """
import ctypes, fcntl, mmap, os, socket, sys, threading
from pathlib import Path
from milestones.instructor.sandbox import confinement, landlock
scratch, secret = map(Path, sys.argv[1:3])
rules = landlock.make_rules([], [scratch])
os.chdir(scratch)
in_force = confinement.confine(rules, 2**30, 60, allow_fork=sys.argv[3] == "fork")
assert confinement.is_strong(in_force), in_force
def refused(action, *arguments):
    try:
        action(*arguments)
    except OSError:
        return
    raise SystemExit(f"{action} went through")
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), function.__name__)
own, library = os.open("own", os.O_CREAT | os.O_RDWR), os.open(os.__file__, os.O_RDONLY)
os.ftruncate(own, 4096)
mapped = mmap.mmap(own, 4096)
page = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(mapped)))
"""


@pytest.fixture
def confined(tmp_path):
    """Function that runs code in a confined process; the status is 0 if the code ran to its end."""
    scratch, secret = tmp_path / "scratch", tmp_path / "secret.txt"
    scratch.mkdir()
    secret.write_text("the answer")

    def run(code, fork="no fork"):
        words = [sys.executable, "-c", PRELUDE + textwrap.dedent(code), scratch, secret, fork]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)

    return run


CONFINED = {
    "reading": "refused(secret.read_text); refused(os.listdir, secret.parent); refused(open, '/etc/passwd')",
    "reading what belongs to processes": "refused(open, f'/proc/{os.getppid()}/environ')",
    "writing": "refused(secret.write_text, 'x'); refused(os.unlink, secret); refused(os.mkdir, secret.parent / 'new')",
    "links": "refused(os.symlink, secret, 'link'); refused(os.link, secret, 'b'); refused(os.replace, secret, 'c')",
    "pipes and devices": "refused(os.mkfifo, 'fifo')",
    "sockets": "refused(socket.socket); refused(socket.socketpair); refused(socket.socket, socket.AF_UNIX)",
    "processes": "refused(os.fork); refused(os.posix_spawn, '/bin/true', ['true'], {})",
    "programs": "refused(os.execv, '/bin/true', ['true'])",
    "signals": "refused(os.kill, os.getppid(), 0); refused(os.kill, -1, 0); refused(os.killpg, 0, 0)",
    "sessions": "refused(os.setsid); refused(os.setpgid, 0, 0)",
    "priorities": "refused(os.nice, 1)",
    "processors": "refused(os.sched_setaffinity, 0, os.sched_getaffinity(0))",
    "policies": "refused(os.sched_setscheduler, 0, os.SCHED_BATCH, os.sched_param(0))",
    "locks of files": "refused(fcntl.flock, library, fcntl.LOCK_SH); refused(fcntl.lockf, own, fcntl.LOCK_EX)",
    "leases": "refused(fcntl.fcntl, own, fcntl.F_SETLEASE, fcntl.F_WRLCK)",
    "news of folders": "refused(fcntl.fcntl, os.open('.', os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE)",
    "larger pipes": "refused(fcntl.fcntl, os.pipe()[0], fcntl.F_SETPIPE_SZ, 2**20)",
    "filling and emptying the cache of files": "refused(os.posix_fadvise, library, 0, 0, os.POSIX_FADV_DONTNEED)",
    "looking into the cache of files": "refused(call, libc.mincore, page, 4096, ctypes.create_string_buffer(1))",
    "dropping pages of files": "refused(call, libc.madvise, page, 4096, 21)",
    "any other advice on memory": "refused(call, libc.madvise, page, 4096, 22)",
    "locked memory": "refused(call, libc.mlock, page, 4096); refused(mmap.mmap, -1, 4096, mmap.MAP_PRIVATE | 0x2020)",
    "exchanging files": "open('b', 'w'); refused(call, libc.renameat2, -100, b'own', -100, b'b', 2)",
    "leaving a device behind": "refused(call, libc.renameat2, -100, b'own', -100, b'b', 4)",
    "disk space without writing": "refused(call, libc.fallocate, own, 1, ctypes.c_long(0), ctypes.c_long(2**30))",
    "interrupting all processors": "refused(call, libc.syscall, {'x86_64': 324}.get(os.uname().machine, 283), 1, 0, 0)",
    "folders in /dev/shm": "refused(os.mkdir, '/dev/shm/folder')",
    "names in /dev/shm": "refused(os.listdir, '/dev/shm')",
}


@pytest.mark.parametrize("what", CONFINED)
def test_refused(confined, what):
    result = confined(CONFINED[what])
    assert result.returncode == 0, result.stderr + result.stdout


def test_what_right_code_needs_still_works(confined):
    result = confined(
        """
        import json, multiprocessing, shutil, tempfile
        thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
        with tempfile.NamedTemporaryFile(dir=scratch) as file:
            file.write(b"x")
        os.makedirs("a/b"); Path("a/b/c").write_text("1"); os.replace("a/b/c", "a/b/d"); os.chmod("a/b/d", 0o600)
        assert json.loads(Path("a/b/d").read_text()) == 1
        import wave
        Path("a/new").touch(); shutil.copy2("a/new", "a/copy"); os.replace("a/copy", "moved"); os.stat("moved")
        os.link("moved", "a/linked"); multiprocessing.Value("i"); os.fsync(own); os.posix_fallocate(own, 0, 8192)
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_APPEND); os.dup(own)
        """
    )
    assert result.returncode == 0, result.stderr


def test_modes_of_others_files_do_not_change(confined, tmp_path):
    mode = (tmp_path / "secret.txt").stat().st_mode
    assert confined("os.chmod(secret, 0); os.utime(secret, (0, 0))").returncode == 0
    status = (tmp_path / "secret.txt").stat()
    assert status.st_mode == mode and status.st_mtime > 0


def test_processes_where_they_are_allowed_stay_in_the_group(confined):
    code = """
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    refused(socket.socket)
    """
    result = confined(code, fork="fork")
    assert result.returncode == 0, result.stderr


def test_memory_is_limited(confined):
    result = confined("bytearray(4 * 2**30)")
    assert "MemoryError" in result.stderr


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize(("column", "processor"), list(enumerate(HEADERS)))
def test_numbers_of_system_calls_are_the_kernels(column, processor):
    """The tables agree with the kernel's headers, if these are installed."""
    if not HEADERS[processor].is_file():
        pytest.skip("no header of the kernel is installed")
    lines = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", HEADERS[processor].read_text(), re.MULTILINE)
    numbers = {name: int(number) for name, number in lines}
    numbers["newfstatat"] = numbers.get("newfstatat", numbers.get("fstatat"))
    choices = {name: choice.numbers for name, choice in system_calls.CHOICES.items()}
    ours = {**system_calls.ALLOWED, **system_calls.IGNORED, **system_calls.OTHER, **choices}
    got = {name: both[column] for name, both in ours.items() if name in numbers or both[column] is not None}
    assert got == {name: numbers[name] for name in got}
