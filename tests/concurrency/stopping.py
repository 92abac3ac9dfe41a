"""A saver that is stopped on the way of a file to its name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import Turn, no_turn

__all__ = ["before_last_look", "between_look_and_name"]


@contextlib.contextmanager
def between_look_and_name(
    saver: FileSaver, work: Callable[[], Any], afterwards: Callable[[], Any] = lambda: None
) -> Iterator[None]:
    """Let `work` happen when the saver's next file has had its last look and has no name yet, and `afterwards` with the name."""
    store: Any = saver._repository.store
    create = store.create

    def stopped(key: str, data: bytes, turn: Turn = no_turn) -> bool:
        store.create = create

        @contextlib.contextmanager
        def later() -> Iterator[None]:
            with turn():
                work()
                yield
                afterwards()

        return bool(create(key, data, later))

    store.create = stopped
    try:
        yield
    finally:
        store.create = create


@contextlib.contextmanager
def before_last_look(saver: FileSaver, work: Callable[[], Any]) -> Iterator[None]:
    """Let `work` happen when the saver's next file is made and has had its first look, and not yet its last one."""
    store: Any = saver._repository.store
    create = store.create

    def stopped(key: str, data: bytes, turn: Turn = no_turn) -> bool:
        store.create = create
        work()
        return bool(create(key, data, turn))

    store.create = stopped
    try:
        yield
    finally:
        store.create = create
