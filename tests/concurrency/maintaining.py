"""A process that writes to threads, or maintains them meanwhile: `python -m tests.concurrency.maintaining ROLE ROOT NUMBER`.

The order `{"seconds": …}` is answered, after that time, with what was done. Any error ends the process with its traceback:
none is documented for what these calls do to each other, as long as nobody has to wait for longer than the timeout.

- `write`: put to a namespace of its own of thread `t`, write to what was put, read the latest: it is the one put last;
- `write_and_lose`: put to thread `d`, which somebody deletes, and read: all of it, or nothing;
- `prune`, `collect`: thread `t`, without grace;
- `copy`: thread `t` to new threads `copy-…`, each of which must be whole;
- `copy_back`: between threads `a` and `b`, NUMBER telling which way;
- `delete`: thread `d`;
- `edit`: lay out a random file of thread `t` anew, as an editor does: written beside, and renamed over.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, id_of, put
from tests.concurrency.processes import orders, tell, tell_ready

__all__ = ["assert_whole", "text_of"]

Step = Callable[[], None]


def text_of(checkpoint_id: str) -> str:
    """Return a text of a checkpoint, large enough to be an artifact."""
    return f"{checkpoint_id} " * 200


def values_of(checkpoint_id: str) -> dict[str, Any]:
    """Return a state with an artifact of its own, and one that it shares with others."""
    return {"own": text_of(checkpoint_id), "shared": text_of(str(int(checkpoint_id[:6]) % 5)), "id": checkpoint_id}


class Role:
    """Does one thing again and again.

    Args:
        root: The folder.
        number: Tells processes of one role apart.
    """

    def __init__(self, root: str, number: int) -> None:
        self.root = Path(root)
        self.number = number
        self.saver = FileSaver(root, fsync=False, artifact_threshold_bytes=500, lock_timeout_seconds=60)
        self.random = random.Random(number)
        self.count = 0
        self.done: list[Any] = []

    def write(self) -> None:
        ns = f"w{self.number}"
        new, last = f"{self.count:06}", f"{self.count - 1:06}" if self.count else None
        put(self.saver, new, values_of(new), thread_id="t", checkpoint_ns=ns, parent=last, step=self.count)
        config = config_of("t", ns, new)
        self.saver.put_writes(config, [("a", text_of(new)), ("b", new)], "task")
        for asked in (config_of("t", ns), config):
            found = self.saver.get_tuple(asked)
            assert found is not None
            assert found.checkpoint["id"] == new
            assert_whole(found, must_have_writes=True)
        if self.count % 5 == 0:
            ids = [id_of(each.config) for each in self.saver.list(config_of("t", ns))]
            assert ids[:1] == [new]
            assert ids == sorted(ids, key=str, reverse=True)
        self.done = [ns, new]

    def write_and_lose(self) -> None:
        new = f"{self.count:06}-{self.number}"
        begun = time.monotonic_ns()
        put(self.saver, new, values_of(new), thread_id="d", step=self.count)
        put_at = time.monotonic_ns()
        self.saver.put_writes(config_of("d", "", new), [("a", text_of(new)), ("b", new)], "task")
        self.done.append([new, begun, put_at, time.monotonic_ns()])
        for asked in (config_of("d"), config_of("d", "", new)):
            found = self.saver.get_tuple(asked)
            if found is not None:
                assert_whole(found)
        for found in self.saver.list(config_of("d"), limit=3):
            assert_whole(found)

    def prune(self) -> None:
        self.saver.prune(["t"])

    def collect(self) -> None:
        self.done = [*self.done, self.saver.collect_garbage("t", dry_run=False, grace_seconds=0).files]

    def copy(self) -> None:
        target = f"copy-{self.number}-{self.count}"
        self.saver.copy_thread("t", target)
        last = None
        for found in self.saver.list(config_of(target, None)):
            ns = found.config["configurable"]["checkpoint_ns"]
            assert_whole(
                found, must_have_writes=ns == last
            )  # the newest one may have been waiting for its writes still
            last = ns
        self.saver.delete_thread(target)
        assert list(self.saver.list(config_of(target, None))) == []

    def copy_back(self) -> None:
        self.saver.copy_thread(*(("a", "b") if self.number else ("b", "a")))

    def delete(self) -> None:
        begun = time.monotonic_ns()
        self.saver.delete_thread("d")
        self.done.append([begun, time.monotonic_ns()])
        time.sleep(self.random.random() * 0.01)  # else there is nothing to delete

    def edit(self) -> None:
        folder = self.root / "t" / self.random.choice(["checkpoints", "writes"])
        found = [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]
        if not found:
            return
        path = self.random.choice(sorted(found)[-20:])  # one of the newest, which others are about
        with open(path, "rb") as file:
            document = json.loads(file.read())
        beside = self.root.parent / f"edited-{self.number}"
        beside.write_text(json.dumps(document, indent=self.random.randrange(1, 8)) + "\n" * self.random.randrange(4))
        os.replace(beside, path)

    def act(self, seconds: float) -> dict[str, Any]:
        """Do it until the time is over."""
        over, step = time.monotonic() + seconds, getattr(self, sys.argv[1])
        while time.monotonic() < over:
            step()
            self.count += 1
        return {"count": self.count, "done": self.done}


def assert_whole(found: Any, *, must_have_writes: bool = False) -> None:
    """Check that a checkpoint holds what was put, and none or all of its writes."""
    checkpoint_id = found.checkpoint["id"]
    assert found.checkpoint["channel_values"] == values_of(checkpoint_id)
    written = [("task", "a", text_of(checkpoint_id)), ("task", "b", checkpoint_id)]
    assert found.pending_writes in ([written] if must_have_writes else ([], written))


if __name__ == "__main__":
    role = Role(sys.argv[2], int(sys.argv[3]))
    tell_ready()
    for order in orders():
        tell(role.act(**order))
