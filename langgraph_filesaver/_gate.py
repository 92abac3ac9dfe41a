"""The gate to a thread's artifacts: open to all who refer to artifacts, closed by whoever removes some.

A put that refers to an artifact which was there already must not meet its removal: the reference would outlive the file.
So a put holds the gate shared from its last look at the artifacts until its own file has its name, which keeps nobody
waiting but collectors; and who removes artifacts holds it exclusively. Each removal changes the *stamp*: what a process
remembers of the artifacts that are there is true while the stamp is the same. During a removal there is no stamp.

The gate is two kernel locks (`flock`). As the kernel lets who shares overtake who waits for exclusion, a collector would
starve among busy writers; so it first closes the outer one, which writers hold only on their way in. Where there is no
`flock` to trust (Windows, NFS), all pass one at a time, which is as safe. Without a path, the gate is one of this process.
"""

from __future__ import annotations

import os
import threading
import time
from typing import NamedTuple

from filelock import BaseFileLock

from langgraph_filesaver._lock_files import LockKind, acquired, flocked, has_flock, unflock

__all__ = ["Gate", "Passage", "Stamp"]

Stamp = tuple[int, ...]
"""Equal as long as no artifact was removed."""

_MODE = 0o600
_REMOVING = 0o100  # the bit of the lock file that is set while artifacts are removed: it needs no space on the disk


class Passage(NamedTuple):
    """What one who passed the gate has: the stamp of that moment, and what to let go of."""

    gate: Gate
    stamp: Stamp
    exclusive: bool
    held: int | BaseFileLock | None

    def leave(self) -> None:
        """Let go of the gate."""
        self.gate._leave(self)  # noqa: SLF001 one class in two halves


class Gate:
    """The gate of one thread's artifacts.

    Args:
        path: Of the lock file; None for a gate of this process alone.
        kind: Of the lock.
    """

    def __init__(self, path: str | None, kind: LockKind = "native") -> None:
        self.path = path
        self._kind = kind
        self._condition = threading.Condition()
        self._inside = 0
        self._closed = False
        self._removals = 0

    def stamp(self) -> Stamp:
        """Return the stamp of now. It is empty, and says nothing, before anybody passed and while artifacts are removed."""
        if self.path is None:
            return () if self._closed else (self._removals,)
        try:
            return _stamp_of(os.stat(self.path))
        except FileNotFoundError:
            return ()

    def enter(self, *, exclusive: bool, timeout_seconds: float) -> Passage:
        """Pass the gate.

        Args:
            exclusive: Alone, and changing the stamp.
            timeout_seconds: How long to wait.

        Raises:
            TimeoutError: Others were in the way all the time.
            OSError: The lock file cannot be opened.
        """
        deadline = time.monotonic() + timeout_seconds
        if self.path is None:
            return self._enter_here(exclusive=exclusive, timeout_seconds=timeout_seconds)
        if not has_flock(self._kind):
            return self._enter_alone(self.path, exclusive=exclusive, timeout_seconds=timeout_seconds)
        outer = flocked(f"{self.path}.outer", exclusive=exclusive, deadline=deadline)
        try:
            inner = flocked(self.path, exclusive=exclusive, deadline=deadline)
        finally:
            unflock(outer)
        if exclusive or _is_removing(os.fstat(inner)):  # the one who was removing has died over it
            _change_stamp(inner, removing=exclusive)
        return Passage(self, _stamp_of(os.fstat(inner)), exclusive, inner)

    def _enter_here(self, *, exclusive: bool, timeout_seconds: float) -> Passage:
        with self._condition:
            if not self._condition.wait_for(lambda: not self._closed, timeout_seconds):
                raise TimeoutError
            if exclusive:
                self._closed = True
                if not self._condition.wait_for(lambda: not self._inside, timeout_seconds):
                    self._closed = False
                    self._condition.notify_all()
                    raise TimeoutError
                self._removals += 1
            else:
                self._inside += 1
            return Passage(self, (self._removals,), exclusive, None)

    def _enter_alone(self, path: str, *, exclusive: bool, timeout_seconds: float) -> Passage:
        lock = acquired(f"{path}.outer", self._kind, timeout_seconds)
        with open(path, "ab"):
            if exclusive:
                _change_stamp(path, removing=False)
        return Passage(self, _stamp_of(os.stat(path)), exclusive, lock)

    def _leave(self, passage: Passage) -> None:
        if isinstance(passage.held, int):
            try:
                if passage.exclusive:
                    _change_stamp(passage.held, removing=False)
            finally:
                unflock(passage.held)
        elif passage.held is not None:
            passage.held.release()
        else:
            with self._condition:
                if passage.exclusive:
                    self._closed = False
                    self._removals += 1
                else:
                    self._inside -= 1
                self._condition.notify_all()


def _stamp_of(status: os.stat_result) -> Stamp:
    return () if _is_removing(status) else (status.st_dev, status.st_ino, status.st_mtime_ns)


def _is_removing(status: os.stat_result) -> bool:
    return bool(status.st_mode & _REMOVING)


def _change_stamp(file: int | str, *, removing: bool) -> None:
    os.chmod(file, _MODE | _REMOVING if removing else _MODE)
    # By its time, as a full disk would take no byte more; by a second at least, as some file systems count no finer.
    at = max(time.time_ns(), os.stat(file).st_mtime_ns + 1_000_000_000)
    os.utime(file, ns=(at, at))
