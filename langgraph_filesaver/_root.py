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
from langgraph_filesaver._crypt import ENVIRONMENT_VARIABLE, KeyProvider
from langgraph_filesaver._lock import ThreadLocks
from langgraph_filesaver._mirror import MirroredStore
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._store import (
    PLAIN_MARKER,
    LocalStore,
    Marker,
    Store,
    sealed_marker,
    sealed_store_id,
)
from langgraph_filesaver._thread_files import ThreadFiles
from langgraph_filesaver.errors import DecryptionError, StorageError

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
        keys: Who knows the keys of files that are sealed, or None where they are plain.
        is_read_only: Whether nothing may be written.
        mode: The permissions of the files of a local folder.

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
        keys: KeyProvider | None = None,
        is_read_only: bool = False,
        mode: int = 0o600,
    ) -> None:
        self.realm: Hashable = uuid.uuid4().hex
        self._lock = lock
        self._keys = keys
        self._is_read_only = is_read_only
        if mode & 0o022 or mode & 0o600 != 0o600 or mode & ~0o666:
            raise ValueError(
                f"mode={mode:#o}: give 0o600, 0o640, 0o604 or 0o644. The owner reads and writes, and nobody else writes, for "
                "locks are the owner's"
            )
        self._mode = mode
        self._marker = PLAIN_MARKER if keys is None else sealed_marker()
        self._mirrored: MirroredStore | None = None
        self._given: Store | str = (
            root if isinstance(root, Store) else _place(os.fspath(root), storage_options, filesystem, self._marker)
        )
        if mirror is not None and is_read_only:
            raise ValueError(f"mirror={mirror!r} is written to, and read_only=True: open one of the two alone")
        if mirror is not None and isinstance(self._given, Store) and self._given.is_far:
            raise ValueError(f"{self._given!r} is no local folder: a mirror={mirror!r} is of one")
        self._mirror = _remote(mirror, mirror_options, self._marker) if isinstance(mirror, str) else mirror
        self._mirror_url = (mirror, mirror_options) if isinstance(mirror, str) else None
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
            store = self._store(self._marker)
            ThreadFiles(store).check_root()
            found = self._identity(store)
            if found is not None and found != self._marker:
                store = self._store(found)
                if self._mirror_url is not None:
                    url, options = self._mirror_url
                    self._mirror = _remote(url, options, found)
            if found is not None:
                self._refuse_other_mirror(found)
            if self._mirror is not None:
                store = self._mirrored = MirroredStore(store, self._mirror, is_required=self._mirror_required)
            if self._is_read_only:
                from langgraph_filesaver._store.read_only import ReadOnlyStore  # as below

                store = ReadOnlyStore(store)
            if self._keys is not None:
                from langgraph_filesaver._store.sealed import SealedStore  # here, for a plain store needs none of it

                store = SealedStore(store, self._keys, found or self._marker)
            repository = Repository(store, ThreadLocks(store, self._lock_timeout_seconds, self._lock), self._formats)
            self._opened = repository
        return self._opened

    @property
    def mirrored(self) -> MirroredStore | None:
        """The folder and its mirror, where there is one."""
        self.open()
        return self._mirrored

    def _store(self, marker: Marker) -> Store:
        if isinstance(self._given, Store):
            return self._given
        return LocalStore(
            os.path.expanduser(self._given),
            marker=marker,
            fsync=self._fsync,
            lock_timeout_seconds=self._lock_timeout_seconds,
            mode=self._mode,
        )

    def _refuse_other_mirror(self, marker: Marker) -> None:
        """Raise StorageError where the mirror is another store: sealed files open in their own alone."""
        if self._mirror is None:
            return
        try:
            there = self._mirror.read(marker.key)
        except StorageError:  # it is down; what cannot be read is written to by nobody
            if self._mirror_required:
                raise
            return
        if there is None:
            return
        path = self._mirror.describe(marker.key)
        if sealed_store_id(there, path) != sealed_store_id(marker.data, path):
            raise StorageError(
                f"{path} is the marker of another store, in which encrypted files of this one would not open: give an empty "
                "place for the mirror, or the one that it has had",
                path=path,
            )

    def _identity(self, store: Store) -> Marker | None:
        """Return the marker of a store that is sealed; None where there is no store yet, or it is plain.

        Raises:
            DecryptionError: It is sealed, and nobody knows a key.
            StorageError: It is plain, and only a sealed one will do.
        """
        data = store.read(self._marker.key)
        if data is None and self._keys is not None and self._mirror is not None:
            store = self._mirror  # what comes back from a mirror is the store that it is of
            data = store.read(self._marker.key)
        if data is None:
            return None
        path = store.describe(self._marker.key)
        is_sealed = sealed_store_id(data, path) is not None
        if is_sealed and self._keys is None:
            raise DecryptionError(
                f"the files of this store are encrypted: give encryption=, or set {ENVIRONMENT_VARIABLE}", path=path
            )
        if not is_sealed and self._keys is not None:
            raise StorageError(
                f"the files of this store are not encrypted, and encryption was asked for (see {path}): give a new folder, or "
                f"encryption=False to use this one as it is, also where {ENVIRONMENT_VARIABLE} is set",
                path=path,
            )
        return Marker(self._marker.key, data) if is_sealed else None


def _place(root: str, storage_options: Mapping[str, Any] | None, filesystem: Any, marker: Marker) -> Store | str:
    """Return the path of a local folder, or the store at a URL."""
    while "dir" in _protocols(filesystem):  # fsspec's folder of another filesystem, of which that keeps the promises
        root, filesystem = filesystem._join(filesystem._strip_protocol(root)), filesystem.fs  # noqa: SLF001 fsspec's own ways
    if filesystem is not None:
        if "file" in _protocols(filesystem):
            return str(filesystem._strip_protocol(root))  # noqa: SLF001 fsspec's own way to take the protocol off
        return _remote(root, None, marker, filesystem)
    local = local_path(root)
    if local is None:
        return _remote(root, storage_options, marker)
    if storage_options:
        raise ValueError(f"{root!r} is a local folder, which takes no storage_options: leave them out, or give a URL")
    return local


def _remote(url: str, options: Mapping[str, Any] | None, marker: Marker, filesystem: Any = None) -> Store:
    from langgraph_filesaver._store.remote import open_remote  # here, for a local folder needs no fsspec

    return open_remote(url, options, filesystem, marker)


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
