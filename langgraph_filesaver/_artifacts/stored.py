"""Where the content of an artifact by hand lies once it was stored: a file of a thread, in a store."""

from __future__ import annotations

from typing import Any, BinaryIO

from langgraph_filesaver._store import Store
from langgraph_filesaver.artifact import BytesSource, FileSource
from langgraph_filesaver.errors import StorageError

__all__ = ["StoredSource"]


class StoredSource:
    """The content of an artifact in a store.

    Args:
        store: The store.
        key: The artifact's file.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    @property
    def path(self) -> str | None:
        """The path of the file, where the store has paths."""
        return self._store.path(self._key)

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            StorageError: It is not there any more.
        """
        file = self._store.open(self._key)
        if file is None:
            path = self._store.describe(self._key)
            raise StorageError(f"the artifact's file {path} is not there any more: its thread was removed", path=path)
        return file

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        # Another process has not this store, but it has its files.
        if self.path is not None:
            return FileSource, (self.path,)
        with self.open() as file:
            return BytesSource, (file.read(),)
