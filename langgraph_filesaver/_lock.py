"""Who may change a thread as a whole now: one lock file per thread, held for one call.

A lock orders maintenance (delete, prune, copy, delete_for_runs) and a put that replaces a checkpoint. Everything else is
safe by unique names and exclusive creation and takes no lock. Correctness never rests on a lock alone (P3, P4 of
`docs/format.md`, "Locks").

Lock files lie in `.locks/` of the root, outside what deleting a thread removes: a lock file that is deleted while in use
splits its holders over two files. The holder writes who it is into the lock file, for those who wait in vain; filelock
opens it without truncating. The kernel drops the lock of a killed process, so nothing needs to be broken by hand.

The artifacts of a thread have a lock of another kind (`_gate`): shared by those who are about to refer to artifacts, and
exclusive for whoever removes some.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import weakref
from collections import defaultdict
from collections.abc import Hashable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, Literal, NamedTuple

from filelock import BaseFileLock

from langgraph_filesaver._gate import Gate, Stamp
from langgraph_filesaver._layout import artifacts_lock_name, lock_name
from langgraph_filesaver._leases import BusyError, FilesPlace, LeasePlace, MemoryPlace, ReadOnlyPlace, StorePlace
from langgraph_filesaver._lock_files import LockKind, acquired, kind_for, make_folder_of
from langgraph_filesaver._store import Store
from langgraph_filesaver.config import LOCK_ATTEMPT_SECONDS
from langgraph_filesaver.errors import LockTimeoutError, ReadOnlyError, StorageError

__all__ = ["ThreadLocks"]

_PLACES: weakref.WeakKeyDictionary[Store, MemoryPlace] = weakref.WeakKeyDictionary()
_MOST_GATES = 1000


class _OfProcess(NamedTuple):
    """Locks and gates that hold inside this process, by their names."""

    locks: defaultdict[str, threading.Lock]
    gates: dict[str, Gate]


_OF_STORES: weakref.WeakKeyDictionary[Store, _OfProcess] = weakref.WeakKeyDictionary()
_OF_REALMS: dict[Hashable, _OfProcess] = {}


def _of_process(store: Store) -> _OfProcess:
    """Return what all savers of this process share that keep their threads in one place."""
    found = _OfProcess(defaultdict(threading.Lock), {})
    return _OF_REALMS.setdefault(store.realm, found) if store.is_far else _OF_STORES.setdefault(store, found)


_SWEEP = "_sweep.lock"  # no thread's lock has this name: names of ids begin with a letter or digit


class ThreadLocks:
    """The locks of the threads in one store.

    Args:
        store: Its `lock_folder` property says where lock files lie; without one, locks hold inside this process only.
        timeout_seconds: How long `hold` waits.
        lock: The kind of lock files; "auto": what the file system needs.

    Attributes:
        lease_place: Where the leases of the threads lie.
        timeout_seconds: How long `hold` waits.

    Raises:
        ValueError: An unknown kind.
    """

    def __init__(self, store: Store, timeout_seconds: float, lock: Literal["auto", "native", "soft"] = "auto") -> None:
        self._folder = None if store.is_far else store.properties.lock_folder
        self._refused_in = None if store.is_far or not store.is_read_only else store.describe("")
        self._kind = kind_for(self._folder or "", lock)
        self.lease_place = _lease_place(store, self._folder, self._kind)
        self.timeout_seconds = timeout_seconds
        of_process = _of_process(store)
        self._local = of_process.locks
        self._gates = of_process.gates

    @contextlib.contextmanager
    def hold(self, thread_id: str, *, is_hasty: bool = False) -> Iterator[None]:
        """Hold the lock of a thread against every other process, thread and saver; not reentrant.

        Args:
            thread_id: The thread.
            is_hasty: Wait for a moment only, and raise BusyError then: the caller waits without a thread of the pool.

        Raises:
            BusyError: Somebody else held it at that moment.
            LockTimeoutError: Somebody else held it all the time; the message tells who.
            StorageError: The lock file cannot be made.
        """
        self._refuse_if_read_only()
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self._held(thread_id, LOCK_ATTEMPT_SECONDS if is_hasty else self.timeout_seconds))
            except LockTimeoutError as error:
                if not is_hasty:
                    raise
                raise BusyError(
                    thread_id, error.path, partial(self._timed_out, thread_id, error.path, error.holder)
                ) from error
            yield

    def _refuse_if_read_only(self) -> None:
        if self._refused_in is not None:
            raise ReadOnlyError.refusing(self._refused_in)

    @contextlib.contextmanager
    def _held(self, thread_id: str, timeout_seconds: float) -> Iterator[None]:
        if self._folder is None:
            name = lock_name(thread_id)
            if not self._local[name].acquire(timeout=timeout_seconds):
                raise self._timed_out(thread_id, name, None, timeout_seconds)
            try:
                yield
            finally:
                self._local[name].release()
            return
        path = os.path.join(self._folder, lock_name(thread_id))
        lock = self._acquired(thread_id, path, timeout_seconds)
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def referring(self, thread_id: str) -> Iterator[Stamp]:
        """Hold off the removal of the thread's artifacts; any number may do so at once. Yields the stamp of now.

        Raises:
            LockTimeoutError: Artifacts were being removed all the time.
            StorageError: The lock file cannot be made.
        """
        with self._passed(thread_id, exclusive=False) as stamp:
            yield stamp

    @contextlib.contextmanager
    def removing(self, thread_id: str) -> Iterator[None]:
        """Wait until nobody is about to refer to the thread's artifacts, hold off who comes, and change the stamp.

        Raises:
            LockTimeoutError: Somebody was about to refer to them all the time.
            StorageError: The lock file cannot be made.
        """
        with self._passed(thread_id, exclusive=True):
            yield

    @contextlib.contextmanager
    def sweeping(self) -> Iterator[bool]:
        """Try to be the only one who sweeps the store; yields whether this call is. In a far store: the only one of this process.

        Raises:
            StorageError: The lock file cannot be made.
        """
        self._refuse_if_read_only()
        if self._folder is None:
            is_free = self._local[_SWEEP].acquire(blocking=False)
            try:
                yield is_free
            finally:
                if is_free:
                    self._local[_SWEEP].release()
            return
        path = os.path.join(self._folder, _SWEEP)
        try:
            lock = acquired(path, self._kind, 0.0)
        except TimeoutError:
            yield False
            return
        except OSError as error:
            raise StorageError.from_os_error(error, action="lock", path=path) from error
        try:
            yield True
        finally:
            lock.release()

    def stamp(self, thread_id: str) -> Stamp:
        """Return the stamp of the thread's artifacts: while it is the same, none has been removed."""
        return self._gate(thread_id).stamp()

    def _gate(self, thread_id: str) -> Gate:
        name = artifacts_lock_name(thread_id)
        gate = self._gates.get(name)
        if gate is None:
            if len(self._gates) > _MOST_GATES and self._folder is not None:
                self._gates.clear()
            path = None if self._folder is None else os.path.join(self._folder, name)
            gate = self._gates.setdefault(name, Gate(path, self._kind))
        return gate

    @contextlib.contextmanager
    def _passed(self, thread_id: str, *, exclusive: bool) -> Iterator[Stamp]:
        self._refuse_if_read_only()
        gate = self._gate(thread_id)
        path = gate.path or artifacts_lock_name(thread_id)
        try:
            if gate.path is not None:
                make_folder_of(gate.path)
            passage = gate.enter(exclusive=exclusive, timeout_seconds=self.timeout_seconds)
        except TimeoutError as error:
            who = "somebody is about to refer to them" if exclusive else "some are being removed"
            raise LockTimeoutError(
                f"the artifacts of thread {thread_id!r} are in use: {who}; waited {self.timeout_seconds:g} s for {path}. "
                "Try again later; the lock goes away with the process that has it",
                path=path,
                timeout_seconds=self.timeout_seconds,
                holder=None,
            ) from error
        except OSError as error:
            raise StorageError.from_os_error(error, action="lock", path=path) from error
        try:
            yield passage.stamp
        finally:
            passage.leave()

    def _acquired(self, thread_id: str, path: str, timeout_seconds: float) -> BaseFileLock:
        try:
            lock = acquired(path, self._kind, timeout_seconds)
        except TimeoutError as error:
            raise self._timed_out(thread_id, path, _read_holder(path), timeout_seconds) from error
        except OSError as error:
            raise StorageError.from_os_error(error, action="lock", path=path) from error
        if self._kind == "native":  # a soft lock's own files tell
            with contextlib.suppress(OSError):  # it only tells people; on a full disk, deleting must still work
                _write_holder(path)
        return lock

    def _timed_out(
        self, thread_id: str, path: str, holder: dict[str, Any] | None, timeout_seconds: float
    ) -> LockTimeoutError:
        who = "this process"
        if holder is not None:
            who = f"process {holder.get('pid')} on {holder.get('host')} since {holder.get('since')}"
        elif self._folder is not None:
            who = "somebody who has not written their name into it"
        return LockTimeoutError(
            f"thread {thread_id!r} is locked by {who}; waited {timeout_seconds:g} s for {path}. "
            "Try again when that process is done; the lock goes away with the process",
            path=path,
            timeout_seconds=timeout_seconds,
            holder=holder,
        )


def _lease_place(store: Store, folder: str | None, kind: LockKind) -> LeasePlace:
    if folder is not None:
        return ReadOnlyPlace(folder, kind) if store.is_read_only else FilesPlace(folder, kind)
    return StorePlace(store) if store.is_far else _PLACES.setdefault(store, MemoryPlace(object()))


def _write_holder(path: str) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    with open(path, "r+b") as file:
        file.truncate()  # first: where there is no room for our name, nobody is to be taken for the one who came before
        file.write(json.dumps(holder).encode())


def _read_holder(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            holder = json.loads(file.read())
    except (OSError, ValueError):  # another system may lock the bytes, or the holder is just writing them
        return None
    return holder if isinstance(holder, dict) else None
