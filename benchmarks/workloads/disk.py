"""The disk alone: what the ways to keep a few kilobytes cost on it, and how much eight processes get out of it together.

Here stands what no store can go below. A checkpoint is a new file that survives a power cut under its name. Where fsync of the file
carries the name (ext4 with a journal, XFS) that is the second row; elsewhere it is the third. The two logs are what a database
does: no new file, no name, and nothing that a person could open.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Bench, timed
from benchmarks.savers import FLOOR

__all__ = ["disk"]

_DATA = b"x" * 8000
_SLOT = 8192
_FILES_OF_A_TURN = 5  # three checkpoints, and what two tasks wrote
_PROCESSES = 8


def disk(bench: Bench) -> None:
    """Note the ways one by one, then new files by eight processes at once, as turns of five files."""
    count = bench.count(300, 3)
    for row, make in (
        ("write, rename", _renamed),
        ("write, fsync, rename", _flushed),
        ("write, fsync, rename, fsync of the folder", _flushed_twice),
        ("append to a log, fdatasync", _appended),
        ("overwrite a part of a log, fdatasync", _overwritten),
    ):
        work = make(bench.new_folder(), count)
        bench.note(f"disk: {row}", FLOOR, [timed(work, number) for number in range(count)])
    turns = bench.count(40, 2)
    for is_twice, row in ((False, "one flush a file"), (True, "two flushes a file")):
        rate = _together(bench.new_folder(), turns, is_twice=is_twice)
        bench.note(f"8 processes: the files of the turns alone, {row}", FLOOR, [rate], "/s")


def _renamed(folder: Path, _: int) -> Callable[[int], None]:
    return lambda number: _named(folder, number, is_flushed=False)


def _flushed(folder: Path, _: int) -> Callable[[int], None]:
    return lambda number: _named(folder, number, is_flushed=True)


def _flushed_twice(folder: Path, _: int) -> Callable[[int], None]:
    descriptor = os.open(folder, os.O_RDONLY)

    def work(number: int) -> None:
        _named(folder, number, is_flushed=True)
        os.fsync(descriptor)

    return work


def _named(folder: Path, number: int, *, is_flushed: bool) -> None:
    descriptor = os.open(folder / "staged", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, _DATA)
    if is_flushed:
        os.fsync(descriptor)
    os.close(descriptor)
    os.rename(folder / "staged", folder / str(number))


def _appended(folder: Path, _: int) -> Callable[[int], None]:
    descriptor = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)

    def work(_: int) -> None:
        os.write(descriptor, _DATA)
        os.fdatasync(descriptor)

    return work


def _overwritten(folder: Path, count: int) -> Callable[[int], None]:
    descriptor = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"\0" * _SLOT * count)
    os.fsync(descriptor)

    def work(number: int) -> None:
        os.pwrite(descriptor, _DATA, number * _SLOT)
        os.fdatasync(descriptor)

    return work


_barrier: Any = None


def _share(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _together(folder: Path, turns: int, *, is_twice: bool) -> float:
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(_PROCESSES, _share, (spawning.Barrier(_PROCESSES),)) as pool:
        given = [(str(folder), each, turns, is_twice) for each in range(_PROCESSES)]
        results = pool.starmap(_write_turns, given, chunksize=1)
    return _PROCESSES * turns / (max(end for _, end in results) - min(begun for begun, _ in results))


def _write_turns(folder: str, process: int, turns: int, is_twice: bool) -> tuple[float, float]:
    own = Path(folder, str(process))
    own.mkdir()
    work = (_flushed_twice if is_twice else _flushed)(own, 0)
    _barrier.wait(120)
    begun = time.monotonic()
    for number in range(turns * _FILES_OF_A_TURN):
        work(number)
    return begun, time.monotonic()
