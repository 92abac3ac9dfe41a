"""From what a user gives as root to an opened repository.

The constructor of FileSaver opens it, so that a wrong path is told at once. On an event loop a look at the folder would
block, so there the first call opens it, on the pool. It is opened once and shared by all clones of a saver (P10).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Hashable, Mapping
from typing import Any, Literal

from langgraph_filesaver._artifacts import Formats
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._mirror import MirroredStore
from langgraph_filesaver._repository import MARKER, Repository
from langgraph_filesaver._store import LocalStore, Store
from langgraph_filesaver._thread_files import ThreadFiles

__all__ = ["Root", "local_path"]


class Root:
    """A root and, once opened, its repository.

    Args:
        root: A path, a `file://` URL (what follows is the path, `%20` not decoded, as fsspec has it), the URL of another
            filesystem, or a store.
        fsync: Whether what is written survives a power cut.
        lock_timeout_seconds: How long a call waits for a lock.
        formats: How large values are written.
        lock: The kind of lock files.
        storage_options: What fsspec is to make the filesystem of a URL with.
        filesystem: The filesystem itself; `root` is a path in it then.
        mirror: Where each file of a local folder is put as well: the URL of a store, a store, or None.
        mirror_options: What fsspec is to make the filesystem of the mirror with.
        mirror_required: Whether a write fails that did not get into the mirror.

    Attributes:
        realm: Equal for savers of one root that share it: clones, and no others.

    Raises:
        ValueError: `root` is a URL of a kind that fsspec does not know, or options are given for a local folder.
        ImportError: The driver for the URL is not installed.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | Store,
        *,
        fsync: bool,
        lock_timeout_seconds: float,
        formats: Formats,
        lock: Literal["auto", "native", "soft"],
        storage_options: Mapping[str, Any] | None = None,
        filesystem: Any = None,
        mirror: str | Store | None = None,
        mirror_options: Mapping[str, Any] | None = None,
        mirror_required: bool = True,
    ) -> None:
        self.realm: Hashable = uuid.uuid4().hex
        self._lock = lock
        self._given: Store | str = (
            root if isinstance(root, Store) else _place(os.fspath(root), storage_options, filesystem)
        )
        if mirror is not None and isinstance(self._given, Store) and self._given.is_far:
            raise ValueError(f"{self._given!r} is no local folder: a mirror={mirror!r} is of one")
        self._mirror = _remote(mirror, mirror_options) if isinstance(mirror, str) else mirror
        self._mirror_required = mirror_required
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
            ThreadFiles(store).check_root()
            if self._mirror is not None:
                store = MirroredStore(store, self._mirror, is_required=self._mirror_required)
            repository = Repository(store, ThreadLocks(store, self._lock_timeout_seconds, self._lock), self._formats)
            self._opened = repository
        return self._opened


def _place(root: str, storage_options: Mapping[str, Any] | None, filesystem: Any) -> Store | str:
    """Return the path of a local folder, or the store at a URL."""
    while "dir" in _protocols(filesystem):  # fsspec's folder of another filesystem, of which that keeps the promises
        root, filesystem = filesystem._join(filesystem._strip_protocol(root)), filesystem.fs  # noqa: SLF001 fsspec's own ways
    if filesystem is not None:
        if "file" in _protocols(filesystem):
            return str(filesystem._strip_protocol(root))  # noqa: SLF001 fsspec's own way to take the protocol off
        return _remote(root, None, filesystem)
    local = local_path(root)
    if local is None:
        return _remote(root, storage_options)
    if storage_options:
        raise ValueError(f"{root!r} is a local folder, which takes no storage_options: leave them out, or give a URL")
    return local


def _remote(url: str, options: Mapping[str, Any] | None, filesystem: Any = None) -> Store:
    from langgraph_filesaver._store.remote import open_remote  # here, for a local folder needs no fsspec

    return open_remote(url, options, filesystem, MARKER)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = getattr(filesystem, "protocol", ())
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def local_path(path: str) -> str | None:
    """Return the local folder that a root is, `~` still in it, or None where it is a URL of another filesystem."""
    # As fsspec reads it, so that a URL is one folder for all programs: nothing in it is an escape, a host or a query.
    if path.startswith("file://"):
        return path.removeprefix("file://")
    if path.startswith("file:/"):
        return path.removeprefix("file:")
    return None if "://" in path else path
