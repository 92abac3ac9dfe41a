"""A folder with something in it, and the calls that a broken disk refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, put

__all__ = [
    "CHANGING",
    "LARGE",
    "WRITING",
    "big_put",
    "big_put_writes",
    "big_replacement",
    "delete",
    "failing",
    "filled",
    "shown",
    "staged",
]

LARGE = {"text": "what was known " * 20_000}  # more than the small disk has left


def filled(root: Path) -> FileSaver:
    """Return a saver with two checkpoints and a write."""
    saver = FileSaver(root)
    put(saver, "c0", {"n": 0})
    put(saver, "c1", {"n": 1}, parent="c0", step=1)
    saver.put_writes(config_of("t", "", "c1"), [("n", "pending")], "task-1")
    return saver


def shown(root: Path) -> list[Any]:
    return list(FileSaver(root).list(None))


def staged(root: Path) -> list[str]:
    return os.listdir(root / ".tmp")


def big_put(saver: FileSaver) -> Any:
    return put(saver, "c2", LARGE, parent="c1", step=2)


def big_replacement(saver: FileSaver) -> Any:
    return put(saver, "c1", LARGE, parent="c0", step=1)


def big_put_writes(saver: FileSaver) -> Any:
    return saver.put_writes(config_of("t", "", "c1"), [("text", LARGE)], "task-2")


def delete(saver: FileSaver) -> Any:
    return saver.delete_thread("t")


def prune(saver: FileSaver) -> Any:
    return saver.prune(["t"])


WRITING: list[Callable[[FileSaver], Any]] = [big_put, big_replacement, big_put_writes]
CHANGING = [*WRITING, delete, prune]


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail
