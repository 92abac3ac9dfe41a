"""On a server that ignores conditions one writer works; whoever must be alone is refused, and told why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from langgraph.types import Command

from langgraph_filesaver import FileSaver, StorageError
from langgraph_filesaver._repository import MARKER
from langgraph_filesaver._store.remote import open_remote
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import CONFIG, asking
from tests.remote.homes import RemoteHome
from tests.servers.server import Server


def test_the_probe_finds_the_liar_out(liar: Server) -> None:
    """Conditions are taken and ignored: the store says that it has neither exclusive creation nor compare-and-swap."""
    store = RemoteHome(liar).store()
    assert not store.properties.exclusive_create
    assert not store.properties.compare_and_swap
    assert store.properties.durable
    assert store.list(".tmp") == ()


def test_one_writer_keeps_all_there(liar: Server) -> None:
    """Put, put again, writes, list, copy and delete do on the liar what they do elsewhere."""
    home = RemoteHome(liar)
    saver = home.saver()
    put(saver, "1", {"a": "x" * 100_000})
    put(saver, "2", {"a": 2}, parent="1")
    put(saver, "2", {"a": 3}, parent="1")
    for _ in range(2):
        saver.put_writes(config_of("t", "", "2"), [("a", 1), ("__interrupt__", 2)], "task")
    again = home.saver()
    assert ids_of(again, config_of()) == ["2", "1"]
    found = again.get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": 3}
    assert sorted(found.pending_writes or ()) == [("task", "__interrupt__", 2), ("task", "a", 1)]
    assert len([key for key in home.files() if "/writes/" in key]) == 1
    again.copy_thread("t", "copy")
    saver.delete_thread("t")
    assert ids_of(again, config_of("copy")) == ["2", "1"]
    assert ids_of(again, config_of()) == []


def test_a_graph_waits_for_a_person_there(liar: Server) -> None:
    """A run that is interrupted goes on in a new process's saver with the answer."""
    home = RemoteHome(liar)
    assert "__interrupt__" in asking(home.saver()).invoke({"count": 1}, CONFIG)
    assert asking(home.saver()).invoke(Command(resume=41), CONFIG)["count"] == 42


def _lock(home: RemoteHome) -> None:
    with home.saver().thread_lock("t"):
        pytest.fail("a lease was given")


def _exclusive(home: RemoteHome) -> None:
    saver = home.saver()
    saver.exclusive(asking(saver)).invoke({"count": 1}, CONFIG)


def _raising(home: RemoteHome) -> None:
    put(home.saver(on_conflict="raise"), "2", parent="1")


@pytest.mark.parametrize("alone", [_lock, _exclusive, _raising])
def test_whoever_must_be_alone_is_refused_there(alone: Callable[[RemoteHome], None], liar: Server) -> None:
    """thread_lock, exclusive and on_conflict="raise" raise StorageError, which says why and what to do, and store nothing."""
    home = RemoteHome(liar)
    put(home.saver(), "1")
    before = home.files()
    with pytest.raises(StorageError, match="does not keep conditional writes") as refused:
        alone(home)
    assert "use a store that does" in str(refused.value) or "need a store that does" in str(refused.value)
    assert home.url in str(refused.value)
    assert home.files() == before


def test_a_filesystem_that_looks_and_then_writes_is_not_believed(tmp_path: Path) -> None:
    """The local files of fsspec refuse a second creation, and so would pass the probe: but of two at the same moment, both may win."""
    filesystem = fsspec.get_filesystem_class("file")(auto_mkdir=True, skip_instance_cache=True)
    store = open_remote(str(tmp_path / "root"), None, filesystem, MARKER)
    assert store.create("k", b"1")
    assert not store.create("k", b"2")
    assert not store.properties.exclusive_create
    put(FileSaver(store), "1")
    assert ids_of(FileSaver(store), config_of()) == ["1"]
