"""A process that races with others for the artifacts of thread `t`: `python -m tests.artifacts.racer ROLE ROOT NUMBER [COUNT]`.

It waits for a line on its standard input, so that all begin at once, then does its part and tells what came of it as one
JSON object. Any error ends it with a traceback. NUMBER tells processes of one role apart.

- `write`: COUNT times put what others put, too, and something new; read it back; now and then prune and write to tasks;
- `collect`: collect garbage without grace until its standard input is closed;
- `same`: COUNT times store the same new artifacts as the other process of this role;
- `put`: COUNT times put the same objects into a thread that somebody deletes;
- `delete`: delete the thread until standard input is closed.
"""

from __future__ import annotations

import json
import random
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import HumanMessage

from langgraph_filesaver import Artifact, FileSaver
from tests.checkpoints import config_of, put

OPTIONS: dict[str, Any] = {"fsync": False, "artifact_threshold_bytes": 2_000, "lock_timeout_seconds": 60}


def message(number: int) -> HumanMessage:
    return HumanMessage(random.Random(number).randbytes(100).hex(), id=f"m{number}")


def text(number: int) -> str:
    return f"text {number} " * 400


class Writer:
    """Puts into a namespace of its own of a thread that it shares with others, and so shares artifacts with them.

    Args:
        saver: Where to.
        number: Of this writer.
    """

    def __init__(self, saver: FileSaver, number: int) -> None:
        self._saver = saver
        self._number = number
        self._random = random.Random(number)
        self._namespace = f"w{number}"
        self._pool = [message(each) for each in range(400)]
        self._parent: str | None = None

    def step(self, step: int) -> None:
        """Put a checkpoint and read it: nobody removes the latest of a namespace."""
        values = self._values(step)
        checkpoint_id = f"{step:06}"
        put(
            self._saver, checkpoint_id, values,
            thread_id="t", checkpoint_ns=self._namespace, parent=self._parent, step=step,
        )  # fmt: skip
        self._parent = checkpoint_id
        config = config_of("t", self._namespace, checkpoint_id)
        if step % 3 == 0:
            self._saver.put_writes(config, [("text", values["text"]), ("deep", values["deep"])], "task")
        reader = self._saver if step % 2 else FileSaver(self._saver._repository.store, **OPTIONS)
        found = reader.get_tuple(config)
        assert found is not None
        assert found.checkpoint["channel_values"] == values
        assert found.checkpoint["channel_values"]["file"].read_bytes() == values["file"].read_bytes()
        assert len(found.pending_writes or ()) == 2 * (step % 3 == 0)
        if step % 10 == 9:
            self._saver.prune(["t"])

    def _values(self, step: int) -> dict[str, Any]:
        begin = self._random.randrange(0, 300, 20)
        some = self._random.randrange(12)
        own = [message(1_000_000 * (self._number + 1) + step + each) for each in range(10)]
        return {
            "messages": self._pool[begin : begin + self._random.randrange(10, 100)] + own,
            "text": text(self._random.randrange(12)),
            "deep": {"a": {"text": text(some), **{str(each): "x" * 50 for each in range(60)}}},
            "file": Artifact.from_bytes(text(some).encode(), name="a.txt"),
        }


def write(root: Path, number: int, count: int) -> dict[str, Any]:
    """Write `count` times."""
    writer = Writer(FileSaver(root, **OPTIONS), number)
    for step in range(count):
        writer.step(step)
    return {"put": count}


def is_over() -> bool:
    """Tell whether standard input was closed."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def until_over(act: Callable[[], int]) -> dict[str, Any]:
    """Act until told to end; return how often and what came of it."""
    calls = told = 0
    while not is_over():
        told += act()
        calls += 1
    return {"calls": calls, "told": told}


def collect(root: Path, number: int, count: int) -> dict[str, Any]:
    """Collect; the result tells how many files."""
    saver = FileSaver(root, **OPTIONS)
    return until_over(lambda: saver.collect_garbage("t", dry_run=False, grace_seconds=0).files)


def delete(root: Path, number: int, count: int) -> dict[str, Any]:
    """Delete the thread."""
    saver = FileSaver(root, **OPTIONS)

    def act() -> int:
        saver.delete_thread("t")
        return 1

    return until_over(act)


def same(root: Path, number: int, count: int) -> dict[str, Any]:
    """Store what the other one stores at the same time: large and small artifacts, in all ways."""
    saver = FileSaver(root, fsync=True)
    for step in range(count):
        array = np.arange(step, step + 1_300_000)  # 10 MB
        file = Artifact.from_bytes(array.tobytes()[:3_000_000], name="a.bin")
        with saver.open_artifact(config_of("t"), "b.bin") as opened:
            opened.write(array.tobytes()[:1_000_000])
        values = {"array": array, "file": file, "opened": opened.artifact, "text": text(step) * 90}
        put(saver, f"{number}-{step}", {**values, "list": [message(step + each) for each in range(300)]}, step=step)
    return {"put": count}


def put_the_same(root: Path, number: int, count: int) -> dict[str, Any]:
    """Put the same objects again and again; what is found is all of it or no checkpoint."""
    saver = FileSaver(root, **OPTIONS)
    values = {"messages": [message(each) for each in range(200)], "text": text(1), "deep": {"a": [text(2)]}}
    found = 0
    for step in range(count):
        put(saver, f"{number}-{step:05}", values, step=step)
        saver.put_writes(config_of("t", "", f"{number}-{step:05}"), list(values.items()), "task")
        reader = saver if step % 2 else FileSaver(root, **OPTIONS)
        tuple_ = reader.get_tuple(config_of("t", "", f"{number}-{step:05}"))
        if tuple_ is not None:
            assert tuple_.checkpoint["channel_values"] == values
            found += 1
    return {"put": count, "found": found}


ROLES: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
    "write": write,
    "collect": collect,
    "same": same,
    "put": put_the_same,
    "delete": delete,
}

if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    assert sys.stdin.readline() == "go\n"
    role, root, number, count = sys.argv[1:]
    sys.stdout.write(json.dumps(ROLES[role](Path(root), int(number), int(count))) + "\n")
