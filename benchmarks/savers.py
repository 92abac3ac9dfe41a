"""The savers that are measured side by side, each made as its own documentation makes it, with everything in one folder.

A saver whose package or server is missing is left out with the reason, never silently. PostgreSQL is measured where
`FILESAVER_BENCHMARK_POSTGRES` names one (`make bench-postgres` starts one and sets it).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from langgraph_filesaver import FileSaver

__all__ = [
    "FILES",
    "FILES_NO_FSYNC",
    "FLOOR",
    "KINDS",
    "MEMORY",
    "OBJECTS",
    "POSTGRES",
    "SQLITE",
    "SQLITE_ASYNC",
    "Kind",
    "Saver",
]

Saver = BaseCheckpointSaver[Any]

FILES = "FileSaver"
FILES_NO_FSYNC = "FileSaver, fsync=False"
MEMORY = "InMemorySaver"
SQLITE = "SqliteSaver"
SQLITE_ASYNC = "AsyncSqliteSaver"
OBJECTS = "ObjectStorageSaver"
POSTGRES = "PostgresSaver"
FLOOR = "floor of the disk"

_POSTGRES = "FILESAVER_BENCHMARK_POSTGRES"


@dataclass(frozen=True)
class Kind:
    """A saver to be measured.

    Attributes:
        name: What it is called in the tables.
        opened: Opens one in a folder, new or not, for a thread of this process.
        opened_async: The same for an event loop, or None where it has no async methods of its own.
        missing: Tells what is missing for it, or returns None.
        is_sync: Whether it is measured in the workloads that are not async. InMemorySaver is in all of them, also where it keeps
            nothing that counts: it stands for what the graph itself costs.
    """

    name: str
    opened: Callable[[Path], AbstractContextManager[Saver]]
    opened_async: Callable[[Path], AbstractAsyncContextManager[Saver]] | None = None
    missing: Callable[[], str | None] = lambda: None
    is_sync: bool = True


@contextmanager
def _memory(folder: Path) -> Iterator[Saver]:  # noqa: ARG001 one signature for all
    yield InMemorySaver()


def _files(folder: Path) -> AbstractContextManager[Saver]:
    return FileSaver(folder / "checkpoints")


def _files_no_fsync(folder: Path) -> AbstractContextManager[Saver]:
    return FileSaver(folder / "checkpoints", fsync=False)


def _sqlite(folder: Path) -> AbstractContextManager[Saver]:
    from langgraph.checkpoint.sqlite import SqliteSaver

    return SqliteSaver.from_conn_string(str(folder / "checkpoints.db"))


def _sqlite_async(folder: Path) -> AbstractAsyncContextManager[Saver]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    return AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db"))


@contextmanager
def _objects(folder: Path) -> Iterator[Saver]:
    from langgraph_checkpoint_objectstorage import ObjectStorageSaver

    yield ObjectStorageSaver.from_conn_string((folder / "checkpoints").absolute().as_uri())


@contextmanager
def _postgres(folder: Path) -> Iterator[Saver]:
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver

    is_new = not (folder / "set-up").exists()
    if is_new:  # a block begins with nothing, as in a new folder
        with psycopg.connect(os.environ[_POSTGRES], autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    with PostgresSaver.from_conn_string(os.environ[_POSTGRES]) as saver:
        if is_new:
            saver.setup()
            (folder / "set-up").touch()
        yield saver


def _in_async(
    opened: Callable[[Path], AbstractContextManager[Saver]],
) -> Callable[[Path], AbstractAsyncContextManager[Saver]]:
    @asynccontextmanager
    async def make(folder: Path) -> AsyncIterator[Saver]:
        with opened(folder) as saver:
            yield saver

    return make


def _needs(module: str, package: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        return None if found is not None else f"{package} is not installed"

    return missing


def _needs_postgres() -> str | None:
    missing = _needs("langgraph.checkpoint.postgres", "langgraph-checkpoint-postgres")()
    if missing is None and not os.environ.get(_POSTGRES):
        return f"{_POSTGRES} names no server: `make bench-postgres` starts one"
    return missing


KINDS = {
    kind.name: kind
    for kind in (
        Kind(SQLITE, _sqlite, missing=_needs("langgraph.checkpoint.sqlite", "langgraph-checkpoint-sqlite")),
        Kind(FILES, _files, _in_async(_files)),
        Kind(FILES_NO_FSYNC, _files_no_fsync, _in_async(_files_no_fsync)),
        Kind(MEMORY, _memory, _in_async(_memory)),
        Kind(
            OBJECTS,
            _objects,
            _in_async(_objects),
            missing=_needs("langgraph_checkpoint_objectstorage", "langgraph-checkpoint-objectstorage"),
        ),
        Kind(
            SQLITE_ASYNC,
            _sqlite,
            _sqlite_async,
            missing=_needs("langgraph.checkpoint.sqlite", "langgraph-checkpoint-sqlite"),
            is_sync=False,
        ),
        Kind(POSTGRES, _postgres, missing=_needs_postgres),
    )
}
"""All savers by their names; the first is what others are compared with."""
