"""A process that writes into a FileSaver, tells what it does on its standard output, and now and then idles.

`python -m tests.power_cut.writer ROOT NAME SEED [OPTION…]` works until it is killed. Each call is told twice, before it
begins ("putting") and after it has returned ("put"), with the time of the clock that all processes share. Idling is part
of the workload: the file named last is in most danger while nothing else makes the file system commit. Options:

- `grow-only`: free no block of the disk, neither delete nor replace;
- `pausing`: wait a while between naming a file and flushing it, so that the power often fails right there;
- `flush=none`, `flush=one`, `flush=two`: flush in this way, whatever the file system is.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import local
from langgraph_filesaver._store.durability import Durability, NoFlush, OneFlush, TwoFlushes, durability_for
from tests.checkpoints import config_of, metadata_of

_FILLER = "what the agent knew " * 150  # a few blocks, so that a torn file would show
_FLUSHES: dict[str, type[Durability]] = {"flush=none": NoFlush, "flush=one": OneFlush, "flush=two": TwoFlushes}


def text_of(number: int) -> str:
    """Return what is stored under a number."""
    return f"{number} {_FILLER}"


class Pausing:
    """Waits between naming a file and flushing it.

    Args:
        inner: How it is flushed.
        seed: Chooses how long.
    """

    def __init__(self, inner: Durability, seed: int) -> None:
        self._inner = inner
        self._random = random.Random(seed)

    def before_name(self, descriptor: int) -> None:
        self._inner.before_name(descriptor)

    def after_name(self, descriptor: int, folder: str) -> None:
        if self._random.random() < 0.3:
            time.sleep(self._random.uniform(0, 0.3))
        self._inner.after_name(descriptor, folder)

    def folder_changed(self, folder: str) -> None:
        self._inner.folder_changed(folder)


class Work:
    """Puts, replacements, writes, prunings and deletions in some threads, old and new.

    Args:
        saver: Where to.
        name: Of this writer, and so of its threads.
        seed: Chooses the course.
        grow_only: Whether to free no block of the disk.
    """

    def __init__(self, saver: FileSaver, name: str, seed: int, *, grow_only: bool) -> None:
        self._saver = saver
        self._name = name
        self._most = 0.88 if grow_only else 1.0
        self._random = random.Random(seed)
        self._heads: dict[str, RunnableConfig] = {}
        self._number = 0

    def step(self) -> None:
        """Make one call and tell it, and perhaps idle."""
        chance = self._random.uniform(0, self._most)
        thread_id = f"{self._name}-{self._random.randrange(4)}"
        if chance < 0.1:
            self._put(f"{self._name}-new-{self._number}")
        elif chance < 0.5 or thread_id not in self._heads:
            self._put(thread_id)
        elif chance < 0.88:
            self._put_writes(thread_id)
        elif chance < 0.93:
            self._put(thread_id, again=True)
        elif chance < 0.97:
            self._remove(thread_id, "pruning", "pruned")
        else:
            self._remove(thread_id, "deleting", "deleted")
        if self._random.random() < 0.06:
            time.sleep(self._random.uniform(0.2, 1.0))

    def _tell(self, kind: str, thread_id: str, **fields: Any) -> None:
        line = {"kind": kind, "at": time.monotonic(), "thread": thread_id, **fields}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def _put(self, thread_id: str, *, again: bool = False) -> None:
        self._number += 1
        checkpoint, head = empty_checkpoint(), self._heads.get(thread_id)
        if again and head is not None:
            checkpoint["id"], head = head["configurable"]["checkpoint_id"], None
        checkpoint["channel_values"] = {"number": self._number, "text": text_of(self._number)}
        told = {"checkpoint": checkpoint["id"], "number": self._number}
        self._tell("putting", thread_id, **told)
        put = self._saver.put(head or config_of(thread_id), checkpoint, metadata_of(self._number), {})
        self._tell("put", thread_id, **told)
        self._heads[thread_id] = put

    def _put_writes(self, thread_id: str) -> None:
        self._number += 1
        head, task_id = self._heads[thread_id], f"task-{self._number}"
        told = {"checkpoint": head["configurable"]["checkpoint_id"], "task": task_id, "number": self._number}
        self._tell("writing", thread_id, **told)
        self._saver.put_writes(head, [("text", text_of(self._number))], task_id)
        self._tell("wrote", thread_id, **told)

    def _remove(self, thread_id: str, before: str, after: str) -> None:
        self._tell(before, thread_id)
        if before == "pruning":
            self._saver.prune([thread_id])
        else:
            del self._heads[thread_id]
            self._saver.delete_thread(thread_id)
        self._tell(after, thread_id)


def main(root: str, name: str, seed: int, options: Sequence[str]) -> None:
    """Write until killed."""

    def chosen(path: str, *, fsync: bool) -> Durability:
        durability = durability_for(path, fsync=fsync)
        for option in options:
            durability = _FLUSHES[option]() if option in _FLUSHES else durability
        return Pausing(durability, seed) if "pausing" in options else durability

    vars(local)["durability_for"] = chosen
    work = Work(FileSaver(root), name, seed, grow_only="grow-only" in options)
    while True:
        work.step()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
