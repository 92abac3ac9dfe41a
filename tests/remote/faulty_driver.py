"""A driver whose backend fails as object stores do: answers that get lost, conditions that are ignored, requests turned away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import fsspec

from langgraph_filesaver import FileSaver
from langgraph_filesaver._layout import is_artifact_key
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store.remote import RemoteStore
from langgraph_filesaver._store.remote.driver import Condition, TransientError
from langgraph_filesaver._store.remote.generic import MemoryDriver
from langgraph_filesaver._store.remote.requests import Requests

__all__ = ["FaultyDriver", "faulty_saver", "faulty_store"]


class FaultyDriver(MemoryDriver):
    """The memory of this process, with faults that a test switches on.

    Attributes:
        lost_answers: How many of the next puts are done, and the answer gets lost.
        turned_away: How many of the next puts are not done.
        when: Which paths the faults concern.
        is_down: Whether no request is answered.
        ignores_conditions: Whether every put is done, whatever its condition.
        deleted: The paths that were deleted, in the order of the requests.
        before_put: Called with the path before each put.
    """

    def __init__(self) -> None:
        super().__init__(fsspec.filesystem("memory", skip_instance_cache=True))
        self.lost_answers = 0
        self.turned_away = 0
        self.when: Callable[[str], bool] = lambda path: True
        self.is_down = False
        self.ignores_conditions = False
        self.deleted: list[list[str]] = []
        self.before_put: Callable[[str], Any] = lambda path: None

    def _call(self, verb: str, *args: Any, size: int = 0, **options: Any) -> Any:
        if self.is_down:
            raise TransientError("connection refused")
        return super()._call(verb, *args, size=size, **options)

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        self.before_put(path)
        concerns = self.when(path)
        if self.turned_away and concerns:
            self.turned_away -= 1
            raise TransientError("503 SlowDown")
        version = super().put(path, data, Condition() if self.ignores_conditions else condition)
        if self.lost_answers and concerns:
            self.lost_answers -= 1
            raise TransientError("the connection was closed")
        return version

    def delete(self, paths: Sequence[str]) -> None:
        self.deleted.append(list(paths))
        super().delete(paths)


def faulty_store(url: str, retry_seconds: float = 5.0) -> tuple[RemoteStore, FaultyDriver]:
    """Open a place in the memory of this process whose backend can fail."""
    driver = FaultyDriver()
    root = f"/{url.partition('://')[2]}"
    requests = Requests(retry_seconds)
    store = RemoteStore(driver, root, url=url, marker=MARKER, is_immutable=is_artifact_key, requests=requests)
    return store, driver


def faulty_saver(url: str, retry_seconds: float = 5.0, **options: Any) -> tuple[FileSaver, FaultyDriver]:
    """The same, with a saver."""
    store, driver = faulty_store(url, retry_seconds)
    return FileSaver(store, **options), driver
