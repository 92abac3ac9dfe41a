"""A backend whose listings lag behind: what holds meanwhile, and that nothing is lost when they catch up.

No backend that we know does so today (S3 did until 2020); the probe refuses one that it catches. Meanwhile holds: what is
asked for by its id is found; whoever asks for the latest may get an older checkpoint, and writes whose listing lags are not
seen, so that a node may run again; on_conflict="raise" still lets nobody bury what they were not shown.
"""

from __future__ import annotations

from typing import Any

import fsspec
import pytest

from langgraph_filesaver import ConflictError, FileSaver
from langgraph_filesaver._layout import is_artifact_key
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store.remote import RemoteStore
from langgraph_filesaver._store.remote.driver import Item
from langgraph_filesaver._store.remote.generic import MemoryDriver
from langgraph_filesaver.errors import StorageError
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import counting


class LaggingDriver(MemoryDriver):
    """Lists objects only when newer ones have come, or when it has caught up.

    Attributes:
        hidden: How many of the newest objects no listing shows.
    """

    hidden = 0

    def scan(self, folder: str, *, deep: bool) -> list[Item]:
        """List the folder without the newest objects."""
        every = sorted(self.fs.store, key=lambda path: self.fs.store[path].modified)
        lagging = {path.lstrip("/") for path in every[len(every) - self.hidden :]} if self.hidden else set()
        prefix = folder.lstrip("/")
        listed = super().scan(folder, deep=deep)
        shown = [each for each in listed if each.is_folder or f"{prefix}/{each.path}" not in lagging]
        return [each for each in shown if not each.is_folder or self._shows(f"{prefix}/{each.path}/", lagging)]

    def _shows(self, prefix: str, lagging: set[str]) -> bool:
        return any(path.lstrip("/").startswith(prefix) for path in self.fs.store if path.lstrip("/") not in lagging)


@pytest.fixture
def driver() -> LaggingDriver:
    fs = fsspec.filesystem("memory", skip_instance_cache=True)
    fs.store, fs.pseudo_dirs = {}, [""]  # of its own, not the one that the process shares
    return LaggingDriver(fs)


def _saver(driver: LaggingDriver, **options: Any) -> FileSaver:
    store = RemoteStore(driver, "/root", url="memory://root", marker=MARKER, is_immutable=is_artifact_key)
    if driver.hidden == 0:
        assert store.properties.exclusive_create  # it was tried when it did not lag
    return FileSaver(store, **options)


def test_nothing_acknowledged_is_lost_when_listings_catch_up(driver: LaggingDriver) -> None:
    """Whoever was shown an old state made a fork: when the listing has caught up, both branches are there, with their writes."""
    writer, other = _saver(driver), _saver(driver)
    put(writer, "1", {"a": 1})
    put(writer, "2", {"a": 2}, parent="1")
    writer.put_writes(config_of("t", "", "2"), [("a", 5)], "task")
    driver.hidden = 2
    latest = other.get_tuple(config_of())
    assert latest is not None
    assert latest.checkpoint["id"] == "1"
    found = other.get_tuple(config_of("t", "", "2"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": 2}
    put(other, "3", {"a": 3}, parent="1")
    other.put_writes(config_of("t", "", "2"), [("a", 5)], "task")  # seen by its name, and not stored again
    driver.hidden = 0
    again = _saver(driver)
    assert ids_of(again, config_of()) == ["3", "2", "1"]
    found = again.get_tuple(config_of("t", "", "2"))
    assert found is not None
    assert found.pending_writes == [("task", "a", 5)]


def test_a_lagging_listing_buries_nothing_where_conflicts_are_to_be_told(driver: LaggingDriver) -> None:
    """With on_conflict="raise", who goes on from a state that was the latest only to the listing is refused."""
    writer, other = _saver(driver, on_conflict="raise"), _saver(driver, on_conflict="raise")
    put(writer, "1")
    put(writer, "2", parent="1")
    driver.hidden = 1
    assert ids_of(other, config_of()) == ["1"]
    with pytest.raises(ConflictError, match="comes checkpoint 2 by now"):
        put(other, "3", parent="1")
    driver.hidden = 0
    assert ids_of(other, config_of()) == ["2", "1"]


def test_a_graph_on_a_lagging_listing_stores_all_it_did(driver: LaggingDriver) -> None:
    """Runs that begin while the listing lags leave every checkpoint they were told is stored, readable, once it has caught up."""
    stored: set[str | None] = set()
    for hidden in (0, 3, 1, 0):
        driver.hidden = 0
        saver = _saver(driver)
        saver.get_tuple(config_of())
        driver.hidden = hidden
        counting(saver).invoke({"count": 1}, config_of(), durability="sync")
        driver.hidden = 0
        now = set(ids_of(_saver(driver), config_of()))
        assert now > stored
        stored = now
    assert len(stored) == 4 * 4


def test_the_probe_refuses_a_backend_that_it_sees_lagging(driver: LaggingDriver) -> None:
    """A backend that does not list what was just written is told at the first write, before anything depends on it."""
    driver.hidden = 1
    with pytest.raises(StorageError, match="does not list what was just written"):
        put(_saver(driver), "1")
