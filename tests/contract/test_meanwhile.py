"""What other processes do between two steps of a call: nobody is shown, or told, what is not so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.types import INTERRUPT, RESUME

from langgraph_filesaver import ConflictError, CorruptDataError, FileSaver
from langgraph_filesaver._store import LocalStore, Marker
from langgraph_filesaver._store.listings import Listings
from langgraph_filesaver.errors import StorageError
from tests.stores import Home, WatchedStore

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


def put(saver: FileSaver, config: RunnableConfig, state: dict[str, Any], **metadata: Any) -> RunnableConfig:
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"], checkpoint["channel_versions"] = state, {"log": 1}
    return saver.put(config, checkpoint, {"source": "loop", **metadata}, {})  # type: ignore[typeddict-item]


def chain(saver: FileSaver) -> list[RunnableConfig]:
    """Put a chain in which `log` is stored in the first and the last checkpoint, and written in between."""
    configs, config = [], CONFIG
    for number in range(5):
        state = {"log": ["seed"]} if number in {0, 4} else {}
        counters = {} if state else {"counters_since_delta_snapshot": {"log": [number, number]}}
        config = put(saver, config, state, step=number, **counters)
        if number < 4:
            saver.put_writes(config, [("log", f"w{number}")], f"task-{number}")
        configs.append(config)
    return configs


def test_a_history_whose_checkpoint_goes_meanwhile_is_no_empty_history(home: Home) -> None:
    """[O7] A prune during the walk is told as a ConflictError: an empty history would rebuild an empty channel."""
    configs = chain(home.saver())
    store = WatchedStore(home.store())
    pruned: list[None] = []

    def prune(folder: str) -> None:
        if "/writes/" in folder and not pruned:
            pruned.append(None)
            home.saver().prune(["t"])

    store.before_list = prune
    with pytest.raises(ConflictError, match="removed while its history was read"):
        FileSaver(store).get_delta_channel_history(config=configs[3], channels=["log"])
    assert pruned


def test_the_latest_history_is_read_again_when_it_goes_meanwhile(home: Home) -> None:
    """[O7] Without an id the walk begins anew at what is the latest then."""
    chain(home.saver())
    store = WatchedStore(home.store())
    deleted: list[None] = []

    def delete(key: str) -> None:
        if not deleted:
            deleted.append(None)
            home.saver().delete_thread("t")

    reading = FileSaver(store)
    store.before_exists = delete
    assert reading.get_delta_channel_history(config=CONFIG, channels=["log"]) == {"log": {"writes": []}}


def test_a_copy_puts_called_graphs_before_those_that_call_them(home: Home) -> None:
    """[O10] The root's head comes last: whoever finds it finds the subgraph state that it resumes."""
    saver = home.saver()
    root = put(saver, CONFIG, {})
    called: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": "node:1"}}
    put(saver, called, {}, parents={"": root["configurable"]["checkpoint_id"]})
    store = WatchedStore(home.store())
    FileSaver(store).copy_thread("t", "u")
    checkpoints = [key for _, key in store.changes if "/checkpoints/" in key]
    assert len(checkpoints) == 2
    assert "/_root/" in checkpoints[-1]


def test_a_repeated_call_makes_durable_what_another_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O2] Writes and deletions found done already are flushed before they are acknowledged once more."""
    saver = FileSaver(tmp_path / "root")
    config = put(saver, CONFIG, {})
    saver.put_writes(config, [("log", 1)], "task")
    flushed: list[int] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        flushed.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    again = FileSaver(tmp_path / "root")
    again.put_writes(config, [("log", 1)], "task")
    assert flushed, "put_writes"
    again.delete_thread("t")
    flushed.clear()
    again.delete_thread("t")
    assert flushed, "delete_thread"
    flushed.clear()
    again._repository.store.delete(["t/checkpoints/_root/gone.json"])
    assert flushed, "delete"


def test_a_failed_flush_removes_only_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O12] What somebody else put in place of the file meanwhile was acknowledged to them, and stays."""
    store = LocalStore(str(tmp_path / "root"), marker=Marker("marker.json", b"{}"))
    store.create("t/first.json", b"first")
    durability = store._durability()

    def fail(descriptor: int, folder: str) -> None:
        (tmp_path / "other").write_bytes(b"theirs")
        (tmp_path / "other").replace(tmp_path / "root" / "t" / "new.json")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durability, "after_name", fail)
    with pytest.raises(StorageError):
        store.create("t/new.json", b"ours")
    assert store.read("t/new.json") == b"theirs"


def test_a_listing_is_not_kept_within_a_second_where_times_are_whole_seconds(tmp_path: Path) -> None:
    """[O6] On a file system that tells whole seconds, a name that comes in the same second is seen."""
    folder = tmp_path / "folder"
    folder.mkdir()
    listings = Listings()
    now = os.stat(folder).st_mtime_ns // 1_000_000_000

    class Whole:
        def __init__(self, status: os.stat_result) -> None:
            self.st_dev, self.st_ino = status.st_dev, status.st_ino
            self.st_mtime_ns = self.st_ctime_ns = now * 1_000_000_000

    with pytest.MonkeyPatch.context() as patch:
        stat = os.stat
        patch.setattr("langgraph_filesaver._store.listings.os.stat", lambda path: Whole(stat(path)))
        patch.setattr("langgraph_filesaver._store.listings.time.time_ns", lambda: now * 1_000_000_000 + 900_000_000)
        assert listings.names(str(folder)) == ()
        (folder / "came.json").touch()
        assert listings.names(str(folder)) == ("came.json",)


