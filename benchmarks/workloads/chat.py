"""A chat of 200 turns through a compiled graph, sync and async; then the list of all its checkpoints.

Of an async saver the worst stall of the event loop is told, too: how late a task that sleeps for a millisecond was woken at the
worst. Part of it is the graph's own; the stall with InMemorySaver tells how much.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from langgraph.checkpoint.base import CheckpointTuple

from benchmarks.material import chat_graph, message, thread
from benchmarks.measuring import Bench, timed
from benchmarks.savers import Kind, Saver
from benchmarks.workloads.growth import note_size

__all__ = ["chat", "chat_async"]

_LAST = 20
_TICK_SECONDS = 0.001


def chat(bench: Bench) -> None:
    """Note a turn, on average over all and over the last 20; the list; what lies on the disk."""
    turns = bench.count(200, 4)
    for kind, folder in bench.blocks(most_rounds=3):
        with kind.opened(folder) as saver:
            graph, seconds = chat_graph(saver), []
            for turn in range(turns):
                given = {"messages": [message(2 * turn)]}
                begun = time.perf_counter()
                graph.invoke(given, thread())
                seconds.append(time.perf_counter() - begun)
            _note_turns(bench, "chat", kind, seconds)
            bench.note("chat: list of all its checkpoints", kind.name, [timed(_listed, saver)])
        note_size(bench, "chat", kind, folder)


def chat_async(bench: Bench) -> None:
    """Note the same for async savers, and the worst stall of the event loop."""
    turns = bench.count(200, 4)
    for kind, folder in bench.blocks(lambda kind: kind.opened_async is not None, most_rounds=3):
        seconds, stall = asyncio.run(_chat(kind, folder, turns))
        _note_turns(bench, "async chat", kind, seconds)
        bench.note("async chat: worst stall of the loop", kind.name, [stall])


def _listed(saver: Saver) -> list[CheckpointTuple]:
    return list(saver.list(thread()))


async def _chat(kind: Kind, folder: Path, turns: int) -> tuple[list[float], float]:
    assert kind.opened_async is not None
    seconds, worst = [], 0.0
    is_over = asyncio.Event()

    async def tick() -> None:
        nonlocal worst
        while not is_over.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(_TICK_SECONDS)
            worst = max(worst, time.perf_counter() - begun - _TICK_SECONDS)

    async with kind.opened_async(folder) as saver:
        graph = chat_graph(saver, is_async=True)
        await graph.ainvoke({"messages": [message(0)]}, thread("warm"))
        ticking = asyncio.create_task(tick())
        for turn in range(turns):
            given = {"messages": [message(2 * turn)]}
            begun = time.perf_counter()
            await graph.ainvoke(given, thread())
            seconds.append(time.perf_counter() - begun)
        is_over.set()
        await ticking
    return seconds, worst


def _note_turns(bench: Bench, row: str, kind: Kind, seconds: list[float]) -> None:
    bench.note(f"{row}: a turn", kind.name, [sum(seconds) / len(seconds)])
    last = seconds[-_LAST:]
    bench.note(f"{row}: a turn of the last 20", kind.name, [sum(last) / len(last)])
