"""What `put` stores, `get_tuple` returns: whole, under any id, and the same however often it is put."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import FileSaver
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of, put
from tests.stores import Home

ODD_NAMES = ["$type", "$list", "$artifact", "$serde", "$", "items", "base64", "\ud800", "", "a.b", 'quo"te', "ключ"]


def test_putting_an_id_again_replaces_the_checkpoint_and_keeps_its_writes(home: Home) -> None:
    """[C7] The same id again: the new state counts, the pending writes stay, and the thread holds one checkpoint (P3)."""
    saver = home.saver()
    put(saver, "1", {"count": 1})
    saver.put_writes(config_of("t", "", "1"), [("count", 5), (INTERRUPT, "why")], "task")
    put(home.saver(), "1", {"count": 2}, parent="0", step=7)
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.checkpoint["channel_values"] == {"count": 2}
    assert found.metadata["step"] == 7
    assert id_of(found.parent_config) == "0"
    assert found.pending_writes == [("task", INTERRUPT, "why"), ("task", "count", 5)]
    assert ids_of(saver, config_of()) == ["1"]


def test_every_key_of_a_checkpoint_comes_back(saver: FileSaver) -> None:
    """Keys that this library has never heard of, and `v`, which decides how task ids are made, are stored as given."""
    given = {
        **checkpoint_of("1", {"a": 1}, {"a": 3}),
        "v": 7,
        "from_the_future": {"x": [1, None]},
        "updated_channels": None,
    }
    saver.put(config_of(), cast("Checkpoint", given), metadata_of(), {"a": 3})
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.checkpoint == given


def test_a_checkpoint_without_a_time_comes_back_without_one(saver: FileSaver) -> None:
    """What a checkpoint and its metadata lack is not made up: no `ts`, no `source`, no `step`."""
    given: dict[str, Any] = dict(checkpoint_of("1"))
    del given["ts"]
    saver.put(config_of(), cast("Checkpoint", given), {}, {})
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.checkpoint == given
    assert found.metadata == {}


@pytest.mark.parametrize("step", [True, 1.0, "1", None, 2**80, [1], {"$type": "int"}], ids=repr)
def test_metadata_that_looks_unusual_keeps_its_type(saver: FileSaver, step: Any) -> None:
    """`step` and `source` come back as they were given also where they are not an integer and a string."""
    saver.put(config_of(), checkpoint_of("1"), metadata_of(step, source=step, ts="mine"), {})
    found = saver.get_tuple(config_of())
    assert found is not None
    assert repr(sorted(found.metadata.items())) == repr(sorted(metadata_of(step, source=step, ts="mine").items()))


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_name_is_a_channel(home: Home, name: str) -> None:
    """A channel may have any name, also one that the files use themselves: value, version, writes and history are kept (P12)."""
    saver = home.saver()
    put(saver, "1", {name: [1], "other": {name: 2}})
    saver.put_writes(config_of("t", "", "1"), [(name, "written"), ("other", {name: 3})], "task")
    put(saver, "2", {"other": 1}, parent="1")
    found = home.saver().get_tuple(config_of("t", "", "1"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {name: [1], "other": {name: 2}}
    assert set(found.checkpoint["channel_versions"]) == {name, "other"}
    assert found.pending_writes == [("task", name, "written"), ("task", "other", {name: 3})]
    history = saver.get_delta_channel_history(config=config_of("t", "", "2"), channels=[name])
    assert history == {name: {"writes": [("task", name, "written")], "seed": [1]}}


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_name_is_a_key_of_metadata(home: Home, name: str) -> None:
    """Metadata may have any key, also one that the files use themselves, and can be found by it."""
    put(home.saver(), "1", {"a": 1}, metadata={name: {"$type": "x"}})
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.metadata == metadata_of(0, {name: {"$type": "x"}})
    assert ids_of(home.saver(), None, filter={name: {"$type": "x"}, "step": 0, "source": "loop"}) == ["1"]


def test_two_tuples_share_nothing_that_can_be_changed(saver: FileSaver) -> None:
    """What one caller does to the lists and dicts it was given, another one never sees."""
    given = {"messages": [["a"]], "more": {"b": [1]}}
    put(saver, "1", given, metadata={"tags": ["x"]})
    saver.put_writes(config_of("t", "", "1"), [("messages", [["w"]])], "task")
    given["messages"].append("changed after the put")  # type: ignore[attr-defined]
    for _ in range(3):
        for found in (saver.get_tuple(config_of()), *saver.list(config_of())):
            assert found is not None
            assert found.checkpoint["channel_values"] == {"messages": [["a"]], "more": {"b": [1]}}
            assert found.metadata["tags"] == ["x"]  # type: ignore[typeddict-item]
            assert found.pending_writes == [("task", "messages", [["w"]])]
            found.checkpoint["channel_values"]["messages"][0].append("b")
            found.checkpoint["channel_versions"].clear()
            found.metadata["tags"].append("y")  # type: ignore[typeddict-item]
            found.pending_writes[0][2].append("b")


def test_the_latest_is_the_greatest_id_and_not_the_last_put(home: Home) -> None:
    """`latest` goes by the order of the ids as strings, whichever was put last, and whatever their files are named (P5)."""
    saver = home.saver()
    for given, newest_first in (
        (("b", "B", "a", "é", "ab", "~", "Z"), ["é", "~", "b", "ab", "a", "Z", "B"]),
        (("10", "9", "1", "1-2", "1_2", "1-"), ["9", "1_2", "10", "1-2", "1-", "1"]),  # all plain names
    ):
        saver.delete_thread("t")
        for checkpoint_id in given:
            put(saver, checkpoint_id)
        assert ids_of(saver, config_of()) == newest_first
        found = home.saver().get_tuple(config_of())
        assert found is not None
        assert found.checkpoint["id"] == newest_first[0]


def test_a_warm_saver_sees_what_another_one_acknowledged(home: Home) -> None:
    """[O6] Each of two savers, both in use all along, finds the other's checkpoint as the latest at once (P5)."""
    savers = [home.saver(), home.saver()]
    for number in range(100):
        put(savers[number % 2], f"{number:03}", parent=f"{number - 1:03}" if number else None)
        for saver in savers:
            found = saver.get_tuple(config_of())
            assert found is not None
            assert found.checkpoint["id"] == f"{number:03}"