def test_values_that_python_calls_equal_are_other_values(home: Home) -> None:
    """[W4] After 1, True and 1.0 are new answers: the last special write counts, of its type."""
    config = put(home.saver(), CONFIG, {})
    for answer in (1, True, 1.0):
        home.saver().put_writes(config, [(RESUME, [answer])], "task")
        found = home.saver().get_tuple(config)
        assert found is not None
        assert [repr(value) for _, _, value in found.pending_writes or ()] == [repr([answer])]


def test_a_checkpoint_with_an_odd_key_can_be_read(home: Home) -> None:
    """[C4] A key of LangGraph's checkpoint that looks like a tag is stored and comes back."""
    checkpoint: Any = {**empty_checkpoint(), "$odd": 1}
    found = home.saver().get_tuple(home.saver().put(CONFIG, checkpoint, {}, {}))
    assert found is not None
    assert found.checkpoint == checkpoint
    home.saver().prune(["t"])


def test_none_as_namespace_is_the_root(home: Home) -> None:
    """`checkpoint_ns: None` in a config names the root namespace, as an absent one does."""
    unnamed: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": None}}
    put(home.saver(), unnamed, {"log": ["here"]})
    found = home.saver().get_tuple(unnamed)
    assert found is not None
    assert found.checkpoint["channel_values"] == {"log": ["here"]}


def test_a_removed_run_leaves_the_question_of_another(home: Home) -> None:
    """A run that answered one question of a removed run and asked the next one can still be answered."""
    saver = home.saver()
    config = put(saver, CONFIG, {}, run_id="first")
    saver.put_writes({**config, "metadata": {"run_id": "first"}}, [(INTERRUPT, "q1")], "task")
    saver.put_writes({**config, "metadata": {"run_id": "second"}}, [(INTERRUPT, "q2")], "task")
    saver.delete_for_runs(["first"])
    found = home.saver().get_tuple(CONFIG)
    assert found is not None
    assert [value for _, _, value in found.pending_writes or ()] == ["q2"]


def test_a_number_stays_taken_where_another_run_wrote_after(home: Home) -> None:
    """[W6] Also of writes that came before their checkpoint: a later answer must not be folded before an earlier one."""
    early: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "early"}}
    saver = home.saver()
    saver.put_writes({**early, "metadata": {"run_id": "first"}}, [(RESUME, "a")], "task")
    saver.put_writes({**early, "metadata": {"run_id": "second"}}, [(RESUME, "b")], "task")
    saver.delete_for_runs(["first"])
    saver.put_writes({**early, "metadata": {"run_id": "third"}}, [(RESUME, "c")], "task")
    checkpoint = empty_checkpoint()
    checkpoint["id"] = "early"
    saver.put(CONFIG, checkpoint, {}, {})
    found = home.saver().get_tuple(early)
    assert found is not None
    assert [value for _, _, value in found.pending_writes or ()] == ["c"]


def test_parents_that_are_none_are_told_with_their_file(local_home: Home) -> None:
    """[D4] A hand edit of `metadata.parents` that is no object stops a prune with the file's name."""
    put(local_home.saver(), CONFIG, {}, parents={})
    (file,) = local_home.root.glob("t/checkpoints/_root/*.json")
    file.write_text(file.read_text(encoding="utf-8").replace('"parents": {}', '"parents": [1]'), encoding="utf-8")
    with pytest.raises(CorruptDataError, match="parents") as error:
        local_home.saver().prune(["t"])
    assert error.value.path == str(file)


def test_a_deletion_makes_no_folder_that_others_can_read(tmp_path: Path) -> None:
    """[S3] Also a call that only needs a lock makes the root for its owner alone."""
    FileSaver(tmp_path / "root").delete_thread("t")
    assert (tmp_path / "root").stat().st_mode & 0o077 == 0


def test_a_folder_that_becomes_ours_while_it_is_opened_is_ours(local_home: Home) -> None:
    """[O3] Another process makes the root and its first thread between the look for the marker and the listing."""
    store = WatchedStore(local_home.store())
    made: list[None] = []

    def make(folder: str) -> None:
        if not folder and not made:
            made.append(None)
            put(local_home.saver(), CONFIG, {"log": []})

    store.before_list = make
    assert FileSaver(store).get_tuple(CONFIG) is not None
    assert made


@pytest.mark.parametrize("is_latest", [True, False])
def test_an_id_put_again_meanwhile_is_not_shown_half(home: Home, is_latest: bool) -> None:
    """[O7] The same id is put again, and then written to, while it is read: the new writes come with the new state."""
    if home.kind == "remote":
        pytest.skip("in a far store each look is a request, and an id that is put again may be seen half")
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"], checkpoint["channel_versions"] = {"log": "old"}, {"log": 1}
    config = home.saver().put(CONFIG, checkpoint, {"source": "loop"}, {})
    store = WatchedStore(home.store())
    done: list[None] = []

    def put_again(folder: str) -> None:
        if "/writes/" in folder and not done:
            done.append(None)
            again = {**checkpoint, "channel_values": {"log": "new"}}
            home.saver().put(CONFIG, again, {"source": "loop"}, {})  # type: ignore[arg-type]
            home.saver().put_writes(config, [("log", "later")], "task")

    store.before_list = put_again
    saver = FileSaver(store)
    found = [saver.get_tuple(CONFIG if is_latest else config), *saver.list(CONFIG)]
    assert done
    for each in found:
        assert each is not None
        assert each.checkpoint["channel_values"] == {"log": "new"}
        assert each.pending_writes == [("task", "log", "later")]
