"""Objects that were read or written, kept in memory within a bound; the least recently used goes first.

An object is used again only where it is certain to be the same: its key says what its bytes are, or a listing has just
shown that the store still has this version.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from langgraph_filesaver._store.base import Versioned

__all__ = ["ObjectCache"]

_OVERHEAD_BYTES = 200  # of an entry, roughly, beside its bytes


class ObjectCache:
    """Bytes and their versions under keys, for all threads of a process.

    Args:
        most_bytes: The bound; what is larger than an eighth of it is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._objects: OrderedDict[str, Versioned] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, key: str) -> Versioned | None:
        """Return what is kept under a key."""
        with self._mutex:
            found = self._objects.get(key)
            if found is not None:
                self._objects.move_to_end(key)
            return found

    def keep(self, key: str, found: Versioned) -> None:
        """Keep it in place of what was kept; without a version there is nothing to know it by again."""
        with self._mutex:
            self._drop(key)
            if not found.version or len(found.data) > self._most_bytes // 8:
                return
            self._objects[key] = found
            self._bytes += len(found.data) + _OVERHEAD_BYTES
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._objects)))

    def drop(self, key: str) -> None:
        """Keep nothing under a key any more."""
        with self._mutex:
            self._drop(key)

    def _drop(self, key: str) -> None:
        old = self._objects.pop(key, None)
        if old is not None:
            self._bytes -= len(old.data) + _OVERHEAD_BYTES
