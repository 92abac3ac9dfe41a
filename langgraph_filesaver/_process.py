"""Which process this is, and whether another one on this machine is surely gone.

A pid means one process only inside its boot and its pid namespace, and only until it is used again; so a process is told
by all four: boot, namespace, pid and the moment it was started. Where the system does not tell them (there is no `/proc`),
nothing is known for sure, and nobody is taken for dead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Process", "boot_id", "is_alive", "pid_namespace", "this_process"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process.

    Attributes:
        host: Name of its machine, for people.
        boot_id: The machine's boot, or "" where it is unknown.
        pid_namespace: The namespace that the pid belongs to, or "".
        pid: Its number there.
        started: When it was started, in the kernel's ticks since the boot, or None where it is unknown.
    """

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    started: int | None

    def is_known_dead(self) -> bool:
        """Tell whether this process is surely gone; False where that cannot be known from here."""
        here = this_process()
        if not self.boot_id or (self.boot_id, self.pid_namespace) != (here.boot_id, here.pid_namespace):
            return False
        if not is_alive(self.pid):
            return True
        state, started = _state_of(self.pid)
        # A zombie runs no more; another start is another process with the same number.
        return state in ("Z", "X") or (None not in (started, self.started) and started != self.started)


def this_process() -> Process:
    """Return this process."""
    return _process(os.getpid())  # after a fork it is another one


@lru_cache(maxsize=4)
def _process(pid: int) -> Process:
    return Process(socket.gethostname(), boot_id(), pid_namespace(), pid, _state_of(pid)[1])


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what tells this boot of this machine from all others, or "" where the system does not say."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
    return ""


@lru_cache(maxsize=1)
def pid_namespace() -> str:
    """Return the namespace of this process's pid, or "" where the system has none."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def is_alive(pid: int) -> bool:
    """Tell whether there is a process with this number here; True where the system cannot be asked."""
    if sys.platform == "win32":  # there os.kill(pid, 0) would not ask, but end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _state_of(pid: int) -> tuple[str, int | None]:
    """Return state and start of a process. Source: /proc/<pid>/stat, fields 3 and 22, proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before it may hold blanks and brackets
        return fields[0].decode("ascii"), int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", None
