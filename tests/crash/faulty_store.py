"""A store whose process is killed at its k-th operation, before that operation has landed or after it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, TypeVar

from langgraph_filesaver._store import Entry, Staged, Status, Store, Turn, Versioned, no_turn

__all__ = ["FaultyStore", "KilledError"]

Result = TypeVar("Result")


class KilledError(BaseException):
    """Stands for SIGKILL: no `except Exception` survives it, and no operation lands after it."""


class FaultyStore(Store):
    """Passes operations on to another store until it is killed.

    Removing several keys is one operation for each of them: a kernel knows no call that removes two files.

    Args:
        store: Where the operations land.
        at: The number of the operation, from 1, at which the process dies.
        landed: Whether that operation still takes effect.
    """

    def __init__(self, store: Store, at: int, *, landed: bool) -> None:
        self._store = store
        self._at = at
        self._landed = landed
        self.properties = store.properties
        self.operations = 0

    def _operate(self, operation: Callable[[], Result]) -> Result:
        self.operations += 1
        if self.operations < self._at:
            return operation()
        if self.operations == self._at and self._landed:
            operation()
        raise KilledError

    @property
    def is_far(self) -> bool:
        return self._store.is_far

    @property
    def realm(self) -> Hashable:
        return self._store.realm

    def ahead(self) -> AbstractContextManager[None]:
        return self._store.ahead()

    def expect(self, keys: Iterable[str] = (), folders: Iterable[str] = (), looks: Iterable[str] = ()) -> None:
        self._store.expect(keys, folders, looks)

    def read_versioned(self, key: str) -> Versioned | None:
        return self._operate(lambda: self._store.read_versioned(key))

    def swap(self, key: str, data: bytes, version: str | None) -> str | None:
        return self._operate(lambda: self._store.swap(key, data, version))

    def describe(self, key: str) -> str:
        return self._store.describe(key)

    def read(self, key: str) -> bytes | None:
        return self._operate(lambda: self._store.read(key))

    def exists(self, key: str) -> bool:
        return self._operate(lambda: self._store.exists(key))

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        return self._operate(lambda: self._store.create(key, data, turn))

    def replace(self, key: str, data: bytes) -> None:
        self._operate(lambda: self._store.replace(key, data))

    def settle(self, keys: Iterable[str]) -> None:
        self._operate(lambda: self._store.settle(keys))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._delete(key)

    def _delete(self, key: str) -> None:
        self._operate(lambda: self._store.delete([key]))

    def list(self, folder: str) -> tuple[str, ...]:
        return self._operate(lambda: self._store.list(folder))

    def tree(self, folder: str) -> Iterator[Entry]:
        return self._store.tree(folder)

    def move_folder(self, source: str, target: str) -> bool:
        return self._operate(lambda: self._store.move_folder(source, target))

    def delete_folder(self, folder: str) -> None:
        self._operate(lambda: self._store.delete_folder(folder))

    def stage(self, thread_id: str) -> Staged:
        return FaultyStaged(self, self._operate(lambda: self._store.stage(thread_id)))

    def open(self, key: str) -> BinaryIO | None:
        return self._operate(lambda: self._store.open(key))

    def status(self, key: str) -> Status | None:
        return self._operate(lambda: self._store.status(key))

    def touch(self, key: str) -> None:
        self._operate(lambda: self._store.touch(key))

    def copy(self, source_key: str, target_key: str) -> bool:
        return self._operate(lambda: self._store.copy(source_key, target_key))

    def path(self, key: str) -> str | None:
        return self._store.path(key)

    def confine(self, folder: str) -> None:
        self._operate(lambda: self._store.confine(folder))


class FaultyStaged(Staged):
    """A file being written by a process that may be killed at any piece of it."""

    def __init__(self, store: FaultyStore, staged: Staged) -> None:
        self._store = store
        self._staged = staged

    def write(self, data: bytes | memoryview) -> None:
        self._store._operate(lambda: self._staged.write(data))

    def clone(self, path: str) -> bool:
        return self._store._operate(lambda: self._staged.clone(path))

    def blocks(self) -> Iterator[bytes]:
        return self._staged.blocks()

    def flush(self) -> None:
        self._store._operate(self._staged.flush)

    def name(self, key: str) -> bool:
        return self._store._operate(lambda: self._staged.name(key))

    def replace(self, key: str) -> None:
        self._store._operate(lambda: self._staged.replace(key))

    def close(self) -> None:
        self._staged.close()
