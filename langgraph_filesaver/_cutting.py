"""Where a long list is cut into chunks (docs/format.md, "Long lists"): pure, and decided by the content alone.

A chunk ends after the item with which it holds at least `SMALLEST` bytes and whose checksum is small in proportion to
its length, or with which it holds `LARGEST`. As only the items of the chunk itself decide, an edit moves the cuts near it
and no others: after the next cut by checksum the chunks are what they were. This is content-defined chunking with a
minimum and a maximum, as in LBFS (Muthitacharoen et al., SOSP 2001), at item boundaries instead of bytes.

The last items of a list are in no chunk: they stand in the document. A list of no more than `INLINE` bytes is not cut.
What would break it: a rule that looks at anything but the text of the items, as two writers would cut differently.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

__all__ = ["INLINE", "LARGEST", "SMALLEST", "Cutter", "chunks"]

SMALLEST = 4096
"""Bytes below which a chunk does not end."""

LARGEST = 8192
"""Bytes from which on a chunk ends with any item."""

INLINE = 8192
"""Bytes up to which a list is not cut."""

_MEAN_BYTES_TO_A_CUT = 1024
_SEPARATOR_BYTES = 2


class Cutter:
    """Sees the items of one list in their order, and tells where a chunk ends.

    Attributes:
        size: Bytes of the chunk so far.
    """

    def __init__(self) -> None:
        self.size = 0

    def ends_with(self, text: bytes) -> bool:
        """Take the next item, as its JSON, and tell whether a chunk may end after it."""
        self.size += len(text) + _SEPARATOR_BYTES
        ends = self.size >= SMALLEST and (
            self.size >= LARGEST or zlib.crc32(text) * _MEAN_BYTES_TO_A_CUT < len(text) << 32
        )
        if ends:
            self.size = 0
        return ends


def chunks(texts: Sequence[bytes]) -> Iterator[slice]:
    """Yield the chunks of a list that is known as a whole; the items after the last one are the tail, never empty."""
    if sum(map(len, texts)) + _SEPARATOR_BYTES * len(texts) <= INLINE:
        return
    cutter, start = Cutter(), 0
    for at, text in enumerate(texts[:-1]):
        if cutter.ends_with(text):
            yield slice(start, at + 1)
            start = at + 1
