"""A local store with a key in it, and system calls that fail under it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver._store.durability import TwoFlushes

__all__ = [
    "OLD",
    "FailingCall",
    "new_store",
    "staged",
]


OLD = b"old" * 1000


class FailingCall:
    """A system call that fails with an error number, at its n-th use and, if lasting, at all later ones."""

    def __init__(self, call: Callable[..., Any], number: int, at: int, *, after_effect: bool, lasting: bool) -> None:
        self._call = call
        self._number = number
        self._at = at
        self._after_effect = after_effect
        self._lasting = lasting
        self.uses = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.uses += 1
        if self.uses == self._at or (self._lasting and self.uses > self._at):
            if self._after_effect:
                self._call(*args, **kwargs)
            raise OSError(self._number, os.strerror(self._number), *args[:1])
        return self._call(*args, **kwargs)


def new_store(root: Path, flush: type[TwoFlushes] = TwoFlushes) -> LocalStore:
    """Return a store with one key, `a/k`, that flushes in a way given."""
    store = LocalStore(str(root), marker=MARKER)
    store._chosen = flush()
    store.create("a/k", OLD)
    return store


def staged(root: Path) -> list[str]:
    """Return the names in the staging folder."""
    return os.listdir(root / ".tmp")
