"""How many bytes a call reads and writes, counted where that happens, for whoever wants to know it at the end of the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["counting", "note_bytes"]

_COUNT: ContextVar[list[int] | None] = ContextVar("langgraph_filesaver_bytes", default=None)


def note_bytes(count: int) -> None:
    """Count bytes of a document or an artifact that was read or written, if anybody wants to know."""
    counted = _COUNT.get()
    if counted is not None:
        counted[0] += count


@contextmanager
def counting() -> Iterator[list[int]]:
    """Count inside the block; yields a list whose one item is the number so far."""
    counted = [0]
    token = _COUNT.set(counted)
    try:
        yield counted
    finally:
        _COUNT.reset(token)
