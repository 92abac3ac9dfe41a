"""A store that is only looked at: wraps another one, of which it passes on what reads, and refuses the rest before it begins."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO, NoReturn

from langgraph_filesaver._store.base import Entry, Properties, Staged, Status, Store, Turn, Versioned, no_turn
from langgraph_filesaver.errors import ReadOnlyError

__all__ = ["ReadOnlyStore"]


class ReadOnlyStore(Store):
    """Another store's files, for reading.

    Args:
        inner: The store.
    """

    is_read_only = True

    def __init__(self, inner: Store) -> None:
        self._inner = inner

    def __repr__(self) -> str:
        return f"{self._inner!r}, read-only"

    @property
    def properties(self) -> Properties:  # type: ignore[override] # found out by the wrapped store, perhaps at its first use
        """Those of the wrapped store."""
        return self._inner.properties

    @property
    def is_far(self) -> bool:
        """That of the wrapped store."""
        return self._inner.is_far

    @property
    def realm(self) -> Hashable:
        """That of the wrapped store."""
        return self._inner.realm

    def _refuse(self, key: str) -> NoReturn:
        raise ReadOnlyError.refusing(self._inner.describe(key))

    # --- passed on

    def describe(self, key: str) -> str:
        """Return where it is."""
        return self._inner.describe(key)

    def read(self, key: str) -> bytes | None:
        """Read it."""
        return self._inner.read(key)

    def read_all(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """Read them."""
        return self._inner.read_all(keys)

    def read_versioned(self, key: str) -> Versioned | None:
        """Read it with its version."""
        return self._inner.read_versioned(key)

    def exists(self, key: str) -> bool:
        """Look for it."""
        return self._inner.exists(key)

    def list(self, folder: str) -> tuple[str, ...]:
        """List it."""
        return self._inner.list(folder)

    def names_at_hand(self) -> tuple[str, ...]:
        """List what is here."""
        return self._inner.names_at_hand()

    def tree(self, folder: str) -> Iterator[Entry]:
        """Walk it."""
        return self._inner.tree(folder)

    def open(self, key: str) -> BinaryIO | None:
        """Open it."""
        return self._inner.open(key)

    def stamp(self, key: str) -> tuple[int, ...] | None:
        """Tell files apart."""
        return self._inner.stamp(key)

    def status(self, key: str) -> Status | None:
        """Look at it."""
        return self._inner.status(key)

    def path(self, key: str) -> str | None:
        """Return its path."""
        return self._inner.path(key)

    def confine(self, folder: str) -> None:
        """Refuse a link out."""
        self._inner.confine(folder)

    def ahead(self) -> AbstractContextManager[None]:
        """As the wrapped store does."""
        return self._inner.ahead()

    def expect(self, keys: Iterable[str] = (), folders: Iterable[str] = (), looks: Iterable[str] = ()) -> None:
        """As the wrapped store does."""
        self._inner.expect(keys, folders, looks)

    # --- refused

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:  # noqa: ARG002 refused as it is
        """Refuse."""
        self._refuse(key)

    def create_all(self, files: Mapping[str, bytes]) -> None:
        """Refuse."""
        self._refuse(next(iter(files), ""))

    def replace(self, key: str, data: bytes) -> None:  # noqa: ARG002 refused as it is
        """Refuse."""
        self._refuse(key)

    def swap(self, key: str, data: bytes, version: str | None) -> str | None:  # noqa: ARG002 refused as it is
        """Refuse."""
        self._refuse(key)

    def settle(self, keys: Iterable[str]) -> None:
        """Refuse."""
        self._refuse(next(iter(keys), ""))

    def delete(self, keys: Iterable[str]) -> None:
        """Refuse."""
        self._refuse(next(iter(keys), ""))

    def delete_folder(self, folder: str) -> None:
        """Refuse."""
        self._refuse(folder)

    def move_folder(self, source: str, target: str) -> bool:  # noqa: ARG002 refused as it is
        """Refuse."""
        self._refuse(source)

    def stage(self, thread_id: str) -> Staged:  # noqa: ARG002 refused as it is
        """Refuse."""
        self._refuse("")

    def touch(self, key: str) -> None:
        """Refuse."""
        self._refuse(key)

    def copy(self, source_key: str, target_key: str) -> bool:  # noqa: ARG002 refused as it is
        """Refuse."""
        self._refuse(target_key)
