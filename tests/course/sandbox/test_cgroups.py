"""Limits by systemd, of which a script stands in for the command that asks it."""

import subprocess

import pytest

from milestones.instructor.sandbox import cgroups

RUNS, REFUSES = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"', "exit 1"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Function that makes a host with cgroups and a `systemd-run` that runs some lines of shell."""
    monkeypatch.setattr(cgroups, "_CGROUPS", tmp_path)
    monkeypatch.setattr(cgroups, "_OWN", tmp_path / "own")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/instructor")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)

    def make(lines):
        (tmp_path / "cgroup.controllers").write_text("memory pids")
        (tmp_path / "systemd-run").write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / "systemd-run").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return make


def test_a_command_runs_in_a_scope_with_limits(host):
    host(RUNS)
    words = cgroups.scope(2**30)
    assert {"--property=TasksMax=192", f"--property=MemoryMax={2**31}", "--property=MemorySwapMax=0"} <= set(words)
    assert cgroups.session() == {"XDG_RUNTIME_DIR": "/run/user/instructor"}
    told = subprocess.run(
        [*words, "sh", "-c", "echo $XDG_RUNTIME_DIR,$HOME"], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith(",/")


def test_without_systemd_there_is_no_scope(host):
    assert cgroups.scope(2**30) == []
    host(REFUSES)
    assert cgroups.scope(2**30) == []


@pytest.mark.parametrize(
    ("tasks", "memory", "expected"), [("192", "5", True), ("max", "5", False), ("192", "max", False)]
)
def test_limits_count_only_if_they_are_in_force(host, tmp_path, tasks, memory, expected):
    (tmp_path / "a.scope").mkdir()
    (tmp_path / "own").write_text("5:pids:/\n0::/a.scope\n")
    assert not cgroups.is_limited()
    (tmp_path / "a.scope" / "pids.max").write_text(f"{tasks}\n")
    (tmp_path / "a.scope" / "memory.max").write_text(f"{memory}\n")
    assert cgroups.is_limited() == expected
