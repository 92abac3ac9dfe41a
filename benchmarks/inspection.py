"""`python -m benchmarks.inspection`: what looking at many threads costs, beside the least that reading them can cost.

The floor of a page is to list one folder per thread; that of all summaries is to walk each thread's folder and to read its newest
file. Each figure is a median of rounds in one run, on files that were read before; the first round of a new process, which may have
to bring the folders from the disk, is told apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from langgraph_filesaver import FileSaver


class Desk(TypedDict, total=False):
    """The state of a small agent."""

    question: str
    answer: str


def answer(state: Desk) -> Desk:
    return {"answer": f"This is what I found on {state['question']}. " * 10}


def approve(state: Desk) -> Desk:
    if state["question"].endswith("7"):
        interrupt("publish?")
    return {}


def fill(root: Path, count: int) -> None:
    """Make threads of two nodes, of which every tenth waits for a person."""
    builder = StateGraph(Desk).add_node(answer).add_node(approve)
    builder.add_edge(START, "answer").add_edge("answer", "approve")
    graph = builder.compile(checkpointer=FileSaver(root, fsync=False))
    for number in range(count):
        graph.invoke({"question": f"topic {number}"}, {"configurable": {"thread_id": f"thread-{number:05}"}})


def folders(root: Path) -> list[str]:
    return [f"{root}/{name}/checkpoints/_root" for name in os.listdir(root) if not name.startswith((".", "filesaver"))]


def list_all(root: Path) -> None:
    for folder in folders(root):
        os.listdir(folder)


def walk_all(root: Path) -> None:
    for folder in folders(root):
        for place, _, names in os.walk(folder.removesuffix("/checkpoints/_root")):
            for name in names:
                os.lstat(f"{place}/{name}")
        Path(folder, max(os.listdir(folder))).read_bytes()


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "checkpoints")
        fill(root, given.threads)
        first = seconds(lambda: FileSaver(root).threads(limit=50))
        rows: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "first page of 50, newest first": (lambda: FileSaver(root).threads(limit=50), lambda: list_all(root)),
            "all summaries": (lambda: FileSaver(root).threads(), lambda: walk_all(root)),
            "one thread, with its state": (
                lambda: FileSaver(root).thread("thread-00007").latest.to_dict(),
                lambda: None,
            ),
        }
        print(f"{given.threads:,} threads; the first page of this process took {first:.2f} s\n")
        print(f"{'':34}{'median':>10}{'worst':>10}{'floor':>10}{'ratio':>8}")
        for name, (work, floor) in rows.items():
            times, floors = [], []
            for _ in range(given.rounds):
                floors.append(seconds(floor))
                times.append(seconds(work))
            middle, least = statistics.median(times), statistics.median(floors)
            ratio = f"{middle / least:8.2f}" if least > 0.001 else ""
            print(f"{name:34}{middle:8.3f} s{max(times):8.3f} s{least:8.3f} s{ratio}")


if __name__ == "__main__":
    main()
