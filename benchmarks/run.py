"""`python -m benchmarks.run`: put, put_writes and get_tuple beside the savers people use today, in one run.

Each saver works in a block of its own, because interleaved writers slow each other's journal; blocks rotate over several
rounds, and every figure is the median over all of them with its quartiles. Ratios, not microseconds, are what to quote.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from langgraph_filesaver import FileSaver

MESSAGES = 10
MESSAGE_CHARACTERS = 500
Timings = dict[str, dict[str, list[float]]]


@contextmanager
def sqlite(folder: Path) -> Iterator[BaseCheckpointSaver[Any]]:
    """SqliteSaver as its documentation makes it: write-ahead log, synchronous=FULL."""
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        yield saver


@contextmanager
def memory(folder: Path) -> Iterator[BaseCheckpointSaver[Any]]:  # noqa: ARG001 one signature for all
    """InMemorySaver."""
    yield InMemorySaver()


def files(*, fsync: bool) -> Callable[[Path], Any]:
    """FileSaver, with or without fsync."""

    @contextmanager
    def make(folder: Path) -> Iterator[BaseCheckpointSaver[Any]]:
        with FileSaver(folder / "checkpoints", fsync=fsync) as saver:
            yield saver

    return make


SAVERS: dict[str, Callable[[Path], Any]] = {
    "SqliteSaver": sqlite,
    "FileSaver": files(fsync=True),
    "FileSaver, fsync=False": files(fsync=False),
    "InMemorySaver": memory,
}


FLOOR = "write, fsync, rename"


def checkpoint(step: int, messages: list[Any]) -> Checkpoint:
    """Return a checkpoint like those of a chat graph."""
    version = f"{step + 1:032}.0.5"
    return {
        "v": 4,
        "id": str(uuid6(clock_seq=step)),
        "ts": "2026-11-23T01:16:50.000000+00:00",
        "channel_values": {"messages": messages, "steps": step},
        "channel_versions": {"messages": version, "steps": version, "__start__": version},
        "versions_seen": {"__input__": {}, "agent": {"messages": version}},
        "updated_channels": ["messages", "steps"],
    }


def chat_messages() -> list[Any]:
    """Return ten messages of 500 bytes."""
    kinds = (HumanMessage, AIMessage)
    text = "What the agent said, in words of no special kind. " * MESSAGE_CHARACTERS
    return [kinds[n % 2](content=f"{n} {text}"[:MESSAGE_CHARACTERS], id=str(uuid4())) for n in range(MESSAGES)]


def put_many(saver: BaseCheckpointSaver[Any], thread_id: str, count: int) -> tuple[RunnableConfig, list[float]]:
    """Put `count` checkpoints in a chain; return the last one's config and the seconds of each put."""
    config: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    messages, seconds = chat_messages(), []
    for step in range(count):
        made = checkpoint(step, messages)
        versions = made["channel_versions"]
        begun = time.perf_counter()
        config = saver.put(config, made, {"source": "loop", "step": step, "parents": {}}, versions)
        seconds.append(time.perf_counter() - begun)
    return config, seconds


def put_writes_many(saver: BaseCheckpointSaver[Any], config: RunnableConfig, count: int) -> list[float]:
    """Put the writes of `count` tasks on one checkpoint; return the seconds of each call."""
    message, seconds = chat_messages()[0], []
    for number in range(count):
        task_id = str(uuid4())
        begun = time.perf_counter()
        saver.put_writes(config, [("messages", [message]), ("steps", number)], task_id, "~__pregel_pull, agent")
        seconds.append(time.perf_counter() - begun)
    return seconds


def get_many(saver: BaseCheckpointSaver[Any], config: RunnableConfig, count: int) -> list[float]:
    """Get one checkpoint `count` times; return the seconds of each call."""
    seconds = []
    for _ in range(count):
        begun = time.perf_counter()
        found = saver.get_tuple(config)
        seconds.append(time.perf_counter() - begun)
        assert found is not None
    return seconds


def one_block(make: Callable[[Path], Any], folder: Path, count: int) -> dict[str, list[float]]:
    """Run all workloads for one saver on a folder of its own."""
    with make(folder) as saver:
        put_many(saver, "warm", 5)
        config, put = put_many(saver, "chat", count)
        writes = put_writes_many(saver, config, count)
        put_many(saver, "single", 10)
        latest: RunnableConfig = {"configurable": {"thread_id": "single"}}
        return {"put": put, "put_writes": writes, "get_tuple": get_many(saver, latest, count)}