def test_many_savers_put_into_one_thread_at_once(home: Home) -> None:
    """Eight writers, each with a saver of its own, put 25 checkpoints each into one thread: all 200 are there."""
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            saver = home.saver()
            for number in range(25):
                put(saver, f"{number:02}-{writer}", {"who": writer}, thread_id="A b")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ids_of(home.saver(), config_of("A b")) == sorted(
        (f"{number:02}-{writer}" for number in range(25) for writer in range(8)), reverse=True
    )


def test_ids_that_are_no_strings_name_the_same_thread_as_their_text(saver: FileSaver) -> None:
    """A thread id given as a number names the thread of its digits, as in the other savers that store text."""
    saver.put(config_of(cast("str", 42)), checkpoint_of("1"), metadata_of(), {})
    assert ids_of(saver, config_of("42")) == ["1"]
    assert ids_of(saver, config_of(cast("str", 42))) == ["1"]
    saver.delete_thread(cast("str", 42))
    assert ids_of(saver, None) == []


def test_a_config_without_a_thread_says_so(saver: FileSaver) -> None:
    """A config that names no thread is refused by every method with a message that says what is missing."""
    nobody: Any = {"configurable": {"checkpoint_ns": ""}}
    for call in (
        lambda: saver.get_tuple(nobody),
        lambda: list(saver.list(nobody)),
        lambda: saver.put(nobody, checkpoint_of("1"), metadata_of(), {}),
        lambda: saver.put_writes(nobody, [("a", 1)], "task"),
    ):
        with pytest.raises(ValueError, match="thread_id"):
            call()
    assert ids_of(saver, None) == []
