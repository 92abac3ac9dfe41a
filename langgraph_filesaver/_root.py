"""From what a user gives as root to an opened repository.

The constructor of FileSaver opens it, so that a wrong path is told at once. On an event loop a look at the folder would
block, so there the first call opens it, on the pool. It is opened once and shared by all clones of a saver (P10).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Hashable
from typing import Any, Literal

from langgraph_filesaver._artifacts import Formats
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._repository import MARKER, Repository
from langgraph_filesaver._store import LocalStore, Store

__all__ = ["Root"]


class Root:
    """A root and, once opened, its repository.

    Args:
        root: A path, a `file://` URL (what follows is the path, `%20` not decoded, as fsspec has it), or a store.
        fsync: Whether what is written survives a power cut.
        lock_timeout_seconds: How long a call waits for a lock.
        formats: How large values are written.
        lock: The kind of lock files.

    Attributes:
        realm: Equal for savers of one root that share it: clones, and no others.

    Raises:
        ValueError: `root` is a URL of a kind that is not supported.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | Store,
        *,
        fsync: bool,
        lock_timeout_seconds: float,
        formats: Formats,
        lock: Literal["auto", "native", "soft"],
    ) -> None:
        self.realm: Hashable = uuid.uuid4().hex
        self._lock = lock
        self._given = root if isinstance(root, Store) else _local_path(root)
        self._fsync = fsync
        self._lock_timeout_seconds = lock_timeout_seconds
        self._formats = formats
        self._opened: Repository | None = None

    def __repr__(self) -> str:
        return repr(self._given)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}  # what is open belongs to this process

    def open(self) -> Repository:
        """Return the repository; raises as the constructor of FileSaver tells."""
        if self._opened is None:
            store = self._given
            if not isinstance(store, Store):
                store = LocalStore(
                    os.path.expanduser(store),
                    marker=MARKER,
                    fsync=self._fsync,
                    lock_timeout_seconds=self._lock_timeout_seconds,
                )
            repository = Repository(store, ThreadLocks(store, self._lock_timeout_seconds, self._lock), self._formats)
            repository.check_root()
            self._opened = repository
        return self._opened


def _local_path(root: str | os.PathLike[str]) -> str:
    path = os.fspath(root)
    # As fsspec reads it, so that a URL is one folder for all programs: nothing in it is an escape, a host or a query.
    if path.startswith("file://"):
        return path.removeprefix("file://")
    if path.startswith("file:/"):
        return path.removeprefix("file:")
    if "://" in path:
        raise ValueError(f"{path!r}: this release keeps threads on local disk only; give a path or a file:// URL")
    return path
