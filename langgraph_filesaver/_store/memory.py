"""A store in a dict: the contract at its plainest, for tests and as the model that the other stores are held against."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from langgraph_filesaver._store.base import Marker, Properties, Store

__all__ = ["MemoryStore"]


class MemoryStore(Store):
    """Bytes in a dict, safe among threads; nothing outlives the object.

    Args:
        marker: The file that the first write leaves in the root.
    """

    properties = Properties(exclusive_create=True, durable=False, lock_folder=None)

    def __init__(self, marker: Marker | None = None) -> None:
        self._marker = marker
        self._files: dict[str, bytes] = {}
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

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` unless `key` is there."""
        with self._mutex:
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
            self._listings.clear()

    def list(self, folder: str) -> tuple[str, ...]:
        """Return the sorted names directly in `folder`."""
        with self._mutex:
            if folder not in self._listings:
                prefix = f"{folder}/" if folder else ""
                inside = (key[len(prefix) :] for key in self._files if key.startswith(prefix))
                self._listings[folder] = tuple(sorted({rest.split("/", 1)[0] for rest in inside}))
            return self._listings[folder]

    def delete_folder(self, folder: str) -> None:
        """Remove everything below `folder`."""
        with self._mutex:
            for key in [key for key in self._files if key.startswith(f"{folder}/")]:
                del self._files[key]
            self._listings.clear()

    def _put(self, key: str, data: bytes) -> None:
        if self._marker is not None:
            self._files.setdefault(self._marker.key, self._marker.data)
        self._files[key] = bytes(data)
        self._listings.clear()
