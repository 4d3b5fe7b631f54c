"""The cores of this machine, each of which one grading server takes for itself and for its workers."""

import contextlib
import errno
import os
import socket


class Core:
    """A core that no other grading server of this machine has, until it is given back.

    Attributes:
        number: its number.
    """

    def __init__(self, number: int, lock: socket.socket):
        self.number = number
        self._lock = lock

    def keep(self, process: int) -> None:
        """Keep a process that has just been started, and all that it starts, to this core."""
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(process, {self.number})

    def give_back(self) -> None:
        """Let another server take it."""
        self._lock.close()


def take() -> Core | None:
    """Take one of the cores on which this process may run; None if all are taken, or if the host cannot tell."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    for number in sorted(os.sched_getaffinity(0)):
        # A name that only one socket of this machine can have, and that is free again when its process ends.
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0speech enhancement: grading on core {number}")
        except OSError as error:
            lock.close()
            if error.errno != errno.EADDRINUSE:
                return None
        else:
            return Core(number, lock)
    return None
