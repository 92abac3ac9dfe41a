"""Where a thread stands, from its files alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph_filesaver._calls import PendingWrite
from langgraph_filesaver._documents import CheckpointDocument

Status = Literal["running", "interrupted", "failed", "pending", "done", "unknown"]


@dataclass(frozen=True, slots=True)
class Interruption:
    id: str | None
    node: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    node: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    next: tuple[str, ...] | None
    finished: tuple[str, ...]
    interruptions: tuple[Interruption, ...]
    failures: tuple[Failure, ...]


def progress_of(document: CheckpointDocument, writes: Sequence[PendingWrite], plain: Callable[[Any], Any]) -> Progress:
    return Progress(None, (), (), ())


def status_of(progress: Progress, *, is_running: bool) -> Status:
    if is_running:
        return "running"
    if progress.interruptions:
        return "interrupted"
    if progress.failures:
        return "failed"
    if progress.next:
        return "pending"
    return "unknown" if progress.next is None else "done"


def node_of(task_path: str) -> str | None:
    """Return the node of a task, where its path tells: a pulled one does, a pushed one (Send) does not."""
    kind, _, name = task_path.partition(", ")
    return name if kind == "~__pregel_pull" and name else None
