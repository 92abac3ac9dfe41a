"""A driver that notes each request, in the order in which they were begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import fsspec

from langgraph_filesaver import FileSaver
from langgraph_filesaver._layout import is_artifact_key
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store import Versioned
from langgraph_filesaver._store.remote import RemoteStore
from langgraph_filesaver._store.remote.driver import Condition, Driver, Head, Item
from langgraph_filesaver._store.remote.generic import MemoryDriver

__all__ = ["CountedDriver", "counted_saver"]

T = TypeVar("T")


class CountedDriver(Driver):
    """Passes requests on to another driver.

    Attributes:
        requests: (verb, path) of each, in the order in which they were begun.
    """

    def __init__(self, inner: Driver) -> None:
        super().__init__(inner.fs)
        self._inner = inner
        self.can_swap = inner.can_swap
        self.requests: list[tuple[str, str]] = []

    def _note(self, verb: str, path: str, request: Callable[[], T]) -> T:
        self.requests.append((verb, path))
        return request()

    def get(self, path: str) -> Versioned | None:
        return self._note("GET", path, lambda: self._inner.get(path))

    def get_range(self, path: str, start: int, end: int) -> bytes | None:
        return self._note("GET", path, lambda: self._inner.get_range(path, start, end))

    def head(self, path: str) -> Head | None:
        return self._note("HEAD", path, lambda: self._inner.head(path))

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        return self._note("PUT", path, lambda: self._inner.put(path, data, condition))

    def upload(self, path: str, local_path: str) -> None:
        return self._note("PUT", path, lambda: self._inner.upload(path, local_path))

    def copy(self, source: str, target: str) -> bool:
        return self._note("COPY", target, lambda: self._inner.copy(source, target))

    def delete(self, paths: Sequence[str]) -> None:
        return self._note("DELETE", paths[0], lambda: self._inner.delete(paths))

    def scan(self, folder: str, *, deep: bool) -> list[Item]:
        return self._note("LIST", folder, lambda: self._inner.scan(folder, deep=deep))


def counted_saver(url: str, **options: Any) -> tuple[FileSaver, CountedDriver]:
    """Open a place in the memory of this process as another machine would, and count."""
    filesystem = fsspec.filesystem("memory", skip_instance_cache=True)
    driver = CountedDriver(MemoryDriver(filesystem))
    root = url.partition("://")[2]
    store = RemoteStore(driver, f"/{root}", url=url, marker=MARKER, is_immutable=is_artifact_key)
    return FileSaver(store, **options), driver
