"""`python -m benchmarks.encryption`: what sealing costs, as a ratio to the plain store, call by call in turn in one run.

Targets: a put 1.25 x, a 100 MB array (put and get, each) 2 x. The folder is a temporary one, or `--folder`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.material import latest_of, messages, put, thread
from benchmarks.measuring import timed
from langgraph_filesaver import EncryptionKey, FileSaver

KEY = EncryptionKey.generate()
_ROUNDS = 200
_ARRAY_ROUNDS = 5


def ratio(plain: Callable[[], float], sealed: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Return the median seconds of both, and of their ratio, the two in turn."""
    pairs = [(plain(), sealed()) for _ in range(rounds)]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second), statistics.median(b / a for a, b in pairs)


def tell(name: str, found: tuple[float, float, float], target: float | None = None) -> None:
    plain, sealed, times = found
    told = "" if target is None else f"  (≤ {target}: {'reached' if times <= target else 'missed'})"
    print(f"{name:40} plain {plain * 1e3:9.3f} ms   sealed {sealed * 1e3:9.3f} ms   {times:5.2f} x{told}", flush=True)


class Puts:
    """Puts one checkpoint after another of a small state, or of one whose list grows."""

    def __init__(self, saver: FileSaver, name: str, size: int) -> None:
        self.saver, self.config, self.step, self.size = saver, thread(name), 0, size
        self.log = messages(size)

    def __call__(self) -> float:
        self.step += 1
        self.log = [*self.log, *messages(2)] if self.size else []
        values = {"messages": self.log, "number": self.step, "text": "some words " * 20}
        self.config, seconds = put(self.saver, self.config, self.step, values)
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the files go")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for fsync in (True, False):
            kind = "" if fsync else ", fsync=False"
            savers = [
                FileSaver(f"{folder}/{fsync}{sealed}", fsync=fsync, encryption=KEY if sealed else False)
                for sealed in (False, True)
            ]
            for size, name in ((0, "small state"), (100, "list of 100 messages that grows")):
                works = [Puts(saver, f"{size}", size) for saver in savers]
                ratio(works[0], works[1], 10)
                tell(f"put{kind}: {name}", ratio(works[0], works[1], _ROUNDS), 1.25)
                gets = [lambda saver=saver, size=size: timed(saver.get_tuple, latest_of(f"{size}")) for saver in savers]
                tell(f"get{kind}: {name}", ratio(gets[0], gets[1], _ROUNDS))
        array = np.random.default_rng(1).random(100 * 1024 * 1024 // 8)
        savers = [FileSaver(f"{folder}/array{sealed}", encryption=KEY if sealed else False) for sealed in (False, True)]

        def put_array(saver: FileSaver, steps: list[int]) -> float:
            steps.append(len(steps))
            array[0] = len(steps)  # another content each time
            return put(saver, thread("a"), len(steps), {"array": array})[1]

        counts: list[list[int]] = [[], []]
        tell(
            "put: an array of 100 MB",
            ratio(lambda: put_array(savers[0], counts[0]), lambda: put_array(savers[1], counts[1]), _ARRAY_ROUNDS),
            2.0,
        )

        def get_array(number: int) -> float:
            # A process that reads it for the first time, and all of it: a mapped file is read when it is looked at.
            saver = FileSaver(f"{folder}/array{bool(number)}", encryption=KEY if number else False)
            return timed(lambda: saver.get_tuple(latest_of("a")).checkpoint["channel_values"]["array"].sum())  # type: ignore[union-attr]

        tell("get: an array of 100 MB", ratio(lambda: get_array(0), lambda: get_array(1), _ARRAY_ROUNDS), 2.0)


if __name__ == "__main__":
    main()
