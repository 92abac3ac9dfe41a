"""A sealed file while it is written, and one that is read piece by piece: a block of content in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from langgraph_filesaver._crypt.sealing import (
    BLOCK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    Binding,
    Header,
    Sealing,
    UnsealedError,
    sizes,
)
from langgraph_filesaver._store.base import Staged
from langgraph_filesaver._store.seeking import SeekingFile

__all__ = ["SealedReader", "SealedStaged"]

_AHEAD_BLOCKS = 16
_STEP = BLOCK_BYTES + TAG_BYTES


class SealedStaged(Staged):
    """A file that is sealed as it is written. The last block waits until the name is known, which it is bound to.

    Args:
        inner: Where the sealed bytes go.
        header: Its header.
        sealing: Seals its blocks.
        place_of: Returns what the file is bound to under a key.
    """

    def __init__(self, inner: Staged, header: Header, sealing: Sealing, place_of: Callable[[str], bytes]) -> None:
        self._inner = inner
        self._sealing = sealing
        self._place_of = place_of
        self._rest = bytearray()
        self._number = 0
        self._is_ended = False
        inner.write(header.to_bytes())

    def write(self, data: bytes | memoryview) -> None:
        """Append it; what fills no block yet, or may be the last one, waits."""
        view = memoryview(data).cast("B")
        at = 0
        if self._rest:
            at = min(BLOCK_BYTES - len(self._rest), len(view))
            self._rest += view[:at]
            if at == len(view):
                return
            self._write_block(bytes(self._rest))
            self._rest.clear()
        made = bytearray()
        while len(view) - at > BLOCK_BYTES:
            made += self._sealing.seal(self._number, view[at : at + BLOCK_BYTES])
            self._number += 1
            at += BLOCK_BYTES
            if len(made) > _AHEAD_BLOCKS * BLOCK_BYTES:
                self._inner.write(bytes(made))
                made.clear()
        if made:
            self._inner.write(bytes(made))
        self._rest += view[at:]

    def _write_block(self, content: bytes) -> None:
        self._inner.write(self._sealing.seal(self._number, content))
        self._number += 1

    def clone(self, path: str) -> bool:  # noqa: ARG002 no block of a plain file is one of a sealed file
        """Refuse: nothing can be shared."""
        return False

    def blocks(self) -> Iterator[bytes]:
        """Refuse: what was written is sealed by now."""
        raise NotImplementedError("a sealed file is read only once it has its name")

    def flush(self) -> None:
        """Bring what is sealed by now to the disk."""
        self._inner.flush()

    def name(self, key: str) -> bool:
        """Seal the last block, and give the file its name."""
        self._end(key)
        return self._inner.name(key)

    def replace(self, key: str) -> None:
        """Seal the last block, and put the file in place of another one."""
        self._end(key)
        self._inner.replace(key)

    def _end(self, key: str) -> None:
        if not self._is_ended:  # a block is sealed once: the same nonce for another content would give both away
            self._inner.write(self._sealing.seal_last(self._number, bytes(self._rest), self._place_of(key)))
            self._is_ended = True
            self._rest.clear()

    def close(self) -> None:
        """Let go of it."""
        self._inner.close()


class SealedReader(SeekingFile):
    """The content of a sealed file, read from any place. All blocks but the last are opened when they are come to.

    Args:
        file: The sealed bytes.
        header: Its header, already read.
        sealing: Opens its blocks.
        binding: What it is bound to.
        failed: Makes the error that tells what was found.

    Raises:
        Exception: What `failed` makes, where the last block does not open.
    """

    def __init__(
        self, file: BinaryIO, sealing: Sealing, binding: Binding, failed: Callable[[UnsealedError], Exception]
    ) -> None:
        super().__init__()
        self._file = file
        self._sealing = sealing
        self._failed = failed
        self._held: tuple[int, bytes] = (-1, b"")
        try:
            self._size, self._last = sizes(file.seek(0, os.SEEK_END))
            self._tail = sealing.open_last(self._last, self._block(self._last), binding.place)
        except UnsealedError as error:
            raise failed(error) from error

    def _block(self, number: int) -> bytes:
        self._file.seek(HEADER_BYTES + number * _STEP)
        return self._file.read(_STEP)

    def _content(self, number: int) -> bytes:
        if number == self._last:
            return self._tail
        if self._held[0] != number:
            try:
                self._held = (number, self._sealing.open(number, self._block(number)))
            except UnsealedError as error:
                raise self._failed(error) from error
        return self._held[1]

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._at < self._size:
            number, skip = divmod(self._at, BLOCK_BYTES)
            whole = 0 if skip else min((len(view) - done) // BLOCK_BYTES, self._last - number, _AHEAD_BLOCKS)
            if whole > 1:
                self._read_blocks(number, view[done : done + whole * BLOCK_BYTES])
                done += whole * BLOCK_BYTES
                self._at += whole * BLOCK_BYTES
                continue
            part = self._content(number)[skip : skip + len(view) - done]
            view[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return done

    def _read_blocks(self, first: int, view: memoryview) -> None:
        """Fill a buffer with blocks that stand one after the other, none the last, by one read of the file."""
        self._file.seek(HEADER_BYTES + first * _STEP)
        count = len(view) // BLOCK_BYTES
        data = memoryview(self._file.read(count * _STEP))
        try:
            for number in range(count):
                block = data[number * _STEP : (number + 1) * _STEP]
                view[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES] = self._sealing.open(first + number, block)
        except UnsealedError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the sealed file, too."""
        if not self.closed:
            self._file.close()
        super().close()
