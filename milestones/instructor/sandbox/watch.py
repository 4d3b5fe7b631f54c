"""Limits that the kernel does not keep for a group of processes, and which are therefore watched from outside."""

import os
from pathlib import Path

from milestones.graded_tests import TestState
from milestones.instructor.sandbox import process_group, scratch, shared_memory
from milestones.instructor.sandbox.confinement import MAX_FILE_BYTES
from milestones.instructor.sandbox.shared_memory import SharedMemory

MAX_PROCESSES = 16
MAX_THREADS = 128
"""Threads of all processes together; PyTorch may be told to use as many as there are processors."""


def memory_of_group(mebibytes: int) -> int:
    """Return the bytes that a worker and its children may take together, if each may allocate some mebibytes."""
    return mebibytes * 5 * 2**18


class Watch:
    """A watch over a worker and the processes that it starts.

    Args:
        worker: process number of the worker.
        folder: the scratch folder.
        memory_bytes: memory of all processes together.
        allow_fork: True if the worker may start processes.
        shared_memory: the `/dev/shm` that it shares with others, None if its own is limited by the kernel.
    """

    def __init__(
        self, worker: int, folder: Path, memory_bytes: int, allow_fork: bool, shared_memory: SharedMemory | None
    ):
        self._worker = worker
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._allow_fork = allow_fork
        self._shared_memory = shared_memory
        self._free_before = self._free()

    def find_excess(self, thoroughly: bool) -> tuple[TestState, str] | None:
        """Find what it takes more of than allowed.

        Args:
            thoroughly: True to look at memory and files too, which takes longer.

        Returns:
            The state of its test and the reason; None if it keeps within the limits.
        """
        threads = process_group.threads(self._worker, only_leader=not self._allow_fork)
        if len(threads) > MAX_PROCESSES:
            return TestState.CRASHED, f"started more than {MAX_PROCESSES} processes"
        if sum(threads.values()) > MAX_THREADS:
            return TestState.CRASHED, f"started more than {MAX_THREADS} threads"
        if not thoroughly:
            return None
        # A single process cannot have more memory than address space.
        if len(threads) > 1 and self._measure_memory([*threads]) > self._memory_bytes:
            return TestState.OUT_OF_MEMORY, f"its processes took more than {self._memory_bytes >> 20} MB together"
        return self._find_excess_of_files([*threads])

    def _measure_memory(self, processes: list[int]) -> int:
        return process_group.memory(self._worker, processes, self._memory_bytes)

    def _find_excess_of_files(self, processes: list[int]) -> tuple[TestState, str] | None:
        n_files, n_bytes = scratch.usage(self._folder)
        if n_bytes > scratch.MAX_BYTES or n_files > scratch.MAX_FILES:
            return TestState.CRASHED, f"wrote more than {scratch.MAX_BYTES >> 20} MB or {scratch.MAX_FILES} files"
        if self._shared_memory is not None:
            n_files, n_bytes = self._shared_memory.usage()
            if n_bytes > shared_memory.MAX_BYTES or n_files > shared_memory.MAX_FILES:
                limits = f"{shared_memory.MAX_BYTES >> 20} MB or {shared_memory.MAX_FILES} files"
                return TestState.CRASHED, f"wrote more than {limits} to {shared_memory.FOLDER}"
        # Files without a name cannot be measured, but they may be at fault if the disk has lost much.
        lost = [device for device, free in self._free().items() if self._free_before[device] - free > scratch.MAX_BYTES]
        if lost and process_group.count_deleted(processes, set(lost)) * MAX_FILE_BYTES > scratch.MAX_BYTES:
            return TestState.CRASHED, f"kept more than {scratch.MAX_BYTES >> 20} MB in deleted files"
        return None

    def _free(self) -> dict[int, int]:
        """Find the free bytes of each file system on which a worker may write, by device."""
        folders = [self._folder]
        if self._shared_memory is not None:
            folders.append(shared_memory.FOLDER)
        free = {}
        for folder in folders:
            status = os.statvfs(folder)
            free[folder.stat().st_dev] = status.f_bfree * status.f_frsize
        return free
