"""`with_allowlist` clones: one store, one set of locks and threads, each with a serde of its own (P10)."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import threading
from typing import Any

import pytest

from langgraph_filesaver import FileSaver, JsonSerializer, LockTimeoutError
from tests.checkpoints import config_of, put
from tests.stores import Home


@dataclasses.dataclass
class Point:
    x: int


class Colour(enum.Enum):
    RED = "red"


def strict_saver(home: Home, **options: Any) -> FileSaver:
    """Return a saver that revives no type of a user unless it is allowed, as LangGraph's strict mode does."""
    return home.saver(serde=JsonSerializer(allowed_msgpack_modules=None), **options)


def value_seen_by(saver: Any) -> Any:
    found = saver.get_tuple(config_of())
    assert found is not None
    return found.checkpoint["channel_values"]["a"]


def test_a_clone_revives_what_its_allowlist_names_and_the_original_does_not(home: Home) -> None:
    """The clone's reading uses the clone's serde, also where the original has read the same file before, and after."""
    saver = strict_saver(home)
    put(saver, "1", {"a": Point(1)})
    put(saver, "2", {"a": Point(2)})
    clone = saver.with_allowlist([(__name__, "Point")])
    assert clone is not saver
    for _ in range(2):
        assert type(value_seen_by(saver)) is not Point
        assert value_seen_by(clone) == Point(2)
        assert [each.checkpoint["channel_values"]["a"] for each in clone.list(None)] == [Point(2), Point(1)]
    assert clone.get_delta_channel_history(config=config_of(), channels=["a"])["a"] == {"writes": []}


def test_a_clone_of_a_clone_and_writes_follow_the_same_rule(home: Home) -> None:
    """Pending writes are revived by the serde of whoever reads; a second clone adds to the first one's allowlist."""
    saver = strict_saver(home)
    put(saver, "1", {"a": 1})
    saver.put_writes(config_of("t", "", "1"), [("a", Point(1)), ("b", Colour.RED)], "task")
    one = saver.with_allowlist([(__name__, "Point")])
    two = one.with_allowlist([(__name__, "Colour")])

    def written(reader: Any) -> list[Any]:
        return [value for _, _, value in reader.get_tuple(config_of()).pending_writes]

    assert written(two) == [Point(1), Colour.RED]
    assert written(one)[0] == Point(1)
    assert written(one)[1] is not Colour.RED
    assert type(written(saver)[0]) is not Point


async def test_the_async_twins_of_a_clone_use_its_serde(home: Home) -> None:
    """Run on the shared pool, at the same time, a clone's and the original's calls each use their own serde."""
    saver = strict_saver(home)
    put(saver, "1", {"a": Point(1)})
    clone = saver.with_allowlist([(__name__, "Point")])
    found = await asyncio.gather(*(each.aget_tuple(config_of()) for each in (saver, clone) * 20))
    kinds = [type(each.checkpoint["channel_values"]["a"]) is Point for each in found if each]
    assert kinds == [False, True] * 20


def test_a_clone_writes_what_the_original_reads(home: Home) -> None:
    """Both work on the same store: a checkpoint put by one is the other's latest at once."""
    saver = strict_saver(home)
    clone = saver.with_allowlist([(__name__, "Point")])
    assert isinstance(clone, FileSaver)
    for number in range(2, 20):
        put((saver, clone)[number % 2], f"{number:02}", {"a": number})
        assert value_seen_by(saver) == value_seen_by(clone) == number


def test_a_clone_shares_the_opened_root_the_locks_and_the_pool(home: Home) -> None:
    """A clone opens nothing anew: repository, locks, caches and thread pool are the original's."""
    saver = strict_saver(home)
    clone: Any = saver.with_allowlist([(__name__, "Point")])
    assert clone._repository is saver._repository
    assert clone._repository.locks is saver._repository.locks
    assert clone._twins is saver._twins
    assert clone._rule is saver._rule


async def test_a_clone_made_before_the_root_was_opened_shares_it_all_the_same(home: Home) -> None:
    """On an event loop the root is opened by the first call; original and clone still have one repository."""
    saver = strict_saver(home)
    clone: Any = saver.with_allowlist([(__name__, "Point")])
    await clone.aget_tuple(config_of())
    await saver.aget_tuple(config_of())
    assert await asyncio.to_thread(lambda: clone._repository is saver._repository)


def test_a_lock_held_by_a_clone_keeps_the_original_out(home: Home) -> None:
    """Maintenance on a thread that a clone is changing waits for it, and gives up after the same timeout."""
    saver = strict_saver(home, lock_timeout_seconds=0.05)
    clone: Any = saver.with_allowlist([(__name__, "Point")])
    put(saver, "1")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with clone._repository.locks.hold("t"):
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    try:
        with pytest.raises(LockTimeoutError, match="'t'"):
            saver.delete_thread("t")
    finally:
        done.set()
        holder.join()
    saver.delete_thread("t")
    assert list(saver.list(None)) == []


def test_a_serde_put_in_later_counts_at_once(home: Home) -> None:
    """`saver.serde` is read at each call, so nothing inside has kept the serde that the saver was made with."""
    saver = strict_saver(home)
    put(saver, "1", {"a": Point(1)})
    assert type(value_seen_by(saver)) is not Point
    saver.serde = JsonSerializer()
    assert value_seen_by(saver) == Point(1)
