"""A child process that forks a process for each command, so that many can be killed for the price of one start.

`python -m tests.crash.mortal_process` reads commands from its standard input, one JSON object a line, forks a process
that does what is said, waits for its end, and writes `{"ended": <exit code, or -9 where SIGKILL ended it>}`.

- `put`: put a checkpoint and, if `die_at` is given, die by SIGKILL at that call of the operating system;
- `call`: make one of the calls of `tests.crash.calls`, dying in the same way;
- `work`: run a seeded mixture of calls until killed, telling each acknowledgement.

It starts no thread of its own before it forks.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import durability, local
from langgraph_filesaver._store.durability import NoFlush, OneFlush, TwoFlushes
from tests.checkpoints import config_of, put
from tests.crash.calls import ADDING, REMOVING

FLUSHES = {"none": NoFlush, "one": OneFlush, "two": TwoFlushes}
CALLS = ("open", "write", "link", "unlink", "fsync", "mkdir", "replace", "rename", "rmdir", "close")


class Death:
    """Kills this process at the k-th of the operating system's calls that are wrapped; a write is then half done.

    Args:
        at: The number of the call, from 1.
    """

    def __init__(self, at: int) -> None:
        self._remaining = at

    def arm(self) -> None:
        """Wrap the calls."""
        for name in CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        if durability._sync_file_range is not None:
            durability._sync_file_range = self._wrapped("sync_file_range", durability._sync_file_range)

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            self._remaining -= 1
            if self._remaining == 0:
                if name == "write":
                    call(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        return wrapped


def tell(**fields: Any) -> None:
    """Write one line at once."""
    os.write(1, json.dumps(fields).encode() + b"\n")


def put_and_die(command: dict[str, Any]) -> None:
    """Put a checkpoint, flushing as said, and die where it is said."""
    flush = FLUSHES[command["flush"]]
    vars(local)["durability_for"] = lambda path, *, fsync: flush()
    saver = FileSaver(command["root"])
    if command["die_at"]:
        Death(command["die_at"]).arm()
    put(saver, command["checkpoint_id"], {"text": command["text"]})


def call_and_die(command: dict[str, Any]) -> None:
    """Make a call, and die where it is said."""
    saver = FileSaver(command["root"], fsync=False)
    Death(command["die_at"]).arm()
    {**ADDING, **REMOVING}[command["name"]].act(saver)


class Work:
    """Puts, writes, prunings and deletions in a few threads, told before (what removes) and after (all).

    Args:
        saver: Where to.
        seed: Chooses the course.
        name: Of this worker, and so of its threads.
    """

    def __init__(self, saver: FileSaver, seed: int, name: str) -> None:
        self._saver = saver
        self._random = random.Random(seed)
        self._threads = [f"{name}-{number}" for number in range(3)] + [f"{name}/Ä?"]
        self._ids: dict[str, list[str]] = {thread_id: [] for thread_id in self._threads}
        self._number = 0

    def step(self) -> None:
        """Make one call."""
        thread_id = self._random.choice(self._threads)
        chance = self._random.random()
        self._number += 1
        if chance < 0.45 or not self._ids[thread_id]:
            self._put(thread_id, f"{self._number:08}")
        elif chance < 0.80:
            self._put_writes(thread_id)
        elif chance < 0.88:
            self._put(thread_id, self._ids[thread_id][-1])
        elif chance < 0.95:
            tell(did="pruning", thread=thread_id)
            self._saver.prune([thread_id])
            del self._ids[thread_id][:-1]
            tell(did="pruned", thread=thread_id)
        else:
            tell(did="deleting", thread=thread_id)
            self._saver.delete_thread(thread_id)
            self._ids[thread_id].clear()
            tell(did="deleted", thread=thread_id)

    def _put(self, thread_id: str, checkpoint_id: str) -> None:
        ids = self._ids[thread_id]
        is_new = checkpoint_id not in ids
        earlier = ids if is_new else ids[:-1]
        told = {"thread": thread_id, "checkpoint": checkpoint_id, "number": self._number}
        tell(did="putting", **told)
        text = "what was known " * self._random.randrange(1, 2000)
        values = {"number": self._number, "text": text}
        put(self._saver, checkpoint_id, values, thread_id=thread_id, parent=earlier[-1] if earlier else None)
        if is_new:
            ids.append(checkpoint_id)
        tell(did="put", **told)

    def _put_writes(self, thread_id: str) -> None:
        checkpoint_id, task_id = self._random.choice(self._ids[thread_id]), f"task-{self._number}"
        told = {"thread": thread_id, "checkpoint": checkpoint_id, "task": task_id, "number": self._number}
        tell(did="writing", **told)
        self._saver.put_writes(config_of(thread_id, "", checkpoint_id), [("number", self._number)], task_id)
        tell(did="wrote", **told)


def work(command: dict[str, Any]) -> None:
    """Work until killed."""
    worker = Work(FileSaver(command["root"], fsync=command["fsync"]), command["seed"], command["name"])
    tell(pid=os.getpid())
    while True:
        worker.step()


def main() -> None:
    """Fork a process for each command."""
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                {"put": put_and_die, "call": call_and_die, "work": work}[command["do"]](command)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        tell(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
