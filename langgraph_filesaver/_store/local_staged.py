"""A large file of the local store while it is being written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from langgraph_filesaver._store.base import Staged
from langgraph_filesaver._store.descriptors import unlink_if_there, write_all
from langgraph_filesaver._store.sharing import share_blocks
from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import StorageError

__all__ = ["LocalStaged"]


class LocalStaged(Staged):
    """A file in the staging folder, written piece by piece.

    Args:
        staged: Its path.
        descriptor: It, open for reading and writing.
        flush: Brings it to the disk, by path and descriptor.
        give_name: Gives a staged file, by path and descriptor, the name of a key; `exclusive=False`: also where there is one.
    """

    def __init__(
        self,
        staged: str,
        descriptor: int,
        flush: Callable[[str, int], None],
        give_name: Callable[..., bool],
    ) -> None:
        self._flush = flush
        self._give_name = give_name
        self._staged = staged
        self._descriptor = descriptor
        self._is_named = False

    def write(self, data: bytes | memoryview) -> None:
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            raise StorageError.from_os_error(error, action="write", path=self._staged) from error

    def clone(self, path: str) -> bool:
        return share_blocks(path, self._descriptor)

    def blocks(self) -> Iterator[bytes]:
        at = 0
        try:
            while block := os.pread(self._descriptor, COPY_BLOCK_BYTES, at):
                at += len(block)
                yield block
        except OSError as error:
            raise StorageError.from_os_error(error, action="read", path=self._staged) from error

    def flush(self) -> None:
        self._flush(self._staged, self._descriptor)

    def name(self, key: str) -> bool:
        self._is_named = self._give_name(self._staged, self._descriptor, key)
        return self._is_named

    def replace(self, key: str) -> None:
        self._is_named = self._give_name(self._staged, self._descriptor, key, exclusive=False)

    def close(self) -> None:
        try:
            os.close(self._descriptor)
        except OSError as error:
            raise StorageError.from_os_error(error, action="close", path=self._staged) from error
        finally:
            if not self._is_named:
                unlink_if_there(self._staged)
