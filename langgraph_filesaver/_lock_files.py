"""How a lock file is held, by the kernel's locks or, where these do not reach, by soft ones.

- *native*: `flock`, and on Windows `LockFile`; gone with the process that has it. Right on local disks, and on SMB mounts,
  whose server keeps them.
- *soft*: filelock's `StrictSoftFileLock`, which needs nothing but exclusive creation. Right on NFS, where two clients
  may both get a `flock`. It costs about 0.8 ms and knows no sharing, so whoever would share waits for the others. A
  process that dies with it leaves it behind: on the same machine the next one sees that and breaks it; a dead machine's is
  for a person to remove, as the error says.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from typing import Literal

from filelock import BaseFileLock, FileLock, StrictSoftFileLock, Timeout

from langgraph_filesaver._process import is_alive, pid_namespace
from langgraph_filesaver._store import file_system_of
from langgraph_filesaver.config import LOCK_POLL_SECONDS

if sys.platform != "win32":
    import fcntl

__all__ = ["HeldFile", "LockKind", "acquired", "flocked", "has_flock", "kind_for", "make_folder_of", "unflock"]

LockKind = Literal["native", "soft"]

_SOFT_ON = frozenset({"nfs", "nfs4", "9p", "afs"})
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_MODE = 0o600
_FIRST_SOFT_SECONDS = 0.5  # then it is time to look whether the holder is gone
_SOFT_POLL_SECONDS = 0.01


def kind_for(path: str, wanted: Literal["auto", "native", "soft"]) -> LockKind:
    """Return the kind of locks for lock files at `path`: the wanted one, or what its file system needs.

    Raises:
        ValueError: `wanted` is none of the three.
    """
    if wanted == "auto":
        return "soft" if file_system_of(path) in _SOFT_ON else "native"
    if wanted not in ("native", "soft"):
        raise ValueError(f"lock={wanted!r}: use 'auto', 'native' or 'soft'")
    return wanted


def has_flock(kind: LockKind) -> bool:
    """Tell whether lock files of this kind can be shared."""
    return kind == "native" and sys.platform != "win32"


def make_folder_of(path: str) -> None:
    """Make the folder for lock files, for its owner only."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)  # the mode is only for the last of them
        os.makedirs(folder, mode=0o700, exist_ok=True)


def acquired(path: str, kind: LockKind, timeout_seconds: float) -> BaseFileLock:
    """Return the lock on `path`, held by nobody else; its folder is made where there is none.

    Raises:
        TimeoutError: Others held it all the time.
        OSError: The file cannot be opened.
    """
    make_folder_of(path)
    if kind == "native":
        lock: BaseFileLock = FileLock(
            path, timeout=timeout_seconds, poll_interval=LOCK_POLL_SECONDS, thread_local=False, mode=_MODE
        )
        _acquire(lock)
        return lock
    first_seconds = min(_FIRST_SOFT_SECONDS, timeout_seconds)
    soft = StrictSoftFileLock(path, timeout=first_seconds, poll_interval=_SOFT_POLL_SECONDS, thread_local=False)
    try:
        _acquire(soft)
    except TimeoutError:
        _break_dead(soft)
        soft.timeout = timeout_seconds - first_seconds
        _acquire(soft)
    return soft


def _acquire(lock: BaseFileLock) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise TimeoutError(str(error)) from error


def _break_dead(lock: StrictSoftFileLock) -> None:
    """Remove the claims of processes of this machine that are gone: nobody else ever would."""
    namespace = pid_namespace()
    for claim in lock.claims:
        host, _, claimed_namespace = claim.hostname.partition("?pidns-")
        is_here = host == socket.gethostname() and (not claimed_namespace or claimed_namespace in namespace)
        if is_here and not is_alive(claim.pid):
            with contextlib.suppress(FileNotFoundError):  # another one who waits was faster
                lock.force_break(claim.name)


def flocked(path: str, *, exclusive: bool, deadline: float) -> int:
    """Return a descriptor that holds a `flock` on `path`; a file is made where there is none.

    Args:
        path: The lock file.
        exclusive: Alone; else with others.
        deadline: Until when to try, by the monotonic clock.

    Raises:
        TimeoutError: Others held it all the time.
        OSError: The file cannot be opened.
    """
    descriptor = os.open(path, _FLAGS, _MODE)
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise TimeoutError from None
            time.sleep(LOCK_POLL_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise
        else:
            return descriptor


def unflock(descriptor: int) -> None:
    """Let go of what `flocked` returned."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child forked meanwhile has the descriptor, too
    finally:
        os.close(descriptor)


class HeldFile:
    """A lock file while it is held, whatever the kind of lock; a context manager.

    Args:
        path: The lock file.
        kind: Of which kind.
        shared: With others, where the kind of lock can be shared.
        timeout_seconds: How long to wait.

    Raises:
        TimeoutError: Others held it all the time.
        OSError: The file cannot be opened.
    """

    def __init__(self, path: str, kind: LockKind, *, shared: bool, timeout_seconds: float) -> None:
        self._path = path
        self._kind = kind
        self._shared = shared
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> None:
        self._held: int | BaseFileLock
        if has_flock(self._kind):
            deadline = time.monotonic() + self._timeout_seconds
            try:
                self._held = flocked(self._path, exclusive=not self._shared, deadline=deadline)
            except FileNotFoundError:
                make_folder_of(self._path)
                self._held = flocked(self._path, exclusive=not self._shared, deadline=deadline)
            return
        self._held = acquired(self._path, self._kind, self._timeout_seconds)

    def __exit__(self, *_: object) -> None:
        if isinstance(self._held, int):
            unflock(self._held)
        else:
            self._held.release()
