"""A process that writes into a FileSaver, tells each acknowledgement on its standard output, and now and then idles.

`python -m tests.power_cut.writer ROOT SEED [no-fsync] [grow-only]` runs until it is killed. A line is written before a deletion begins
("deleting") and after each call has returned. Idling is part of the workload: the file named last is in most danger
while nothing else makes the file system commit.
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

FILLER = "what the agent knew " * 150  # a few blocks, so that a torn file would show


def tell(kind: str, **fields: Any) -> None:
    """Write one line and make sure that it has left the process."""
    sys.stdout.write(json.dumps({"kind": kind, **fields}) + "\n")
    sys.stdout.flush()


class Workload:
    """Puts, replacements, writes and deletions in some threads, old and new.

    Args:
        saver: Where to.
        seed: Chooses the course.
        grow_only: Whether to free no block of the disk: neither to delete nor to replace anything.
    """

    def __init__(self, saver: FileSaver, seed: int, *, grow_only: bool) -> None:
        self._saver = saver
        self._most = 0.9 if grow_only else 1.0
        self._random = random.Random(seed)
        self._configs: dict[str, RunnableConfig] = {}
        self._number = 0

    def step(self) -> None:
        """Do one thing and tell it."""
        chance = self._random.uniform(0, self._most)
        thread_id = f"thread-{self._random.randrange(4)}"
        if chance < 0.1:
            self._put(f"new-{self._number}")
        elif chance < 0.5 or thread_id not in self._configs:
            self._put(thread_id)
        elif chance < 0.9:
            self._put_writes(thread_id)
        elif chance < 0.95:
            self._put(thread_id, checkpoint_id=self._configs[thread_id]["configurable"]["checkpoint_id"])
        else:
            self._delete(thread_id)
        if self._random.random() < 0.06:
            time.sleep(self._random.uniform(0.1, 0.8))

    def _put(self, thread_id: str, checkpoint_id: str | None = None) -> None:
        self._number += 1
        checkpoint = empty_checkpoint()
        if checkpoint_id is not None:
            checkpoint["id"] = checkpoint_id
        checkpoint["channel_values"] = {"number": self._number, "text": f"{self._number} {FILLER}"}
        config: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        put = self._saver.put(config, checkpoint, {"source": "loop", "step": self._number}, {})
        self._configs[thread_id] = put
        tell("put", thread=thread_id, checkpoint=checkpoint["id"], number=self._number)

    def _put_writes(self, thread_id: str) -> None:
        self._number += 1
        config, task_id = self._configs[thread_id], f"task-{self._random.randrange(1000)}-{self._number}"
        self._saver.put_writes(config, [("text", f"{self._number} {FILLER}")], task_id)
        checkpoint_id = config["configurable"]["checkpoint_id"]
        tell("writes", thread=thread_id, checkpoint=checkpoint_id, task=task_id, number=self._number)

    def _delete(self, thread_id: str) -> None:
        del self._configs[thread_id]
        tell("deleting", thread=thread_id)
        self._saver.delete_thread(thread_id)
        tell("deleted", thread=thread_id)


def main(root: str, seed: int, options: Sequence[str]) -> None:
    """Write until killed."""
    saver = FileSaver(root, fsync="no-fsync" not in options)
    workload = Workload(saver, seed, grow_only="grow-only" in options)
    while True:
        workload.step()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
