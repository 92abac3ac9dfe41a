"""What FileSaver has to reach, each as a ratio of two medians of one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.measuring import Results
from benchmarks.savers import FILES, FILES_NO_FSYNC, FLOOR, MEMORY, SQLITE, SQLITE_ASYNC

__all__ = ["TARGETS", "Outcome", "Target", "outcomes"]


class Target(NamedTuple):
    """One line of the table.

    Attributes:
        row: What is measured.
        limit: What to reach: a ratio, or seconds where `other` is None, or a count.
        saver: Whose figure.
        other: With whose figure it is compared.
        other_row: In which row that stands, where it is another one.
        is_least: More is better.
    """

    row: str
    limit: float
    saver: str = FILES
    other: str | None = SQLITE
    other_row: str | None = None
    is_least: bool = False

    @property
    def against(self) -> str:
        """Tell what it is compared with."""
        return "" if self.other is None else self.other if self.other_row is None else self.other_row


class Outcome(NamedTuple):
    """A target, and what was found.

    Attributes:
        target: The target.
        found: The ratio, the seconds or the count.
        is_reached: Whether it is within the limit.
    """

    target: Target
    found: float
    is_reached: bool


TARGETS = (
    Target("put", 1.1),
    Target("put_writes", 1.4),
    Target("put", 0.25, saver=FILES_NO_FSYNC),
    Target("put_writes", 0.35, saver=FILES_NO_FSYNC),
    Target("put", 1.3, other=FLOOR),
    Target("chat: a turn", 0.5),
    Target("chat: a turn", 1.1, other=MEMORY),
    Target("chat: a turn of the last 20", 0.4),
    Target("chat: a turn of the last 20", 1.0, other=MEMORY),
    Target("get latest, 400 messages", 0.6),
    Target("chat: list of all its checkpoints", 0.4),
    Target("2,000 messages appended", 0.15),
    Target("by id of 5,000 checkpoints", 3, other=FILES, other_row="by id of 10 checkpoints"),
    Target("latest of 5,000 checkpoints", 3, other=FILES, other_row="latest of 10 checkpoints"),
    Target("latest of 5,000 right after a put", 0.004, other=None),
    Target("fan-out of 100", 0.8),
    Target("8 processes", 2, is_least=True),
    Target("8 processes: failed turns", 0, other=None),
    Target("async chat: a turn", 0.5, other=SQLITE_ASYNC),
    Target("async chat: worst stall of the loop", 0.005, other=None),
    Target("import, beyond langgraph's own", 0.06, other=None),
)


def outcomes(results: Results) -> Iterator[Outcome]:
    """Yield what was found for each target of which the run has the figures."""
    for target in TARGETS:
        if target.other is None:
            figure = results.rows.get(target.row, {}).get(target.saver)
            found = None if figure is None else figure.median
        else:
            found = results.ratio(target.row, target.saver, target.other_row or target.row, target.other)
        if found is not None:
            is_reached = found >= target.limit if target.is_least else found <= target.limit
            yield Outcome(target, found, is_reached)
