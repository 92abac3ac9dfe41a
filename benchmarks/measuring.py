"""Figures, how they are taken, and the file that keeps them.

A figure is either *timed* (samples, of which the median and the quartiles are told) or *exact* (a count, the same on every
machine). Each saver works in a block of its own, because interleaved writers slow each other's journal; the blocks of one
workload rotate over the rounds, and nothing is removed in between: ext4 without a journal passes over inodes freed in the last
seconds, one by one, and would charge the next block for it.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec

from benchmarks.savers import Kind

__all__ = ["Bench", "Figure", "Results", "UnreadableError", "timed"]


P = ParamSpec("P")


class UnreadableError(Exception):
    """A file that is no result of a run."""


@dataclass(frozen=True)
class Figure:
    """What was measured of one saver in one row.

    Attributes:
        unit: "s" or, of memory, "B" (less is better), "/s" (more is better), or of an exact figure "bytes", "files", "requests",
            "failures".
        samples: The values, in the order in which they were taken; an exact figure has one.
    """

    unit: str
    samples: tuple[float, ...]

    @property
    def is_exact(self) -> bool:
        """Whether it is a count."""
        return self.unit not in ("s", "/s", "B")

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """A quarter of the samples lies below the first, a quarter above the second."""
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a part of the median."""
        low, high = self.quartiles
        return (high - low) / 2 / self.median if self.median else 0.0


@dataclass
class Results:
    """All figures of a run.

    Attributes:
        about: What they were taken on and with.
        rows: Row, then saver, then figure.
        seconds: How long each workload took.
    """

    about: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, dict[str, Figure]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def ratio(self, row: str, saver: str, other_row: str, other: str) -> float | None:
        """Return the quotient of two medians, or None where one of them is missing."""
        mine, others = self.rows.get(row, {}).get(saver), self.rows.get(other_row, {}).get(other)
        return None if mine is None or others is None or not others.median else mine.median / others.median

    def to_json(self) -> str:
        """Return the text of the file."""
        rows = {
            row: {saver: {"unit": figure.unit, "samples": figure.samples} for saver, figure in figures.items()}
            for row, figures in self.rows.items()
        }
        return json.dumps({"about": self.about, "seconds": self.seconds, "rows": rows}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Read the text of a file.

        Raises:
            UnreadableError: It is none.
        """
        try:
            raw = json.loads(text)
            rows = {
                row: {saver: Figure(each["unit"], tuple(each["samples"])) for saver, each in figures.items()}
                for row, figures in raw["rows"].items()
            }
            if not all(figure.samples for figures in rows.values() for figure in figures.values()):
                raise UnreadableError("a figure has no samples")
            return cls(raw["about"], rows, raw["seconds"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableError(f"no result of `python -m benchmarks --json`: {error!r}") from error


class Bench:
    """One run: gives workloads their savers and folders, and takes their figures.

    Args:
        kinds: The savers to measure.
        folder: The disk to measure; blocks get folders in it.
        rounds: How many blocks each saver has in a workload, unless the workload needs fewer.
        is_quick: Only try whether everything works: small counts, one round.
    """

    def __init__(self, kinds: Sequence[Kind], folder: Path, rounds: int, *, is_quick: bool = False) -> None:
        self.kinds = list(kinds)
        self.is_quick = is_quick
        self.results = Results()
        self._folder = folder
        self._rounds = 1 if is_quick else rounds
        self._blocks = 0

    def count(self, usual: int, quick: int) -> int:
        """Return a count: the usual one, or that of a quick run."""
        return quick if self.is_quick else usual

    def new_folder(self) -> Path:
        """Return a new, empty folder."""
        self._blocks += 1
        folder = self._folder / f"block-{self._blocks}"
        folder.mkdir(parents=True)
        return folder

    def blocks(
        self, wanted: Callable[[Kind], bool] = lambda kind: kind.is_sync, *, most_rounds: int = 100
    ) -> Iterator[tuple[Kind, Path]]:
        """Yield savers with a new folder each, in rotation over the rounds."""
        kinds = [kind for kind in self.kinds if wanted(kind)]
        for number in range(min(self._rounds, most_rounds)):
            at = number % len(kinds) if kinds else 0
            for kind in kinds[at:] + kinds[:at]:
                folder = self.new_folder()
                _set_aside_what_is_there()
                yield kind, folder

    def note(self, row: str, saver: str, samples: Sequence[float], unit: str = "s") -> None:
        """Add samples to a figure."""
        figures = self.results.rows.setdefault(row, {})
        before = figures[saver].samples if saver in figures else ()
        figures[saver] = Figure(unit, (*before, *samples))

    def note_exact(self, row: str, saver: str, count: float, unit: str) -> None:
        """Set an exact figure."""
        self.results.rows.setdefault(row, {})[saver] = Figure(unit, (count,))

    @contextmanager
    def workload(self, name: str) -> Iterator[None]:
        """Note how long a workload takes."""
        begun = time.perf_counter()
        yield
        self.results.seconds[name] = time.perf_counter() - begun


def _set_aside_what_is_there() -> None:
    """Keep Python's collector from going through what earlier blocks and imports have made, on the next block's time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def timed(work: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> float:
    """Return the seconds that a call takes; what it returns is thrown away afterwards."""
    begun = time.perf_counter()
    found = work(*args, **kwargs)
    seconds = time.perf_counter() - begun
    del found
    return seconds
