"""A store in a dict: the contract at its plainest, for tests and as the model that the other stores are held against."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from langgraph_filesaver._store.base import Entry, Marker, Properties, Staged, Status, Store, Turn, no_turn

__all__ = ["MemoryStore"]


class MemoryStore(Store):
    """Bytes in a dict, safe among threads; nothing outlives the object.

    Args:
        marker: The file that the first write leaves in the root.
    """

    properties = Properties(exclusive_create=True, durable=False, lock_folder=None, is_shared=False)

    def __init__(self, marker: Marker | None = None) -> None:
        self._marker = marker
        self._files: dict[str, bytes] = {}
        self._modified_at: dict[str, float] = {}
        self._listings: dict[str, tuple[str, ...]] = {}
        self._mutex = threading.Lock()

    def describe(self, key: str) -> str:
        """Return `memory://` and the key."""
        return f"memory://{key}"

    def read(self, key: str) -> bytes | None:
        """Return the bytes under `key`, or None."""
        return self._files.get(key)

    def exists(self, key: str) -> bool:
        """Tell whether `key` is there."""
        return key in self._files

    def create(self, key: str, data: bytes, turn: Turn = no_turn) -> bool:
        """Store `data` unless `key` is there."""
        with turn(), self._mutex:
            if key in self._files:
                return False
            self._put(key, data)
            return True

    def replace(self, key: str, data: bytes) -> None:
        """Store `data` in place of what is under `key`."""
        with self._mutex:
            self._put(key, data)

    def settle(self, keys: Iterable[str]) -> None:
        """Do nothing."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the keys."""
        with self._mutex:
            for key in keys:
                self._files.pop(key, None)
                self._modified_at.pop(key, None)
            self._listings.clear()

    def list(self, folder: str) -> tuple[str, ...]:
        """Return the sorted names directly in `folder`."""
        with self._mutex:
            if folder not in self._listings:
                prefix = f"{folder}/" if folder else ""
                inside = (key[len(prefix) :] for key in self._files if key.startswith(prefix))
                self._listings[folder] = tuple(sorted({rest.split("/", 1)[0] for rest in inside}))
            return self._listings[folder]

    def tree(self, folder: str) -> Iterator[Entry]:
        """Yield every file below `folder`."""
        with self._mutex:
            files = sorted(self._files.items())
        prefix = f"{folder}/" if folder else ""
        for key, data in files:
            if key.startswith(prefix) and (folder or not key.startswith(".")):
                version = hashlib.sha256(data).hexdigest()
                yield Entry(key, len(data), self._modified_at.get(key, 0.0), version)

    def delete_folder(self, folder: str) -> None:
        """Remove everything below `folder`."""
        with self._mutex:
            for key in [key for key in self._files if key.startswith(f"{folder}/")]:
                del self._files[key]
            self._listings.clear()

    def move_folder(self, source: str, target: str) -> bool:
        """Rename every key below `source`."""
        with self._mutex:
            moved = [key for key in self._files if key.startswith(f"{source}/")]
            if not moved or any(key.startswith(f"{target}/") for key in self._files):
                return False
            for key in moved:
                new = target + key[len(source) :]
                self._files[new], self._modified_at[new] = self._files.pop(key), self._modified_at.pop(key, 0.0)
            self._listings.clear()
            return True

    def _put(self, key: str, data: bytes) -> None:
        if self._marker is not None:
            self._files.setdefault(self._marker.key, self._marker.data)
        self._files[key] = bytes(data)
        self._modified_at[key] = time.time()
        self._listings.clear()

    def stage(self, thread_id: str) -> Staged:  # noqa: ARG002 all are alike here
        """Begin a file in memory."""
        return _MemoryStaged(self)

    def open(self, key: str) -> BinaryIO | None:
        """Open the bytes under `key` for reading."""
        data = self.read(key)
        return None if data is None else io.BytesIO(data)

    def status(self, key: str) -> Status | None:
        """Tell size and age."""
        data = self.read(key)
        return None if data is None else Status(len(data), self._modified_at.get(key, 0.0), ())

    def touch(self, key: str) -> None:
        """Make the bytes young again."""
        with self._mutex:
            if key in self._files:
                self._modified_at[key] = time.time()

    def copy(self, source_key: str, target_key: str) -> bool:
        """Store the same bytes under another key."""
        data = self.read(source_key)
        return data is not None and self.create(target_key, data)

    def path(self, key: str) -> str | None:  # noqa: ARG002 no file of it has a path
        """Return None."""
        return None

    def confine(self, folder: str) -> None:
        """Do nothing: there are no links."""


class _MemoryStaged(Staged):
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._written = io.BytesIO()

    def write(self, data: bytes | memoryview) -> None:
        self._written.write(data)

    def clone(self, path: str) -> bool:  # noqa: ARG002 nothing can be shared
        return False

    def blocks(self) -> Iterator[bytes]:
        yield self._written.getvalue()

    def flush(self) -> None:
        """Do nothing: there is no disk."""

    def name(self, key: str) -> bool:
        return self._store.create(key, self._written.getvalue())

    def replace(self, key: str) -> None:
        self._store.replace(key, self._written.getvalue())

    def close(self) -> None:
        self._written.close()
