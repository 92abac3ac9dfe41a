"""One small write, one read: put, put_writes and get_tuple of ten messages, and the latest of longer histories.

Beside the savers stands the floor of the disk: a new file of the bytes that FileSaver writes, written, flushed and renamed. It
is what any store of one durable file per call has to pay.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

from langchain_core.runnables import RunnableConfig

from benchmarks.material import latest_of, message, messages, put, thread
from benchmarks.measuring import Bench, timed
from benchmarks.savers import FLOOR, Saver
from langgraph_filesaver import FileSaver

__all__ = ["get_latest", "writes"]


def writes(bench: Bench) -> None:
    """Note `put` and `put_writes`, and their floor."""
    count = bench.count(200, 3)
    sizes = _sizes(bench.new_folder())
    for number, (kind, folder) in enumerate(bench.blocks()):
        if number % len(bench.kinds) == 0:
            _floor(bench, sizes, count)
        with kind.opened(folder) as saver:
            _put_many(saver, "warm", 5)
            config, seconds = _put_many(saver, "t", count)
            bench.note("put", kind.name, seconds)
            seconds = []
            for step in range(count):
                each = message(1)
                task_id, path = str(uuid4()), "~__pregel_pull, agent"
                begun = time.perf_counter()
                saver.put_writes(config, [("messages", [each]), ("steps", step)], task_id, path)
                seconds.append(time.perf_counter() - begun)
            bench.note("put_writes", kind.name, seconds)


def get_latest(bench: Bench) -> None:
    """Note what the latest checkpoint of a thread costs, by the length of its history."""
    for length, calls in ((10, 200), (400, 60), (4000, bench.count(10, 1))):
        if bench.is_quick and length > 400:
            continue
        values = {"messages": messages(length), "steps": length}
        for kind, folder in bench.blocks(most_rounds=3):
            with kind.opened(folder) as saver:
                for step in range(3):
                    config, _ = put(saver, thread(), step, values)
                assert config is not None
                latest = latest_of()
                timed(saver.get_tuple, latest)
                found = saver.get_tuple(latest)
                assert found is not None
                assert len(found.checkpoint["channel_values"]["messages"]) == length
                del found
                seconds = [timed(saver.get_tuple, latest) for _ in range(bench.count(calls, 2))]
                bench.note(f"get latest, {length:,} messages", kind.name, seconds)


def _put_many(saver: Saver, thread_id: str, count: int) -> tuple[RunnableConfig, list[float]]:
    config, ten, seconds = thread(thread_id), messages(10), []
    for step in range(count):
        config, each = put(saver, config, step, {"messages": ten, "steps": step})
        seconds.append(each)
    return config, seconds


def _sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes the files have that FileSaver writes for these calls."""
    saver = FileSaver(folder)
    config, _ = put(saver, thread(), 0, {"messages": messages(10), "steps": 0})
    saver.put_writes(config, [("messages", [message(1)]), ("steps", 0)], str(uuid4()), "~__pregel_pull, agent")
    (checkpoint,) = folder.glob("t/checkpoints/*/*.json")
    (written,) = folder.glob("t/writes/*/*.json")
    return {"put": checkpoint.stat().st_size, "put_writes": written.stat().st_size}


def _floor(bench: Bench, sizes: dict[str, int], count: int) -> None:
    folder = bench.new_folder()
    for row, size in sizes.items():
        data, seconds = b"x" * size, []
        for number in range(count):
            begun = time.perf_counter()
            with (folder / "staged").open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            (folder / "staged").rename(folder / f"{row}-{number}")
            seconds.append(time.perf_counter() - begun)
        bench.note(row, FLOOR, seconds)
