"""The SHA-256 of large files: while they are written, in a second thread, since it takes about as long as the disk does.

A file that is read is hashed where it is mapped: copying it into a buffer first, for a second thread, took longer.
"""

from __future__ import annotations

import hashlib
import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from langgraph_filesaver._store import Staged

__all__ = ["Hashing", "digest_of"]

_BY_A_SECOND_THREAD_BYTES = 1024 * 1024
_WINDOW_BYTES = 16 * 1024 * 1024  # a multiple of every page size


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
        with self._hashed_beside([view]):
            self._staged.write(view)

    def write_whole(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        """Write all of a file, flushed: its bytes are hashed while the disk works."""
        views = [memoryview(part) for part in parts]
        self.size += sum(map(len, views))
        with self._hashed_beside(views):
            for view in views:
                self._staged.write(view)
            self._staged.flush()

    @contextmanager
    def _hashed_beside(self, views: Sequence[memoryview]) -> Iterator[None]:
        """Hash in a second thread while the block runs; the bytes may be changed when this ends."""
        hashing = threading.Thread(target=self._hash, args=(views,))
        hashing.start()
        try:
            yield
        finally:
            hashing.join()

    def _hash(self, views: Sequence[memoryview]) -> None:
        for view in views:
            self._digest.update(view)

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


def digest_of(mapped: mmap.mmap) -> str:
    """Return the SHA-256 of a mapped file in hexadecimal, with a window of it in memory at a time."""
    digest = hashlib.sha256()
    with memoryview(mapped) as content:
        for start in range(0, len(content), _WINDOW_BYTES):
            with content[start : start + _WINDOW_BYTES] as window:
                digest.update(window)
            if hasattr(mapped, "madvise"):  # not on Windows
                mapped.madvise(mmap.MADV_DONTNEED, start, min(_WINDOW_BYTES, len(content) - start))
    return digest.hexdigest()
