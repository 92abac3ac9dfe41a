"""Who may change a thread as a whole now: one lock file per thread, held for one call.

A lock orders maintenance (delete, prune, copy, delete_for_runs) and a put that replaces a checkpoint. Everything else is
safe by unique names and exclusive creation and takes no lock. Correctness never rests on a lock alone (P3, P4 of
`docs/format.md`, "Locks").

Lock files lie in `.locks/` of the root, outside what deleting a thread removes: a lock file that is deleted while in use
splits its holders over two files. The holder writes who it is into the lock file, for those who wait in vain; filelock
opens it without truncating. The kernel drops the lock of a killed process, so nothing needs to be broken by hand.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from filelock import FileLock, Timeout

from langgraph_filesaver._layout import lock_name
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import LOCK_POLL_SECONDS
from langgraph_filesaver.errors import LockTimeoutError, StorageError

__all__ = ["ThreadLocks"]

_LOCAL: weakref.WeakKeyDictionary[Store, defaultdict[str, threading.Lock]] = weakref.WeakKeyDictionary()


class ThreadLocks:
    """The locks of the threads in one store.

    Args:
        store: Its `lock_folder` property says where lock files lie; without one, locks hold inside this process only.
        timeout_seconds: How long `hold` waits.
    """

    def __init__(self, store: Store, timeout_seconds: float) -> None:
        self._folder = store.properties.lock_folder
        self._local = _LOCAL.setdefault(store, defaultdict(threading.Lock))
        self._timeout_seconds = timeout_seconds

    @contextlib.contextmanager
    def hold(self, thread_id: str) -> Iterator[None]:
        """Hold the lock of a thread against every other process, thread and saver; not reentrant.

        Raises:
            LockTimeoutError: Somebody else held it all the time; the message tells who.
            StorageError: The lock file cannot be made.
        """
        if self._folder is None:
            name = lock_name(thread_id)
            if not self._local[name].acquire(timeout=self._timeout_seconds):
                raise self._timed_out(thread_id, name, None)
            try:
                yield
            finally:
                self._local[name].release()
            return
        path = os.path.join(self._folder, lock_name(thread_id))
        lock = self._acquired(thread_id, path)
        try:
            yield
        finally:
            lock.release()

    def _acquired(self, thread_id: str, path: str) -> FileLock:
        lock = FileLock(
            path, timeout=self._timeout_seconds, poll_interval=LOCK_POLL_SECONDS, thread_local=False, mode=0o600
        )
        try:
            folder = os.path.dirname(path)
            os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)  # the mode is only for the last of them
            os.makedirs(folder, mode=0o700, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise self._timed_out(thread_id, path, _read_holder(path)) from error
        except OSError as error:
            raise StorageError.from_os_error(error, action="lock", path=path) from error
        with contextlib.suppress(OSError):  # it only tells people who has it; on a full disk, deleting must still work
            _write_holder(path)
        return lock

    def _timed_out(self, thread_id: str, path: str, holder: dict[str, Any] | None) -> LockTimeoutError:
        who = "this process"
        if holder is not None:
            who = f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"
        elif self._folder is not None:
            who = "somebody who has not written their name into it"
        return LockTimeoutError(
            f"thread {thread_id!r} is locked by {who}; waited {self._timeout_seconds:g} s for {path}. "
            "Try again when that process is done; the lock goes away with the process",
            path=path,
            timeout_seconds=self._timeout_seconds,
            holder=holder,
        )


def _write_holder(path: str) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    with open(path, "r+b") as file:
        file.write(json.dumps(holder).encode())
        file.truncate()


def _read_holder(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            holder = json.loads(file.read())
    except (OSError, ValueError):  # another system may lock the bytes, or the holder is just writing them
        return None
    return holder if isinstance(holder, dict) else None
