"""How much memory large values take on their way: by how much the peak of a process grows. On Linux only."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.material import message, put, thread
from benchmarks.measuring import Bench
from benchmarks.savers import FILES, FLOOR, KINDS, MEMORY
from benchmarks.workloads.growth import ARRAY_ITEMS, note_size
from langgraph_filesaver import Artifact, FileSaver

__all__ = ["append_for_long", "memory"]

_BLOCK = 1 << 20


def memory(bench: Bench) -> None:
    """Note the growth for an array of 100 MB, put and got, beside its own bytes; for a file of 2 GB, put by its path."""
    if sys.platform != "linux":
        return
    items = bench.count(ARRAY_ITEMS, 10_000)
    for kind, folder in bench.blocks(lambda kind: kind.is_sync and kind.name != MEMORY, most_rounds=1):
        for row, work in (("put", _put_array), ("get", _get_array)):
            grown = _in_child(partial(work, kind.name, str(folder), items))
            bench.note(f"100 MB array: memory of {row}", kind.name, [grown], "B")
            bench.note(f"100 MB array: memory of {row}", FLOOR, [items * 8], "B")
        if kind.name == FILES:
            grown = _in_child(partial(_put_file, str(folder), bench.count(2048, 2)))
            bench.note("file of 2 GB by its path: memory", kind.name, [grown], "B")


def append_for_long(bench: Bench) -> None:
    """Note 20,000 messages, appended two at a time: minutes, and gigabytes with savers that keep each state whole."""
    for kind, folder in bench.blocks(lambda kind: kind.name == FILES, most_rounds=1):
        with kind.opened(folder) as saver:
            config, taken = thread(), []
            growing: list[Any] = []
            for step in range(bench.count(10_000, 5)):
                growing = [*growing, message(2 * step), message(2 * step + 1)]
                config, seconds = put(saver, config, step, {"messages": growing})
                taken.append(seconds)
        bench.note("20,000 messages appended", kind.name, [sum(taken)])
        note_size(bench, "20,000 messages appended", kind, folder)


def _put_array(name: str, folder: str, items: int) -> int:
    values = np.random.default_rng(1).random(items)
    with KINDS[name].opened(Path(folder)) as saver:
        put(saver, thread("warm"), 0, {"array": values[:10]})
        before = _peak()
        put(saver, thread(), 0, {"array": values})
        return _peak() - before


def _get_array(name: str, folder: str, items: int) -> int:
    with KINDS[name].opened(Path(folder)) as saver:
        saver.get_tuple(thread("warm"))
        before = _peak()
        found = saver.get_tuple(thread())
        assert found is not None
        assert len(found.checkpoint["channel_values"]["array"]) == items
        return _peak() - before


def _put_file(folder: str, blocks: int) -> int:
    path = Path(folder, "large.bin")
    data = os.urandom(_BLOCK)
    with path.open("wb") as file:
        for _ in range(blocks):
            file.write(data)
    with FileSaver(Path(folder, "large")) as saver:
        put(saver, thread("warm"), 0, {"file": Artifact.from_bytes(data, name="small.bin")})
        before = _peak()
        put(saver, thread(), 0, {"file": Artifact.from_path(path)})
        return _peak() - before


def _peak() -> int:
    """Return the greatest size of this process in memory so far, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage tells the parent's, if that was larger
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _in_child(work: Callable[[], int]) -> int:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work)
