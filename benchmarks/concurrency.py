"""`python -m benchmarks.concurrency`: many writers at once, beside SqliteSaver in the same run on the same disk.

A superstep of 100 parallel tasks through a compiled graph; eight processes that each run turns on a thread of their own in
one folder, or one database file; what a lease costs. Times are medians.
"""

from __future__ import annotations

import argparse
import multiprocessing
import operator
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from langgraph_filesaver import FileSaver

TASKS = 100
PROCESSES = 8
TURNS = 60
Saver = BaseCheckpointSaver[Any]


class State(TypedDict):
    """What the tasks have found."""

    found: Annotated[list[str], operator.add]


def files(root: Path) -> AbstractContextManager[Saver]:
    """Open a FileSaver."""
    return FileSaver(root / "files")


def sqlite(root: Path) -> AbstractContextManager[Saver]:
    """Open a SqliteSaver."""
    return SqliteSaver.from_conn_string(str(root / "checkpoints.db"))


SAVERS: dict[str, Callable[[Path], AbstractContextManager[Saver]]] = {"FileSaver": files, "SqliteSaver": sqlite}


def thread(name: str) -> RunnableConfig:
    """Return the config of a thread."""
    return {"configurable": {"thread_id": name}}


def fan_out(saver: Saver) -> Any:
    """Return a graph of one superstep of parallel tasks."""
    builder = StateGraph(State)
    builder.add_node("work", lambda state: {"found": [str(state)] * 3})
    builder.add_conditional_edges(START, lambda _: [Send("work", number) for number in range(TASKS)], ["work"])
    return builder.compile(checkpointer=saver)


def parallel_tasks(root: Path, rounds: int) -> None:
    """A superstep of parallel tasks, sync; the savers take turns."""
    times: dict[str, list[float]] = {name: [] for name in SAVERS}
    with ExitStack() as savers:
        graphs = {name: fan_out(savers.enter_context(opened(root))) for name, opened in SAVERS.items()}
        for round_ in range(-1, rounds):
            for name, graph in graphs.items():
                begun = time.perf_counter()
                graph.invoke({"found": []}, thread(f"{name}-{round_}"))
                if round_ >= 0:  # the first makes folders, tables and imports
                    times[name].append(time.perf_counter() - begun)
    _report(
        f"superstep of {TASKS} parallel tasks", {name: statistics.median(each) for name, each in times.items()}, "0.8"
    )


BARRIER: Any = None


def _share(barrier: Any) -> None:
    global BARRIER
    BARRIER = barrier


def run_turns(name: str, root: str, number: int, turns: int) -> tuple[float, float, int]:
    """Run turns on one thread; return when they began and ended, and how many failed."""
    failed = 0
    with SAVERS[name](Path(root)) as saver:
        builder = StateGraph(State)
        builder.add_node("work", lambda _: {"found": ["x" * 200]})
        builder.add_edge(START, "work")
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"found": []}, thread(f"warm{number}"))  # imports and first calls are no throughput
        BARRIER.wait(60)
        begun = time.monotonic()
        for _ in range(turns):
            try:
                graph.invoke({"found": []}, thread(f"t{number}"))
            except sqlite3.OperationalError:
                failed += 1
        return begun, time.monotonic(), failed


def processes(root: Path, turns: int) -> None:
    """Eight processes, each with its own thread."""
    rates: dict[str, float] = {}
    for name in SAVERS:
        with SAVERS[name](root) as saver:  # makes the folder or the tables
            saver.get_tuple(thread("none"))
        spawning = multiprocessing.get_context("spawn")
        with spawning.Pool(PROCESSES, _share, (spawning.Barrier(PROCESSES),)) as pool:
            arguments = [(name, str(root), number, turns) for number in range(PROCESSES)]
            results = pool.starmap(run_turns, arguments, chunksize=1)
        seconds = max(end for _, end, _ in results) - min(begun for begun, _, _ in results)
        failed = sum(each for _, _, each in results)
        rates[name] = (PROCESSES * turns - failed) / seconds
        print(
            f"{PROCESSES} processes, a thread each: {name:<12} {rates[name]:8.1f} turns/s, {failed} failed", flush=True
        )
    print(
        f"  FileSaver : SqliteSaver   {rates['FileSaver'] / rates['SqliteSaver']:.2f} x   [to reach: 2 x, none failed]"
    )


def leases(root: Path) -> None:
    """What a lease costs, alone and around a put."""
    with FileSaver(root / "leases") as saver:
        times = []
        for _ in range(200):
            begun = time.perf_counter()
            with saver.thread_lock("t"):
                pass
            times.append(time.perf_counter() - begun)
        print(f"thread_lock, taken and given back: {statistics.median(times) * 1e6:.0f} us")


def _report(row: str, seconds: dict[str, float], target: str) -> None:
    for name, each in seconds.items():
        print(f"{row}: {name:<12} {each * 1000:8.1f} ms", flush=True)
    print(f"  FileSaver : SqliteSaver   {seconds['FileSaver'] / seconds['SqliteSaver']:.2f} x   [to reach: {target} x]")


def main() -> None:
    """Run all rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        print(f"{os.cpu_count()} cores")
        parallel_tasks(Path(folder), 5 if arguments.quick else 30)
        processes(Path(folder), 5 if arguments.quick else TURNS)
        leases(Path(folder))


if __name__ == "__main__":
    main()
