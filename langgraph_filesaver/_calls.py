"""The calls of put_writes at one checkpoint, and what they fold to: pure (docs/format.md, [W1] to [W3])."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, NamedTuple

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._codec import dump_plain
from langgraph_filesaver._documents import StoredWrite, WritesDocument

__all__ = ["PendingWrite", "call_order", "folded", "ordered", "told", "with_prefix"]


class PendingWrite(NamedTuple):
    """One pending write after folding all calls of its task; tuples sort as `writes_sort_key` demands."""

    task_path: str
    task_id: str
    idx: int
    channel: str
    value: Any
    key: str


def folded(documents: Iterable[tuple[str, WritesDocument]]) -> list[PendingWrite]:
    """Return the pending writes of a checkpoint, in order, given (key, document) of its calls in theirs."""
    standing: dict[tuple[str, int], PendingWrite] = {}
    for key, document in documents:
        for write in document.writes:
            # The first of a regular write wins, the last of a special one (error, interrupt, resume): P7.
            if write.idx < 0 or (document.task_id, write.idx) not in standing:
                standing[document.task_id, write.idx] = PendingWrite(
                    document.task_path, document.task_id, write.idx, write.channel, write.value, key
                )
    return sorted(standing.values(), key=lambda write: write[:3])


def told(write: StoredWrite, task_path: str) -> bytes:
    """Return what a write says, for comparison."""
    # As text, because `==` does not tell `true` from 1 and 1.0.
    return dump_plain([write.channel, write.value, task_path])


def with_prefix(names: tuple[str, ...], prefix: str) -> list[str]:
    """Return those of sorted names that begin with `prefix`."""
    found = []
    for index in range(bisect_left(names, prefix), len(names)):
        if not names[index].startswith(prefix):
            break
        found.append(names[index])
    return found


def ordered(names: list[str]) -> list[str]:
    """Return the names that are writes files, those of one task by number: `10` comes after `9`."""
    parsed = [(parts, name) for name in names if (parts := layout.WritesName.parse(name)) is not None]
    return [name for _, name in sorted(parsed)]


def call_order(key: str) -> tuple[int, str]:
    """Sort key of the keys of writes files: calls in their order."""
    parts = layout.WritesName.parse(key.rpartition("/")[2])
    return (parts.number if parts else 0, key)