def floor(folder: Path, count: int) -> dict[str, list[float]]:
    """Write, fsync and rename new files of the sizes that FileSaver writes: what the disk itself asks for one file."""
    figures = {}
    for workload, size in (("put", 8000), ("put_writes", 1000)):
        data, seconds = b"x" * size, []
        for number in range(count):
            begun = time.perf_counter()
            with (folder / "staged").open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            (folder / "staged").rename(folder / f"{workload}-{number}")
            seconds.append(time.perf_counter() - begun)
        figures[workload] = seconds
    return figures


def side_by_side(scratch: Path, rounds: int, count: int) -> Timings:
    """Run the savers' blocks in rotation."""
    timings: Timings = {name: {} for name in (*SAVERS, FLOOR)}
    names = list(timings)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            folder = Path(tempfile.mkdtemp(dir=scratch))
            figures = floor(folder, count) if name == FLOOR else one_block(SAVERS[name], folder, count)
            for workload, seconds in figures.items():
                timings[name].setdefault(workload, []).extend(seconds)
            # Nothing is removed in between: ext4 without a journal passes over inodes freed in the last seconds, one by
            # one, and would charge the next block for it.
    return timings


def long_threads(scratch: Path, checkpoints: int) -> Timings:
    """Get by id, and the latest when nothing changed, in a long thread and in one of ten checkpoints."""
    timings: Timings = {}
    with FileSaver(scratch / "long", fsync=False) as saver:
        for count in (10, checkpoints):
            thread_id = f"thread-{count}"
            put_many(saver, thread_id, count)
            timings[f"thread of {count}"] = {}
        time.sleep(0.1)  # "when nothing changed": a folder is trusted once its last change is some clock ticks old
        for _ in range(3):
            for count in (10, checkpoints):
                thread_id = f"thread-{count}"
                latest: RunnableConfig = {"configurable": {"thread_id": thread_id}}
                found = saver.get_tuple(latest)
                assert found is not None
                row = timings[f"thread of {count}"]
                row.setdefault("by id", []).extend(get_many(saver, found.config, 200))
                row.setdefault("latest", []).extend(get_many(saver, latest, 200))
    return timings


def print_table(timings: Timings, base: str) -> None:
    """Print medians with quartiles in microseconds, and the ratio to `base`."""
    workloads = list(next(iter(timings.values())))
    for workload in workloads:
        print(f"\n{workload:<28}{'median µs':>12}{'quartiles':>18}{f'÷ {base}':>26}")
        reference = statistics.median(timings[base][workload])
        for name, rows in timings.items():
            if workload not in rows:
                continue
            low, middle, high = statistics.quantiles(rows[workload], n=4)
            spread = f"{low * 1e6:,.0f} - {high * 1e6:,.0f}"
            print(f"  {name:<26}{middle * 1e6:>12,.0f}{spread:>18}{middle / reference:>26.2f}")


def main(arguments: list[str]) -> int:
    """Run everything and print it; `--json FILE` keeps the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each saver (default 5)")
    parser.add_argument("--count", type=int, default=200, help="calls in a block (default 200)")
    parser.add_argument("--checkpoints", type=int, default=5000, help="length of the long thread (default 5000)")
    parser.add_argument("--folder", type=Path, default=Path("."), help="disk to measure (default: this one)")
    parser.add_argument("--json", type=Path, help="write the raw seconds to this file")
    options = parser.parse_args(arguments)
    scratch = Path(tempfile.mkdtemp(prefix="benchmark-", dir=options.folder))
    try:
        savers = side_by_side(scratch, options.rounds, options.count)
        threads = long_threads(scratch, options.checkpoints)
    finally:
        shutil.rmtree(scratch)
    print(f"{MESSAGES} messages of {MESSAGE_CHARACTERS} bytes; {options.rounds} rounds of {options.count} calls")
    print_table(savers, "SqliteSaver")
    print_table(threads, "thread of 10")
    if options.json:
        options.json.write_text(json.dumps({"savers": savers, "threads": threads}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
