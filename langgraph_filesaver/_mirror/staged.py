"""A large file on its way into a folder and its mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from langgraph_filesaver._store import Staged

__all__ = ["MirroredStaged"]


class MirroredStaged(Staged):
    """Passes everything on to the folder's own, and sends what has got its name.

    Args:
        inner: The folder's own.
        prepare: Called with the key before it gets its name.
        send: Called with the key after that.
    """

    def __init__(self, inner: Staged, prepare: Callable[[str], None], send: Callable[[str], None]) -> None:
        self._inner = inner
        self._prepare = prepare
        self._send = send

    def write(self, data: bytes | memoryview) -> None:
        """Append to it."""
        self._inner.write(data)

    def clone(self, path: str) -> bool:
        """Share blocks here, where that is possible."""
        return self._inner.clone(path)

    def blocks(self) -> Iterator[bytes]:
        """Yield what it holds."""
        return self._inner.blocks()

    def flush(self) -> None:
        """Bring it to the disk."""
        self._inner.flush()

    def name(self, key: str) -> bool:
        """Give it its name here, then put it there."""
        self._prepare(key)
        is_named = self._inner.name(key)
        if is_named:
            self._send(key)
        return is_named

    def replace(self, key: str) -> None:
        """Put it in place of what is here, then there."""
        self._prepare(key)
        self._inner.replace(key)
        self._send(key)

    def close(self) -> None:
        """Let go of it."""
        self._inner.close()
