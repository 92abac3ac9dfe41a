"""The calls that die, and what is there before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from langgraph_filesaver import FileSaver
from tests.checkpoints import checkpoint_of, config_of, metadata_of, put

__all__ = ["ADDING", "HASHED", "REMOVING", "Call", "chain"]

HASHED = "Research/42?"
"""A thread whose folder needs a file to tell its id."""

WRITE = config_of("t", "", "c2")
"""Where the writes under test go."""


class Call(NamedTuple):
    """A call under test: what is there before, and the call."""

    prepare: Callable[[FileSaver], Any]
    act: Callable[[FileSaver], Any]


def chain(saver: FileSaver, thread_id: str = "t", **options: Any) -> None:
    """Put three checkpoints, each the parent of the next, with two writes on each."""
    parent = None
    for step in range(3):
        put(saver, f"c{step}", {"n": step}, thread_id=thread_id, parent=parent, step=step, **options)
        parent = f"c{step}"
        for task in ("task-1", "task-2"):
            saver.put_writes(config_of(thread_id, "", parent), [("n", [step, task]), ("m", None)], task, "path")


def put_delta(
    saver: FileSaver,
    checkpoint_id: str,
    parent: str | None,
    *,
    messages: Any = None,
    run_id: str = "run-1",
    **others: Any,
) -> None:
    """Put a checkpoint of a graph with a DeltaChannel `messages`, which is in its state only where it is given."""
    values = {"n": checkpoint_id} if messages is None else {"n": checkpoint_id, "messages": messages}
    version = f"{int(checkpoint_id[1:]) + 1:032}.5"
    config = config_of("t", "", parent)
    saver.put(
        config,
        checkpoint_of(checkpoint_id, values, {"n": version, "messages": version}),
        metadata_of(
            int(checkpoint_id[1:]), counters_since_delta_snapshot={"messages": (1, 1)}, run_id=run_id, **others
        ),
        {"n": version, "messages": version},
    )


def two_chains(saver: FileSaver) -> None:
    """The same chain in a thread with a plain name and in one with a hashed name."""
    chain(saver)
    chain(saver, HASHED)


def resumed_twice(saver: FileSaver) -> None:
    """A chain whose last checkpoint has got two answers, the second holding the first."""
    chain(saver)
    for answers in (["a"], ["a", "b"]):
        saver.put_writes(WRITE, [("__resume__", answers)], "null")


def delta_chain(saver: FileSaver) -> None:
    """Six checkpoints of three runs; `messages` is stored in the third, and otherwise written on every parent."""
    for step in range(6):
        parent = None if step == 0 else f"c{step - 1}"
        if parent is not None:
            saver.put_writes(
                config_of("t", "", parent, run_id=f"run-{step // 2}"),
                [("messages", [f"message {step}"])],
                f"task-{step}",
            )
        put_delta(saver, f"c{step}", parent, messages=["all so far"] if step == 2 else None, run_id=f"run-{step // 2}")
    # A fork that nothing keeps: it needs a checkpoint that stays and one that goes.
    saver.put_writes(config_of("t", "", "c1", run_id="run-9"), [("messages", ["a fork"])], "fork")
    put_delta(saver, "c6", "c1", run_id="run-9")
    saver.put_writes(config_of("t", "", "c5", run_id="run-9"), [("messages", ["left over"])], "left")
    put_delta(saver, "c7", "c5")
    saver.put_writes(config_of("t", "", "c7"), [("messages", ["pending"])], "pending")


def runs(saver: FileSaver) -> None:
    """Two threads; in each, the second run put the last checkpoint, and wrote on one of the first run's."""
    for thread_id in ("t", HASHED):
        for step, run_id in enumerate(("run-1", "run-1", "run-2", "run-2")):
            parent = None if step == 0 else f"c{step - 1}"
            put(saver, f"c{step}", {"n": step}, thread_id=thread_id, parent=parent, metadata={"run_id": run_id})
            saver.put_writes(config_of(thread_id, "", f"c{step}", run_id=run_id), [("n", step)], "task-1")
        for task in ("task-2", "task-3"):
            saver.put_writes(config_of(thread_id, "", "c1", run_id="run-2"), [("n", task)], task)


def with_subgraph(saver: FileSaver) -> None:
    """A chain, and two subgraph calls: one from a checkpoint that is pruned, one from the head."""
    chain(saver)
    for step in range(3):
        metadata = {"parents": {"": f"c{step}"}}
        put(saver, f"d{step}", {"inner": step}, checkpoint_ns=f"node:{step}", metadata=metadata)
        saver.put_writes(config_of("t", f"node:{step}", f"d{step}"), [("inner", step)], "inner")


def nothing(saver: FileSaver) -> None:
    """Leave the place empty."""


ADDING = {
    "put, the first of all": Call(nothing, lambda saver: put(saver, "c0", {"n": 0})),
    "put, the first of a thread with a hashed name": Call(
        chain, lambda saver: put(saver, "c0", {"n": 0}, thread_id=HASHED)
    ),
    "put, a new one": Call(chain, lambda saver: put(saver, "c3", {"n": 3}, parent="c2", step=3)),
    "put, the same id again": Call(chain, lambda saver: put(saver, "c1", {"n": "again"}, parent="c0", step=1)),
    "put_writes, the first of a task": Call(
        chain, lambda saver: saver.put_writes(WRITE, [("n", 1), ("__interrupt__", "?")], "new")
    ),
    "put_writes, the second of a task": Call(
        chain, lambda saver: saver.put_writes(WRITE, [("n", 1), ("m", 2), ("k", 3)], "task-1")
    ),
    "put_writes, repeated": Call(
        chain, lambda saver: saver.put_writes(WRITE, [("n", [2, "task-1"]), ("m", None)], "task-1", "path")
    ),
    "put_writes, a resume value for the third time": Call(
        resumed_twice,
        lambda saver: saver.put_writes(WRITE, [("__resume__", ["a", "b", "c"])], "null"),
    ),
    "copy_thread": Call(with_subgraph, lambda saver: saver.copy_thread("t", "u")),
    "copy_thread onto a hashed name": Call(chain, lambda saver: saver.copy_thread("t", HASHED)),
    "copy_thread of DeltaChannels": Call(delta_chain, lambda saver: saver.copy_thread("t", "u")),
}

REMOVING = {
    "prune": Call(chain, lambda saver: saver.prune(["t"])),
    "prune with subgraphs": Call(with_subgraph, lambda saver: saver.prune(["t"])),
    "prune with DeltaChannels": Call(delta_chain, lambda saver: saver.prune(["t"])),
    "prune two threads": Call(two_chains, lambda saver: saver.prune(["t", HASHED])),
    "delete_for_runs": Call(runs, lambda saver: saver.delete_for_runs(["run-2"])),
    "delete_for_runs of the first run": Call(runs, lambda saver: saver.delete_for_runs(["run-1"])),
    "delete_for_runs with DeltaChannels": Call(delta_chain, lambda saver: saver.delete_for_runs(["run-1", "run-9"])),
    "delete_thread": Call(with_subgraph, lambda saver: saver.delete_thread("t")),
    "delete_thread with a hashed name": Call(two_chains, lambda saver: saver.delete_thread(HASHED)),
}
