"""In which order the files of a thread are written, read and removed: what a crash or another process finds in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from langgraph_filesaver import FileSaver
from langgraph_filesaver._store import Turn, no_turn
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.stores import Home, WatchedStore


@pytest.fixture
def store(home: Home) -> WatchedStore:
    return WatchedStore(home.store())


def once(act: Callable[[], object], when: Callable[[str], bool]) -> Callable[[str], None]:
    """Return a hook that does `act` the first time that `when` holds."""
    done: list[str] = []

    def hook(name: str) -> None:
        if not done and when(name):
            done.append(name)
            act()

    return hook


def remove(home: Home, checkpoint_id: str) -> None:
    """Remove a checkpoint and then its writes, as another process that prunes does."""
    store = home.store()
    store.delete([f"t/checkpoints/_root/{checkpoint_id}.json"])
    store.delete(key for key in home.files() if f".{checkpoint_id}." in key)


def test_the_threads_id_is_written_before_anything_else_of_the_thread(store: WatchedStore) -> None:
    """[O4] A thread whose folder's name is not its id gets thread.json first, for checkpoints and writes alike."""
    saver = FileSaver(store)
    put(saver, "1", thread_id="A")
    saver.put_writes(config_of("B", "", "1"), [("a", 1)], "task")
    saver.copy_thread("A", "C")
    for folder in {key.split("/")[0] for _, key in store.changes}:
        of_folder = [key for _, key in store.changes if key.startswith(f"{folder}/")]
        assert of_folder[0] == f"{folder}/thread.json"
        assert len(of_folder) == 2


def test_a_thread_that_is_deleted_while_it_is_written_to_keeps_its_id(home: Home, store: WatchedStore) -> None:
    """A put that meets delete_thread half way leaves a thread that still knows its id: its checkpoint is listed."""
    saver = FileSaver(store)
    put(saver, "1", thread_id="A")
    create = store.inner.create

    def delete_first(key: str, data: bytes, turn: Turn = no_turn) -> bool:
        if key.endswith("2.json"):
            home.saver().delete_thread("A")
        return create(key, data, turn)

    store.inner.create = delete_first  # type: ignore[method-assign]
    put(saver, "2", thread_id="A")
    store.inner.create = create  # type: ignore[method-assign]
    assert [each.config["configurable"]["thread_id"] for each in home.saver().list(None)] == ["A"]
    assert ids_of(home.saver(), config_of("A")) == ["2"]


@pytest.mark.parametrize("moment", ["before_list", "before_exists"])
def test_a_latest_that_goes_while_it_is_read_is_looked_for_again(home: Home, store: WatchedStore, moment: str) -> None:
    """[O7] Removed by another process between two steps of reading it, the latest gives way to the one before, whole."""
    saver = FileSaver(store)
    for number in (1, 2):
        put(saver, str(number), {"a": number})
        saver.put_writes(config_of("t", "", str(number)), [("a", number)], "task")
    where = "writes" if moment == "before_list" else "2.json"
    setattr(store, moment, once(lambda: remove(home, "2"), lambda name: where in name))
    found = saver.get_tuple(config_of())
    assert found is not None
    assert id_of(found.config) == "1"
    assert found.pending_writes == [("task", "a", 1)]


@pytest.mark.parametrize("moment", ["before_list", "before_exists"])
def test_a_checkpoint_is_never_returned_without_the_writes_it_had(home: Home, store: WatchedStore, moment: str) -> None:
    """[O7] Asked for by id, or listed, a checkpoint that goes while it is read is none: not one without writes."""
    saver = FileSaver(store)
    where = "writes" if moment == "before_list" else "2.json"
    reads: list[Callable[[], object]] = [
        lambda: saver.get_tuple(config_of("t", "", "2")),
        lambda: next(saver.list(config_of()), None),
    ]
    for read in reads:
        put(saver, "2")
        saver.put_writes(config_of("t", "", "2"), [("a", 1)], "task")
        setattr(store, moment, once(lambda: remove(home, "2"), lambda name: where in name))
        assert read() is None


def test_a_thread_that_changes_all_the_time_is_an_error_in_the_end(home: Home, store: WatchedStore) -> None:
    """Where every look at the latest finds it gone again, an error says so instead of a loop without end."""
    saver = FileSaver(store)

    def appear(folder: str) -> None:
        if folder.endswith("/_root"):
            put(home.saver(), "9")

    store.before_list = appear
    store.before_exists = lambda key: remove(home, "9")
    with pytest.raises(OSError, match="changes faster than it can be read"):
        saver.get_tuple(config_of())


def test_pruning_goes_from_parents_over_checkpoints_to_writes(store: WatchedStore) -> None:
    """[O8] First the kept checkpoint loses its parent, then checkpoints go, newest first, and only then their writes."""
    saver = FileSaver(store)
    for number in range(1, 5):
        put(saver, str(number), parent=str(number - 1) if number > 1 else None)
        saver.put_writes(config_of("t", "", str(number)), [("a", 1)], "task")
    store.changes.clear()
    saver.prune(["t"])
    steps = [(verb, key.rpartition("/")[2].removesuffix(".json")) for verb, key in store.changes]
    assert steps[:4] == [("replace", "4"), ("delete", "3"), ("delete", "2"), ("delete", "1")]
    assert sorted(steps[4:]) == [("delete", f"_root.{number}.task.0") for number in (1, 2, 3)]


def test_copying_brings_writes_by_number_then_checkpoints_oldest_first(store: WatchedStore) -> None:
    """[O10] A copy makes the thread's id, then the writes in the order of their numbers, then the oldest checkpoint first."""
    saver = FileSaver(store)
    for number in range(1, 4):
        put(saver, str(number), parent=str(number - 1))
    for number in range(11):
        saver.put_writes(config_of("t", "", "2"), [("__resume__", number)], "task")
    store.changes.clear()
    saver.copy_thread("t", "Target")
    names = [key.rpartition("/")[2].removesuffix(".json") for _, key in store.changes]
    assert names == ["thread", *(f"_root.2.task.{number}" for number in range(11)), "1", "2", "3"]
    assert {verb for verb, _ in store.changes} == {"create"}


def test_what_the_target_of_a_copy_has_it_keeps(home: Home) -> None:
    """[O10] Copying onto a thread that has some of the ids adds what is missing and changes nothing; twice is as once."""
    saver = home.saver()
    for number in (1, 2):
        put(saver, str(number), {"a": "source"})
    put(saver, "2", {"a": "target"}, thread_id="u")
    put(saver, "3", {"a": "target"}, thread_id="u")
    for _ in range(2):
        saver.copy_thread("t", "u")
        found = {id_of(each.config): each.checkpoint["channel_values"]["a"] for each in saver.list(config_of("u"))}
        assert found == {"3": "target", "2": "target", "1": "source"}
    saver.copy_thread("u", "u")
    assert ids_of(saver, config_of("u")) == ["3", "2", "1"]
    assert ids_of(saver, config_of("t")) == ["2", "1"]
