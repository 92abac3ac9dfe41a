"""A staged file that is hashed while it is written: the name of an artifact is known when its last byte is."""

from __future__ import annotations

import hashlib
import threading

from langgraph_filesaver._store import Staged

__all__ = ["Hashing"]

_BY_A_SECOND_THREAD_BYTES = 1024 * 1024


class Hashing:
    """Writes to a staged file and hashes at the same time, large parts in a second thread.

    Args:
        staged: The file.

    Attributes:
        size: Bytes written.
    """

    def __init__(self, staged: Staged) -> None:
        self._staged = staged
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`."""
        view = memoryview(data)
        self.size += len(view)
        if len(view) < _BY_A_SECOND_THREAD_BYTES:
            self._digest.update(view)
            self._staged.write(view)
            return
        hashing = threading.Thread(target=self._digest.update, args=(view,))
        hashing.start()
        try:
            self._staged.write(view)
        finally:
            hashing.join()

    def clone(self, path: str) -> bool:
        """Take the content of a file without copying it, where the file system can."""
        if not self._staged.clone(path):
            return False
        # What was taken is hashed, not what is at the path by now.
        for block in self._staged.blocks():
            self.size += len(block)
            self._digest.update(block)
        return True

    def hexdigest(self) -> str:
        """Return the SHA-256 of all that was written."""
        return self._digest.hexdigest()
