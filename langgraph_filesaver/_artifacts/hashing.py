"""Files that are hashed while they are written or read, in a second thread: hashing takes about as long as the disk.

The name of an artifact is known when its last byte is; whether one is whole, when its last byte was read.
"""

from __future__ import annotations

import hashlib
import threading
from typing import BinaryIO

from langgraph_filesaver._store import Staged
from langgraph_filesaver.config import COPY_BLOCK_BYTES

__all__ = ["Hashing", "digest_of"]

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


def digest_of(file: BinaryIO) -> str:
    """Return the SHA-256 of an open file in hexadecimal, from where it stands.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    reading, hashed = bytearray(COPY_BLOCK_BYTES), bytearray(COPY_BLOCK_BYTES)
    hashing: threading.Thread | None = None
    try:
        while count := file.readinto(reading):  # type: ignore[attr-defined] # every binary file has it
            if hashing is not None:
                hashing.join()
            reading, hashed = hashed, reading
            hashing = threading.Thread(target=digest.update, args=(memoryview(hashed)[:count],))
            hashing.start()
    finally:
        if hashing is not None:
            hashing.join()
    return digest.hexdigest()
