"""`list` follows InMemorySaver exactly, holds nothing while the caller's loop runs, and reads no more than it must (P8)."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_filesaver import FileSaver
from tests.checkpoints import checkpoint_of, config_of, id_of, ids_of, metadata_of, put
from tests.stores import Home, WatchedStore


def fill(saver: FileSaver) -> None:
    """Put three checkpoints into each of three namespaces of two threads; `step` is 0, 1, 2."""
    for thread_id in ("b", "A"):
        for checkpoint_ns in ("z:1", "", "B"):
            for step in range(3):
                put(saver, f"id{step}", thread_id=thread_id, checkpoint_ns=checkpoint_ns, step=step)


def places(saver: FileSaver, config: Any, **options: Any) -> list[tuple[str, str, str]]:
    found = (each.config["configurable"] for each in saver.list(config, **options))
    return [(each["thread_id"], each["checkpoint_ns"], each["checkpoint_id"]) for each in found]


def test_all_threads_come_in_order_newest_first(saver: FileSaver) -> None:
    """`list(None)`: threads ascending, in each the namespaces ascending, in each the newest id first."""
    fill(saver)
    assert places(saver, None) == [
        (thread_id, checkpoint_ns, f"id{step}")
        for thread_id in ("A", "b")
        for checkpoint_ns in ("", "B", "z:1")
        for step in (2, 1, 0)
    ]


def test_no_namespace_means_all_and_an_empty_one_means_the_root(saver: FileSaver) -> None:
    """A config without `checkpoint_ns` covers every namespace of the thread; with `""` only the root's."""
    fill(saver)
    assert {ns for _, ns, _ in places(saver, config_of("b", None))} == {"", "B", "z:1"}
    assert {ns for _, ns, _ in places(saver, config_of("b", ""))} == {""}
    assert places(saver, config_of("b", "nowhere")) == []
    assert places(saver, config_of("nobody", None)) == []


def test_a_checkpoint_id_selects_that_one_in_each_namespace(saver: FileSaver) -> None:
    """A config with a checkpoint_id yields that checkpoint only, in every namespace covered that has it."""
    fill(saver)
    put(saver, "only-here", thread_id="b", checkpoint_ns="B")
    assert places(saver, config_of("b", None, "id1")) == [("b", ns, "id1") for ns in ("", "B", "z:1")]
    assert places(saver, config_of("b", None, "only-here")) == [("b", "B", "only-here")]
    assert places(saver, config_of("b", "", "unknown")) == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [("id2", ["id1", "id0"]), ("id1x", ["id1", "id0"]), ("id0", []), ("zzz", ["id2", "id1", "id0"])],
)
def test_before_cuts_by_id_whether_it_is_known_or_not(saver: FileSaver, before: str, expected: list[str]) -> None:
    """`before` leaves the checkpoints with a smaller id, also where its own id is no checkpoint's."""
    fill(saver)
    assert ids_of(saver, config_of("b"), before=config_of("b", "", before)) == expected


def test_the_limit_counts_what_the_filter_and_before_let_through(saver: FileSaver) -> None:
    """Limit comes last: the n newest of those that match, not those among the n newest that match; 0 is none."""
    for step in range(10):
        put(saver, f"id{step}", step=step, metadata={"user_id": "u1" if step < 4 else "u2"})
    wanted = {"user_id": "u1"}
    assert ids_of(saver, config_of(), filter=wanted, limit=2) == ["id3", "id2"]
    assert ids_of(saver, config_of(), filter=wanted, limit=2, before=config_of("t", "", "id2")) == ["id1", "id0"]
    assert ids_of(saver, config_of(), limit=0) == []
    assert ids_of(saver, config_of(), filter={}, limit=None)[0] == "id9"


def test_a_filter_compares_whole_values_and_takes_dots_literally(saver: FileSaver) -> None:
    """Every key must equal the stored value; a dotted key is one key; a missing key is None; types count as for `==`."""
    put(saver, "1", metadata={"user.id": "u", "user": {"id": "v"}, "score": 1})
    for wanted, matches in [
        ({"user.id": "u"}, True),
        ({"user.id": "v"}, False),
        ({"user": {"id": "v"}}, True),
        ({"user": {}}, False),
        ({"score": 1.0}, True),
        ({"score": "1"}, False),
        ({"missing": None}, True),
        ({"missing": ""}, False),
        ({"score": 1, "step": 1}, False),
    ]:
        assert ids_of(saver, config_of(), filter=wanted) == (["1"] if matches else []), wanted


