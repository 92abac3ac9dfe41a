"""A process that works on thread `t` and records what it did and when: `python -m tests.concurrency.historian ROOT NUMBER`.

Each order is a round, `{"seed": …, "calls": …, "kind": …}`; the answer is the list of its calls, made at random:

- kind "once": each id is put once, writes go to checkpoints that were there, and now and then the thread is deleted;
- kind "again": nothing is deleted, ids are put again with other values, and writes may come before their checkpoint;
- kind "leased": as LangGraph's runs do under a lease: two write; each reads the latest, writes to it, goes on.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointTuple

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, put
from tests.concurrency.processes import orders, tell, tell_ready

__all__ = ["shown"]

RESUME = "__resume__"


def shown(found: CheckpointTuple | None) -> list[Any] | None:
    """Return what the model knows of a checkpoint: id, value, and pending writes in their order."""
    if found is None:
        return None
    writes = [
        [task, WRITES_IDX_MAP.get(channel, -1) if channel == RESUME else int(channel[1:]), value]
        for task, channel, value in found.pending_writes or ()
    ]
    return [found.checkpoint["id"], found.checkpoint["channel_values"]["value"], writes]


class Historian:
    """Works at random, and keeps the ids that it has seen."""

    def __init__(self, root: str, number: int) -> None:
        self._saver = FileSaver(root, fsync=False, lock_timeout_seconds=60)
        self._number = number
        self._values = 0
        self._known: list[str] = []
        self._own: list[str] = []
        self._next = ""

    def round(self, seed: str, calls: int, kind: str) -> list[dict[str, Any]]:
        """Make some calls; return them with their times."""
        self._random = random.Random(f"{seed} {self._number}")
        done: list[dict[str, Any]] = []
        while len(done) < calls:
            if kind == "leased" and self._number < 2 and self._random.random() < 0.3:
                with self._saver.thread_lock("t"):
                    done += self._turn()
            else:
                done.append(self._recorded(self._call(kind)))
        return done

    def _turn(self) -> Iterator[dict[str, Any]]:
        yield self._recorded(found := {"do": "get", "id": None})
        latest = self._known[-1] if found["found"] else None
        for _ in range(self._random.randrange(3) if latest else 0):
            yield self._recorded(self._put_writes("leased", [latest]))
        delete = latest and self._random.random() < 0.2
        yield self._recorded(
            {"do": "delete"} if delete else {"do": "put", "id": self._new_id(), "value": self._value()}
        )

    def _recorded(self, call: dict[str, Any]) -> dict[str, Any]:
        call["invoked"] = time.monotonic_ns()
        call.update(self._carry_out(call))
        call["returned"] = time.monotonic_ns()
        return call

    def _call(self, kind: str) -> dict[str, Any]:
        known: list[str | None] = [*self._known[-4:]]
        choice = self._random.random() * (0.45 if kind == "leased" else 1)
        if choice < 0.3 or (choice < 0.75 and not known):
            return {"do": "get", "id": None}
        if choice < 0.45:
            return {"do": "get", "id": self._random.choice(known)}
        if choice < 0.75:
            return self._put_writes(kind, known)
        if choice < 0.8 and kind == "once":
            return {"do": "delete"}
        if choice < 0.85 and kind == "again" and self._own:
            return {"do": "put", "id": self._random.choice(self._own[-2:]), "value": self._value()}
        return {"do": "put", "id": self._new_id(), "value": self._value()}

    def _put_writes(self, kind: str, known: list[str | None]) -> dict[str, Any]:
        if kind == "again" and self._random.random() < 0.3:
            self._next = f"{time.monotonic_ns() + 1_000_000:020}-{self._number}"
            known = [self._next]
        indexes = self._random.choice([[0], [0, 1], [0, 1], [-4], [0, -4]])
        return {
            "do": "put_writes",
            "id": self._random.choice(known),
            "task": self._random.choice(["a", "b", f"own{self._number}"]),
            "writes": [[index, self._value()] for index in indexes],
        }

    def _new_id(self) -> str:
        """Return an id greater than all that this process has made, as LangGraph's are: by the time."""
        new, self._next = self._next or f"{time.monotonic_ns():020}-{self._number}", ""
        self._own.append(new)
        return new

    def _value(self) -> int:
        self._values += 1
        return self._values * 10 + self._number

    def _carry_out(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["do"] == "get":
            found = shown(self._saver.get_tuple(config_of("t", "", call["id"])))
            if found is not None and (call["id"] is None or found[0] not in self._known):
                self._known.append(found[0])
            return {"found": found}
        if call["do"] == "put":
            put(self._saver, call["id"], {"value": call["value"]}, parent=self._known[-1] if self._known else None)
            self._known.append(call["id"])
        elif call["do"] == "put_writes":
            writes = [(RESUME if index < 0 else f"c{index}", value) for index, value in call["writes"]]
            self._saver.put_writes(config_of("t", "", call["id"]), writes, call["task"])
        else:
            self._saver.delete_thread("t")
        return {}


if __name__ == "__main__":
    historian = Historian(sys.argv[1], int(sys.argv[2]))
    tell_ready()
    for order in orders():
        tell(historian.round(**order))
