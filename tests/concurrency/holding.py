"""Processes that have leases, to be killed and stopped: `python -m tests.concurrency.holding WAY ROOT`.

- `herd`: each order `{"seed": …, "ttl_seconds": …}` forks a process that takes the lease of thread `t`, goes on from the
  latest, puts writes to that, and begins again, for ever. The answer is its `pid`. What was acknowledged is told in the
  file `acknowledged` beside the root, a line each: instant, pid, what, id; and what was refused, before or after its name.
- `one`: a process that does what it is told with thread `t`, and answers with what came of it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langgraph_filesaver import ConflictError, FileSaver, Lease
from langgraph_filesaver._leases import heartbeat
from langgraph_filesaver._store import Turn, no_turn
from tests.checkpoints import config_of, put
from tests.concurrency.processes import orders, tell, tell_ready

__all__ = ["text_of"]


def text_of(checkpoint_id: str) -> str:
    """Return what the checkpoint holds, long enough to be caught half written."""
    return f"{checkpoint_id} " * 500


class Sheep:
    """Takes the thread, goes on, gives it back, again and again."""

    def __init__(self, root: str, seed: int, ttl_seconds: float) -> None:
        self._saver = FileSaver(root, lock_timeout_seconds=120)  # flushes: a file is in the making for most of the time
        self._random = random.Random(seed)
        self._ttl_seconds = ttl_seconds
        self._file = os.open(Path(root).parent / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._numbers = itertools.count()

    def run(self) -> None:
        """Go on for ever; any error but a conflict is told, and is the end."""
        try:
            while True:
                with contextlib.suppress(ConflictError), self._saver.thread_lock("t", ttl_seconds=self._ttl_seconds):
                    for _ in range(self._random.randint(1, 4)):
                        self._go_on()
                # As a run of an agent does: those who wait look every 50 ms, and there is no queue.
                time.sleep(self._random.random() * 0.03)
        except BaseException:
            self._tell("error", repr(traceback.format_exc()))
            raise

    def _go_on(self) -> None:
        found = self._saver.get_tuple(config_of())
        parent = None if found is None else found.checkpoint["id"]
        count = 0 if found is None else found.checkpoint["channel_values"]["count"] + 1
        new = f"{count:06}-{os.getpid()}-{next(self._numbers)}"
        doing = "put"
        try:
            put(self._saver, new, {"count": count, "text": text_of(new)}, parent=parent)
            self._tell("put", new)
            doing = "writes"
            self._saver.put_writes(config_of("t", "", new), [("a", text_of(new))], "task")
            self._tell("writes", new)
        except ConflictError as error:
            self._tell(f"{'late' if 'may have become a fork' in str(error) else 'refused'}-{doing}", new)
            raise

    def _tell(self, what: str, which: str) -> None:
        os.write(self._file, f"{time.monotonic_ns()} {os.getpid()} {what} {which}\n".encode())


def herd(root: str) -> None:
    """Fork those that work; whoever is killed is gone at once, without anybody's wait."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for order in orders():
        pid = os.fork()
        if pid == 0:
            try:
                Sheep(root, **order).run()
            finally:
                os._exit(1)
        tell({"pid": pid})


@contextlib.contextmanager
def stopped_before_the_name(saver: FileSaver, lease: Lease) -> Iterator[None]:
    """Stop this process when the saver's next file has had its last look and has no name yet."""
    store: Any = saver._repository.store
    create = store.create

    @contextlib.contextmanager
    def stopping(turn: Turn) -> Iterator[None]:
        with turn():
            heartbeat.HEARTBEAT.stop(lease.owner)  # which must not be stopped while it holds the lock beside the lease
            with saver._repository.leases._turns.hold("t", shared=False):
                pass
            os.kill(os.getpid(), signal.SIGSTOP)
            yield

    store.create = lambda key, data, turn=no_turn: create(key, data, lambda: stopping(turn))
    try:
        yield
    finally:
        store.create = create


def one(root: str) -> None:
    """Do what is told, inside and outside a lease."""
    saver = FileSaver(root, fsync=False, lock_timeout_seconds=60)
    for order in orders():
        with saver.thread_lock("t", ttl_seconds=order["ttl_seconds"]) as lease:
            tell({"owner": lease.owner})
            for call in orders():
                stopped = stopped_before_the_name(saver, lease) if call.get("stops") else contextlib.nullcontext()
                try:
                    if call["do"] == "leave":
                        break
                    with stopped:
                        if call["do"] == "put":
                            put(saver, call["id"], {"count": 0, "text": "late"}, parent=call["parent"])
                        else:
                            saver.put_writes(config_of("t", "", call["id"]), [("a", "late")], "late")
                    tell({"done": call["id"]})
                except ConflictError as error:
                    tell({"conflict": str(error)})
        tell({"left": lease.owner, "lost": lease.is_lost})


if __name__ == "__main__":
    way, root = sys.argv[1:]
    tell_ready()
    {"herd": herd, "one": one}[way](root)
