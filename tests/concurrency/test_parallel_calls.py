"""What calls beside each other wait for: the name of a file, and nothing else of what another one does."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import LocalStore
from langgraph_filesaver._store.durability import NoFlush
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.others import elsewhere
from tests.stores import Home


class SlowDisk(NoFlush):
    """A disk that brings the first file that comes to `moment` to the platter when a test lets it."""

    def __init__(self, moment: str) -> None:
        self._moment = moment
        self._has_come = False
        self.is_flushing, self.go_on = threading.Event(), threading.Event()

    def before_name(self, descriptor: int) -> None:
        self._wait("before_name")

    def after_name(self, descriptor: int, folder: str) -> None:
        self._wait("after_name")

    def _wait(self, moment: str) -> None:
        if moment == self._moment and not self._has_come:
            self._has_come = True
            self.is_flushing.set()
            assert self.go_on.wait(60)


def beside_a_slow_one(saver: FileSaver, moment: str, first: Callable[[], Any], others: Callable[[], Any]) -> Any:
    """Do `others` while `first` waits for its flush, and return what they return."""
    store, disk = saver._repository.store, SlowDisk(moment)
    assert isinstance(store, LocalStore)
    store._chosen = disk
    slow = threading.Thread(target=contextvars.copy_context().run, args=(first,))
    slow.start()
    try:
        assert disk.is_flushing.wait(60)
        return others()
    finally:
        disk.go_on.set()
        slow.join(60)


@pytest.mark.parametrize("moment", ["before_name", "after_name"])
@pytest.mark.parametrize("on_conflict", ["fork", "raise"])
@pytest.mark.parametrize("is_owner", [True, False])
def test_put_writes_wait_for_nobody_elses_flush(
    local_home: Home, moment: str, on_conflict: Any, is_owner: bool
) -> None:
    """The writes of a fan-out are stored while those of one of its tasks are still on their way to the disk."""
    saver = local_home.saver(on_conflict=on_conflict, lock_timeout_seconds=1)
    put(saver, "1")

    def write(task: str) -> None:
        saver.put_writes(config_of("t", "", "1"), [("a", task)], task)

    def rest() -> None:
        for number in range(20):
            write(str(number))

    def fan_out() -> None:
        beside_a_slow_one(saver, moment, lambda: write("slow"), rest)

    write("begin")
    if is_owner:
        with saver.thread_lock("t"):
            fan_out()
    else:
        fan_out()
    found = saver.get_tuple(config_of())
    assert found is not None
    assert len(found.pending_writes or ()) == 22


@pytest.mark.parametrize("moment", ["before_name", "after_name"])
@pytest.mark.parametrize("on_conflict", ["fork", "raise"])
def test_others_wait_for_no_flush(local_home: Home, moment: str, on_conflict: Any) -> None:
    """While a put is still on its way to the disk, another one of the thread is stored, and another process gets the thread."""
    saver, other = local_home.saver(on_conflict=on_conflict), local_home.saver(lock_timeout_seconds=1)
    put(saver, "1")

    def act() -> Any:
        parent = "1" if moment == "before_name" else "2"
        stored = put(other, "3", parent=parent)
        with other.thread_lock("t"):
            put(other, "4", parent="3")
        return stored

    result = beside_a_slow_one(saver, moment, lambda: elsewhere(lambda: put(saver, "2", parent="1")), act)
    assert result["configurable"]["checkpoint_id"] == "3"
    expected = ["4", "3", "2", "1"] if moment == "after_name" or on_conflict == "fork" else ["4", "3", "1"]
    assert ids_of(saver, config_of()) == expected
