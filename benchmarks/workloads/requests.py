"""How many requests FileSaver makes of a far store: exact, counted at an fsspec filesystem in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from benchmarks.material import latest_of, message, messages, put, thread
from benchmarks.measuring import Bench
from benchmarks.savers import FILES
from langgraph_filesaver import FileSaver

__all__ = ["requests"]

_COUNTED = ("pipe_file", "cat_file", "info", "ls", "find", "rm_file", "exists", "ukey", "put_file", "get_file", "rm")


class CountedFileSystem(MemoryFileSystem):  # type: ignore[misc] # fsspec is not typed
    """A filesystem in memory that counts the outermost calls."""

    cachable = False
    store: dict[str, Any] = {}  # noqa: RUF012 of the class, as MemoryFileSystem has it; not that of all others
    pseudo_dirs = [""]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self._depth = 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in _COUNTED:
            return found

        def counted(*args: Any, **kwargs: Any) -> Any:
            if not self._depth:
                self.asked[name] += 1
            self._depth += 1
            try:
                return found(*args, **kwargs)
            finally:
                self._depth -= 1

        return counted


def requests(bench: Bench) -> None:
    """Note what each call asks for, after the first one of its kind."""
    filesystem = CountedFileSystem()
    saver = FileSaver(f"/benchmark-{id(filesystem)}", filesystem=filesystem)
    ten = messages(10)
    config, _ = put(saver, thread(), 0, {"messages": ten, "steps": 0})

    def note(row: str, work: Any) -> None:
        filesystem.asked.clear()
        work()
        bench.note_exact(f"requests of a far store: {row}", FILES, filesystem.asked.total(), "requests")

    note("put", lambda: put(saver, config, 1, {"messages": ten, "steps": 1}))
    note("put_writes", lambda: saver.put_writes(config, [("messages", [message(1)])], "task", "path"))
    latest = latest_of()
    found = saver.get_tuple(latest)
    assert found is not None
    note("latest, unchanged", lambda: saver.get_tuple(latest))
    note("by id", lambda: saver.get_tuple(found.config))
    note("list 10", lambda: list(saver.list(thread(), limit=10)))
