"""A graph that counts, and a process that makes it count: `python -m tests.concurrency.counting WAY ROOT DURABILITY`.

The order `{"times": …}` is answered with how often it counted and how often it was told of a conflict. WAY:

- `locked`: each increment is a run inside `thread_lock`;
- `exclusive`: the same by a graph of `saver.exclusive`;
- `raise`: nobody has a lease, and who was overtaken is told by `on_conflict="raise"`.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from langgraph_filesaver import ConflictError, FileSaver
from tests.checkpoints import config_of
from tests.concurrency.processes import orders, tell, tell_ready

__all__ = ["CONFIG", "counting_graph"]

CONFIG = config_of("t", None)


class State(TypedDict, total=False):
    asked: int
    count: int


def count(state: State) -> State:
    return {"count": state.get("count", 0) + 1}


async def acount(state: State) -> State:
    return count(state)


def counting_graph(saver: FileSaver, *, is_async: bool = False) -> Any:
    """Return a compiled graph each run of which reads the count and writes the next."""
    builder = StateGraph(State)
    builder.add_node("count", acount if is_async else count)
    builder.add_edge(START, "count")
    builder.add_edge("count", END)
    return builder.compile(checkpointer=saver)


def work(way: str, saver: FileSaver, durability: Any, times: int) -> dict[str, int]:
    """Count so many times, or be told that somebody was faster."""
    graph, counted, conflicts = counting_graph(saver), 0, 0
    if way == "exclusive":
        graph = saver.exclusive(graph)
    for number in range(times):
        with saver.thread_lock("t") if way == "locked" else contextlib.nullcontext():
            try:
                graph.invoke({"asked": number}, CONFIG, durability=durability)
                counted += 1
            except ConflictError:
                conflicts += 1
    return {"counted": counted, "conflicts": conflicts}


if __name__ == "__main__":
    way, root, durability = sys.argv[1:]
    saver = FileSaver(root, fsync=False, on_conflict="raise" if way == "raise" else "fork", lock_timeout_seconds=200)
    tell_ready()
    for order in orders():
        tell(work(way, saver, durability, **order))