def test_any_method_may_be_called_inside_the_loop(home: Home) -> None:
    """Inside a `list` loop every method of the same saver works: nothing is held while the caller's code runs."""
    saver = home.saver(lock_timeout_seconds=5)
    for number in range(5):
        put(saver, f"id{number}", {"a": number}, step=number)
    seen = []
    for number, found in enumerate(saver.list(config_of())):
        seen.append(id_of(found.config))
        assert saver.get_tuple(found.config) == found
        put(saver, f"new{number}", parent=found.checkpoint["id"])
        put(saver, found.checkpoint["id"], {"a": "again"})
        saver.put_writes(found.config, [("a", 1)], "task")
        assert len(list(saver.list(config_of()))) == 5 + number + 1
        saver.copy_thread("t", f"copy{number}")
        saver.prune([f"copy{number}"])
        saver.delete_for_runs(["no such run"])
        saver.delete_thread(f"copy{number}")
        saver.get_delta_channel_history(config=found.config, channels=["a"])
    assert seen == [f"id{number}" for number in reversed(range(5))]


def test_the_thread_may_be_deleted_inside_the_loop(saver: FileSaver) -> None:
    """Deleting the thread one is listing ends the loop without an error."""
    for number in range(5):
        put(saver, f"id{number}")
    seen = []
    for found in saver.list(config_of()):
        seen.append(id_of(found.config))
        saver.delete_thread("t")
    assert seen == ["id4"]


def test_a_checkpoint_that_goes_meanwhile_is_left_out(home: Home) -> None:
    """Checkpoints that another saver removes while the loop runs are skipped, and the rest still comes."""
    saver = home.saver()
    for number in range(4):
        put(saver, f"id{number}")
        put(saver, f"id{number}", thread_id="u")
    looking = saver.list(None)
    assert id_of(next(looking).config) == "id3"
    home.saver().prune(["t"])
    assert [(each.config["configurable"]["thread_id"], id_of(each.config)) for each in looking] == [
        ("u", f"id{number}") for number in (3, 2, 1, 0)
    ]


def test_a_loop_that_is_left_early_holds_nothing(home: Home) -> None:
    """After a `break` the thread can be deleted at once, by any saver: the abandoned generator holds no lock."""
    saver = home.saver(lock_timeout_seconds=1)
    for number in range(3):
        put(saver, f"id{number}")
    looking = saver.list(config_of())
    next(looking)
    home.saver(lock_timeout_seconds=1).delete_thread("t")
    assert list(looking) == []


async def test_alist_yields_what_list_yields(home: Home) -> None:
    """The async twin yields the same tuples in the same order, over many pages, and may be left early."""
    saver = home.saver()
    for number in range(150):
        await saver.aput(config_of(), checkpoint_of(f"{number:03}", {"a": number}), metadata_of(number), {"a": number})
    assert [each async for each in saver.alist(None)] == list(saver.list(None))
    assert [each async for each in saver.alist(config_of(), limit=70, before=config_of("t", "", "100"))] == list(
        saver.list(config_of(), limit=70, before=config_of("t", "", "100"))
    )
    looking = saver.alist(config_of())
    async for each in looking:
        assert id_of(each.config) == "149"
        await saver.adelete_thread("t")
        break
    await looking.aclose()  # type: ignore[attr-defined]
    assert await saver.aget_tuple(config_of()) is None


def test_reading_by_id_lists_no_history(home: Home) -> None:
    """A checkpoint asked for by its id is read without listing the other checkpoints, however many there are."""
    watched = WatchedStore(home.store())
    saver = FileSaver(watched)
    for number in range(20):
        put(saver, f"id{number:02}")
    watched.reads.clear()
    watched.lists.clear()
    assert saver.get_tuple(config_of("t", "", "id07")) is not None
    assert watched.reads == ["t/checkpoints/_root/id07.json"]
    assert not any("checkpoints" in folder for folder in watched.lists)


def test_a_limited_list_reads_no_more_than_it_yields(home: Home) -> None:
    """The first two of twenty checkpoints cost two reads of checkpoint files."""
    watched = WatchedStore(home.store())
    saver = FileSaver(watched)
    for number in range(20):
        put(saver, f"id{number:02}")
    watched.reads.clear()
    assert ids_of(saver, config_of(), limit=2) == ["id19", "id18"]
    assert watched.reads == ["t/checkpoints/_root/id19.json", "t/checkpoints/_root/id18.json"]
