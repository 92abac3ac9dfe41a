"""A file for reading that knows its size and its place in it; what stands there is its subclasses' business."""

from __future__ import annotations

import io
import os

__all__ = ["SeekingFile"]


class SeekingFile(io.RawIOBase):
    """A file that is read from any place. Subclasses set the size, and move on by what they have read (`readinto`).

    Attributes:
        _size: Its bytes.
        _at: The place that is read next.
    """

    _size: int
    _at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; nothing is read yet."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative place {base + offset}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at
