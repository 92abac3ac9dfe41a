"""Many writers at once: a superstep of 100 parallel tasks, and eight processes with a thread each on one folder."""

from __future__ import annotations

import multiprocessing
import operator
import sqlite3
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send

from benchmarks.material import thread
from benchmarks.measuring import Bench, timed
from benchmarks.savers import KINDS, Saver
from langgraph_filesaver import FileSaver

__all__ = ["fan_out", "leases", "processes"]

_TASKS = 100
_PROCESSES = 8


class State(TypedDict):
    """What the tasks have found."""

    found: Annotated[list[str], operator.add]


def fan_out(bench: Bench) -> None:
    """Note a superstep of parallel tasks."""
    tasks = bench.count(_TASKS, 4)
    for kind, folder in bench.blocks():
        with kind.opened(folder) as saver:
            builder = StateGraph(State)
            builder.add_node("work", lambda state: {"found": [str(state)] * 3})
            builder.add_conditional_edges(START, lambda _: [Send("work", number) for number in range(tasks)], ["work"])
            graph: Any = builder.compile(checkpointer=saver)
            graph.invoke({"found": []}, thread("warm"))
            seconds = [timed(graph.invoke, {"found": []}, thread(f"t{each}")) for each in range(bench.count(8, 1))]
        bench.note("fan-out of 100", kind.name, seconds)


def processes(bench: Bench) -> None:
    """Note how many turns eight processes make in a second, and how many of their turns failed."""
    turns, count = bench.count(60, 2), bench.count(_PROCESSES, 2)
    for kind, folder in bench.blocks(most_rounds=2):
        with kind.opened(folder) as saver:  # makes the folder or the tables
            saver.get_tuple(thread("none"))
        spawning = multiprocessing.get_context("spawn")
        with spawning.Pool(count, _share, (spawning.Barrier(count),)) as pool:
            given = [(kind.name, str(folder), number, turns) for number in range(count)]
            results = pool.starmap(_run_turns, given, chunksize=1)
        seconds = max(end for _, end, _ in results) - min(begun for begun, _, _ in results)
        failed = sum(each for _, _, each in results)
        bench.note("8 processes", kind.name, [(count * turns - failed) / seconds], "/s")
        before = bench.results.rows.get("8 processes: failed turns", {}).get(kind.name)
        bench.note_exact(
            "8 processes: failed turns", kind.name, failed + (before.median if before is not None else 0), "failures"
        )


def leases(bench: Bench) -> None:
    """Note what a lease of a thread costs, taken and given back."""
    for kind, folder in bench.blocks(lambda kind: kind.is_sync, most_rounds=1):
        with kind.opened(folder) as saver:
            if isinstance(saver, FileSaver):
                seconds = [timed(_lease, saver) for _ in range(bench.count(200, 2))]
                bench.note("lease taken and given back", kind.name, seconds)


def _lease(saver: FileSaver) -> None:
    with saver.thread_lock("t"):
        pass


_barrier: Any = None


def _share(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _run_turns(name: str, folder: str, number: int, turns: int) -> tuple[float, float, int]:
    """Run turns on one thread; return when they began and ended, and how many failed."""
    failed = 0
    with KINDS[name].opened(Path(folder)) as saver:
        graph = _small_graph(saver)
        graph.invoke({"found": []}, thread(f"warm{number}"))  # imports and first calls are no throughput
        _barrier.wait(120)
        begun = time.monotonic()
        for _ in range(turns):
            try:
                graph.invoke({"found": []}, thread(f"t{number}"))
            except sqlite3.OperationalError:  # "database is locked"
                failed += 1
        return begun, time.monotonic(), failed


def _small_graph(saver: Saver) -> Any:
    builder = StateGraph(State)
    builder.add_node("work", lambda _: {"found": ["x" * 200]})
    builder.add_edge(START, "work")
    return builder.compile(checkpointer=saver)
