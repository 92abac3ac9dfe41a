"""Where the tests keep threads: every store that a behaviour is tested over, in one place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import Entry, LocalStore, MemoryStore, Properties, Staged, Status, Store, Turn, no_turn
from langgraph_filesaver._store.remote import open_remote

__all__ = ["HOME_KINDS", "LONG_KINDS", "Home", "WatchedStore"]

HOME_KINDS = ("memory", "local", "remote")
LONG_KINDS = ["memory", "local", pytest.param("remote", marks=pytest.mark.soak)]
"""For tests that take long: in a far store only in `make soak`; what differs there has tests of its own (`tests/remote`)."""


class Home:
    """A place where threads are kept, and which can be opened any number of times.

    Args:
        kind: One of `HOME_KINDS`; "remote" is a store far away, by way of fsspec, in the memory of this process.
        root: The folder, for those kinds that have one.
        fsync: Whether local stores flush; most tests need not wait for that.
    """

    def __init__(self, kind: str, root: str | os.PathLike[str], *, fsync: bool = False) -> None:
        self.kind = kind
        self.root = Path(root)
        self._fsync = fsync
        self._memory = MemoryStore(MARKER)
        self._url = f"memory://{self.root.as_posix().strip('/')}"

    def store(self) -> Store:
        """Open the place as another process would: nothing is shared with the stores opened before but the data."""
        if self.kind == "memory":
            return self._memory
        if self.kind == "remote":
            return open_remote(self._url, None, None, MARKER)
        return LocalStore(str(self.root), marker=MARKER, fsync=self._fsync)

    def saver(self, **options: Any) -> FileSaver:
        """Open the place with a saver of its own."""
        return FileSaver(self.store(), **options)

    def files(self) -> set[str]:
        """Return the keys of all files, but for those that are no part of the threads (locks, files being written)."""
        if self.kind == "memory":
            return set(self._memory._files)
        if self.kind == "remote":
            return {each.key for each in self.store().tree("")}
        files = (path.relative_to(self.root) for path in self.root.rglob("*") if not path.is_dir())
        return {path.as_posix() for path in files if not path.parts[0].startswith(".")}


class WatchedStore(Store):
    """Passes everything on to another store, notes what was done, and lets a test act in between.

    Attributes:
        reads: The keys that were read.
        lists: The folders that were listed.
        changes: (verb, key) of what changed something.
        before_list: Called with the folder before each listing.
        before_exists: Called with the key before each look.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.properties: Properties = replace(inner.properties, is_far=False)  # each look is to be seen, none ahead
        self.reads: list[str] = []
        self.lists: list[str] = []
        self.changes: list[tuple[str, str]] = []
        self.before_list: Callable[[str], None] = lambda folder: None
        self.before_exists: Callable[[str], None] = lambda key: None

    def describe(self, key: str) -> str:
        return self.inner.describe(key)

    def read(self, key: str) -> bytes | None:
        self.reads.append(key)
        return self.inner.read(key)

    def exists(self, key: str) -> bool:
        self.before_exists(key)
        return self.inner.exists(key)

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        created = self.inner.create(key, data, turn)
        if created:
            self.changes.append(("create", key))
        return created

    def replace(self, key: str, data: bytes) -> None:
        self.inner.replace(key, data)
        self.changes.append(("replace", key))

    def settle(self, keys: Iterable[str]) -> None:
        self.inner.settle(keys)

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self.inner.delete(keys)
        self.changes += [("delete", key) for key in keys]

    def list(self, folder: str) -> tuple[str, ...]:
        self.lists.append(folder)
        self.before_list(folder)
        return self.inner.list(folder)

    def tree(self, folder: str) -> Iterator[Entry]:
        return self.inner.tree(folder)

    def move_folder(self, source: str, target: str) -> bool:
        return self.inner.move_folder(source, target)

    def delete_folder(self, folder: str) -> None:
        self.inner.delete_folder(folder)
        self.changes.append(("delete_folder", folder))

    def stage(self, thread_id: str) -> Staged:
        return self.inner.stage(thread_id)

    def open(self, key: str) -> BinaryIO | None:
        self.reads.append(key)
        return self.inner.open(key)

    def status(self, key: str) -> Status | None:
        return self.inner.status(key)

    def touch(self, key: str) -> None:
        self.inner.touch(key)

    def copy(self, source_key: str, target_key: str) -> bool:
        copied = self.inner.copy(source_key, target_key)
        if copied:
            self.changes.append(("create", target_key))
        return copied

    def path(self, key: str) -> str | None:
        return self.inner.path(key)

    def confine(self, folder: str) -> None:
        self.inner.confine(folder)
