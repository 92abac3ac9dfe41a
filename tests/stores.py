"""Where the tests keep threads: every store that a behaviour is tested over, in one place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from langgraph_filesaver import FileSaver
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore, MemoryStore, Store

__all__ = ["HOME_KINDS", "Home"]

HOME_KINDS = ("memory", "local")


class Home:
    """A place where threads are kept, and which can be opened any number of times.

    Args:
        kind: One of `HOME_KINDS`.
        root: The folder, for those kinds that have one.
        fsync: Whether local stores flush; most tests need not wait for that.
    """

    def __init__(self, kind: str, root: str | os.PathLike[str], *, fsync: bool = False) -> None:
        self.kind = kind
        self.root = Path(root)
        self._fsync = fsync
        self._memory = MemoryStore(MARKER)

    def store(self) -> Store:
        """Open the place as another process would: nothing is shared with the stores opened before but the data."""
        if self.kind == "memory":
            return self._memory
        return LocalStore(str(self.root), marker=MARKER, fsync=self._fsync)

    def saver(self, **options: Any) -> FileSaver:
        """Open the place with a saver of its own."""
        return FileSaver(self.store(), **options)

    def files(self) -> set[str]:
        """Return the keys of all files, but for those that are no part of the threads (locks, files being written)."""
        if self.kind == "memory":
            return set(self._memory._files)
        files = (path.relative_to(self.root) for path in self.root.rglob("*") if not path.is_dir())
        return {path.as_posix() for path in files if not path.parts[0].startswith(".")}
