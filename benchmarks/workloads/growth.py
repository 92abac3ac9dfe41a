"""States that grow or are large: messages appended, an image that stays, an array."""

from __future__ import annotations

import base64
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import HumanMessage

from benchmarks.material import message, put, size_of, thread
from benchmarks.measuring import Bench, timed
from benchmarks.savers import FLOOR, MEMORY, Kind

__all__ = ["ARRAY_ITEMS", "appended", "array", "image", "note_size"]

ARRAY_ITEMS = 12_500_000  # 100 MB of float64


def appended(bench: Bench) -> None:
    """Note 2,000 messages appended, two at a time by put: all calls together."""
    puts = bench.count(1000, 5)
    for kind, folder in bench.blocks(most_rounds=1):
        with kind.opened(folder) as saver:
            config, taken = thread(), []
            growing: list[Any] = []
            for step in range(puts):
                growing = [*growing, message(2 * step), message(2 * step + 1)]
                config, seconds = put(saver, config, step, {"messages": growing})
                taken.append(seconds)
        bench.note("2,000 messages appended", kind.name, [sum(taken)])
        bench.note("2,000 messages appended: the last 50 puts", kind.name, taken[-50:])
        note_size(bench, "2,000 messages appended", kind, folder)


def image(bench: Bench) -> None:
    """Note an image of 1 MB in the first message, and 40 checkpoints."""
    data = b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(1_000_000 - 8)
    block = {"type": "image", "base64": base64.b64encode(data).decode(), "mime_type": "image/png"}
    for kind, folder in bench.blocks(most_rounds=3):
        with kind.opened(folder) as saver:
            config, taken = thread(), []
            growing: list[Any] = [HumanMessage(content=[block], id="0")]
            for step in range(bench.count(40, 3)):
                growing = [*growing, message(step)]
                config, seconds = put(saver, config, step, {"messages": growing})
                taken.append(seconds)
        bench.note("1 MB image: a put after the first", kind.name, taken[1:])
        note_size(bench, "1 MB image, 40 checkpoints", kind, folder)


def array(bench: Bench) -> None:
    """Note an array of 100 MB, put and got by a new saver; the floor is the same bytes written and flushed, or read."""
    values = np.random.default_rng(1).random(bench.count(ARRAY_ITEMS, 10_000))
    for number, (kind, folder) in enumerate(bench.blocks(most_rounds=3)):
        if number % len(bench.kinds) == 0:
            path = bench.new_folder() / "raw"
            bench.note("100 MB array: put", FLOOR, [timed(_write, path, values)])
            bench.note("100 MB array: get", FLOOR, [timed(path.read_bytes)])
            path.unlink()
        with kind.opened(folder) as saver:
            config, seconds = put(saver, thread(), 0, {"array": values})
            if kind.name == MEMORY:
                bench.note("100 MB array: get", kind.name, [timed(saver.get_tuple, config)])
        bench.note("100 MB array: put", kind.name, [seconds])
        if kind.name != MEMORY:
            with kind.opened(folder) as saver:
                bench.note("100 MB array: get", kind.name, [timed(saver.get_tuple, config)])


def _write(path: Path, values: Any) -> None:
    with path.open("wb") as file:
        file.write(values.data)
        file.flush()
        os.fsync(file.fileno())


def note_size(bench: Bench, row: str, kind: Kind, folder: Path) -> None:
    """Note what lies on the disk after a block, and in how many files; nothing where it lies elsewhere."""
    size, files = size_of(folder)
    if size and kind.name != MEMORY:
        bench.note_exact(f"{row}: on the disk", kind.name, size, "bytes")
        bench.note_exact(f"{row}: files", kind.name, files, "files")
