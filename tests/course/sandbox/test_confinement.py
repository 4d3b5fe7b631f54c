"""Limits of a confined process. Each check runs in a process that confines itself."""

import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from milestones.instructor.sandbox import confinement, system_calls

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not confinement.can_be_strong(), reason="needs Landlock and seccomp")

PRELUDE = """
import os, socket, sys, threading
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
        os.link("moved", "a/linked"); multiprocessing.Value("i")
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


def test_numbers_of_system_calls_are_the_kernels():
    """The table for this processor agrees with the header, if one is installed."""
    header = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
    path = Path(header.get(platform.machine(), ""))
    if not path.is_file():
        pytest.skip("no header of the kernel is installed")
    lines = (line.split() for line in path.read_text().splitlines())
    numbers = {words[1]: words[2] for words in lines if len(words) == 3 and words[0] == "#define"}
    column = 0 if platform.machine() == "x86_64" else 1
    choices = {name: choice.numbers for name, choice in system_calls.CHOICES.items()}
    for name, both in {**system_calls.ALLOWED, **system_calls.IGNORED, **system_calls.OTHER, **choices}.items():
        known = numbers.get(f"__NR_{name}")
        if known is not None and known.isdigit():
            assert both[column] == int(known), name
