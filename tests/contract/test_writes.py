"""Pending writes: their order, which of two counts, and that repeating a call changes nothing (P7)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME, SCHEDULED

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of, ids_of, put
from tests.stores import Home

AT_1 = config_of("t", "", "1")


def pending(saver: FileSaver) -> list[tuple[str, str, Any]]:
    found = saver.get_tuple(AT_1)
    assert found is not None
    assert found.pending_writes is not None
    return found.pending_writes


def test_writes_come_by_path_then_task_then_index(home: Home) -> None:
    """[W3] The order is (task_path, task_id, idx) as strings and numbers, whatever order the calls came in."""
    saver = home.saver()
    put(saver, "1")
    calls = [("~__pregel_push, 9", "a"), ("~__pregel_pull, z", "b"), ("", "z"), ("~__pregel_push, 10", "c"), ("", "A")]
    for path, task in calls:
        saver.put_writes(AT_1, [(f"c{number}", number) for number in range(12)], task, path)
    expected = [(task, f"c{number}", number) for path, task in sorted(calls) for number in range(12)]
    assert pending(home.saver()) == expected


def test_special_writes_come_before_ordinary_ones_of_a_task(saver: FileSaver) -> None:
    """Errors, interrupts and answers have negative indices: within a task they come first, the latest kind first."""
    put(saver, "1")
    saver.put_writes(
        AT_1, [("a", 1), (ERROR, "e"), (SCHEDULED, "s"), (INTERRUPT, "i"), (RESUME, "r"), ("b", 2)], "task"
    )
    assert [channel for _, channel, _ in pending(saver)] == [RESUME, INTERRUPT, SCHEDULED, ERROR, "a", "b"]


def test_of_two_ordinary_writes_the_first_counts_also_between_savers(home: Home) -> None:
    """The first write of a task at an index stays, whoever comes second: the same saver, another, or a new one."""
    put(home.saver(), "1")
    one, two = home.saver(), home.saver()
    one.put_writes(AT_1, [("a", "first")], "task")
    two.put_writes(AT_1, [("a", "second")], "task")
    one.put_writes(AT_1, [("b", "third")], "task")
    for saver in (one, two, home.saver()):
        assert pending(saver) == [("task", "a", "first")]


def test_of_two_special_writes_the_last_counts_also_between_savers(home: Home) -> None:
    """[W2] The last error, interrupt or answer of a task counts, whichever saver brought it."""
    put(home.saver(), "1")
    savers = [home.saver(), home.saver()]
    for number in range(6):
        savers[number % 2].put_writes(AT_1, [(INTERRUPT, number), (RESUME, [number])], "task")
        for saver in savers:
            assert pending(saver) == [("task", RESUME, [number]), ("task", INTERRUPT, number)]


def test_first_or_last_is_decided_for_each_write_and_not_for_the_call(saver: FileSaver) -> None:
    """In a call that mixes both kinds, the ordinary write yields to an earlier one while the special one replaces it."""
    put(saver, "1")
    saver.put_writes(AT_1, [("a", 1), (RESUME, "old")], "task")
    saver.put_writes(AT_1, [("a", 2), (RESUME, "new"), ("b", 3)], "task")
    assert pending(saver) == [("task", RESUME, "new"), ("task", "a", 1), ("task", "b", 3)]


def test_more_than_nine_calls_of_a_task_keep_their_order(home: Home) -> None:
    """The twelfth file of a task comes after the second: the number counts, not the order of the names."""
    put(home.saver(), "1")
    for number in range(13):
        home.saver().put_writes(AT_1, [(RESUME, list(range(number + 1))), *[("c", number)] * number], "null-task")
    assert pending(home.saver())[0] == ("null-task", RESUME, list(range(13)))
    # Call n brings index i first when n = i: the writes before it were there already.
    assert pending(home.saver())[1:] == [("null-task", "c", number) for number in range(1, 13)]
    assert len([key for key in home.files() if "/writes/" in key]) == 13


def test_repeating_a_call_makes_no_new_file(home: Home) -> None:
    """[W4] A call whose writes are all there already leaves no trace: ordinary ones by index, special ones by value."""
    saver = home.saver()
    saver.put_writes(AT_1, [("a", 1), (INTERRUPT, {"ask": ["x"]}), ("b", 2)], "task")
    before = home.files()
    for again in (home.saver(), saver):
        again.put_writes(AT_1, [("a", 1), (INTERRUPT, {"ask": ["x"]}), ("b", 2)], "task")
        again.put_writes(AT_1, [("a", "another value")], "task")
        again.put_writes(AT_1, [(INTERRUPT, {"ask": ["x"]})], "task")
    assert home.files() == before
    saver.put_writes(AT_1, [(INTERRUPT, {"ask": ["y"]})], "task")
    assert len(home.files()) == len(before) + 1
    put(saver, "1")
    assert pending(saver) == [("task", INTERRUPT, {"ask": ["y"]}), ("task", "a", 1), ("task", "b", 2)]


def test_a_special_write_that_comes_back_counts_again(saver: FileSaver) -> None:
    """A, B, A: the last A counts, though a file with the very same write is there already."""
    put(saver, "1")
    for value in ("A", "B", "A"):
        saver.put_writes(AT_1, [(INTERRUPT, value)], "task")
    assert pending(saver) == [("task", INTERRUPT, "A")]


def test_a_special_write_of_another_type_or_path_counts(saver: FileSaver) -> None:
    """What equals the standing write only for `==` is another one: 1, 1.0 and True differ, and so does the task's path."""
    put(saver, "1")
    saver.put_writes(AT_1, [("a", 1)], "another task", "b")
    for value in (1, True, 1.0, [1], [True], {"x": 0}, {"x": False}):
        saver.put_writes(AT_1, [(RESUME, value)], "task", "a")
        assert repr(pending(saver)) == repr([("task", RESUME, value), ("another task", "a", 1)])
    saver.put_writes(AT_1, [(RESUME, {"x": False})], "task", "c")
    assert pending(saver) == [("another task", "a", 1), ("task", RESUME, {"x": False})]


def test_writes_that_arrive_before_their_checkpoint_are_kept(home: Home) -> None:
    """Writes without a checkpoint make none appear; once it is put, with or without another one between, they are there."""
    saver = home.saver()
    saver.put_writes(AT_1, [("a", 1)], "task")
    assert saver.get_tuple(AT_1) is None
    assert saver.get_tuple(config_of()) is None
    assert ids_of(saver, None) == []
    put(home.saver(), "0")
    found = home.saver().get_tuple(config_of())
    assert found is not None
    assert found.pending_writes == []
    put(home.saver(), "1", parent="0")
    assert pending(saver) == [("task", "a", 1)]


def test_a_call_without_writes_leaves_nothing(home: Home) -> None:
    """An empty list of writes stores nothing, not even a folder."""
    home.saver().put_writes(AT_1, [], "task")
    assert home.files() == set()


def test_writes_belong_to_one_checkpoint_namespace_and_thread(saver: FileSaver) -> None:
    """Ids that share a beginning, or differ in what is joined to them, never see each other's writes."""
    places = [
        ("t", "", "1"), ("t", "", "1-"), ("t", "", "1.2"), ("t", "", "11"), ("t", "1", "1"), ("t", "_root", "1"),
        ("T", "", "1"), ("t.", "", "1"), ("t", "a|b:1", "1"), ("t", "a", "b:1"),
    ]  # fmt: skip
    for place in places:
        put(saver, place[2], thread_id=place[0], checkpoint_ns=place[1])
        saver.put_writes(config_of(*place), [("a", list(place))], "task")
    for place in places:
        found = saver.get_tuple(config_of(*place))
        assert found is not None
        assert found.pending_writes == [("task", "a", list(place))]


@pytest.mark.parametrize("task", ["", "..", "a/b", "A", "a", "x" * 300, "\ud800", "1.2", "con"], ids=ascii)
def test_any_string_is_a_task(home: Home, task: str) -> None:
    """Any string is a task id, and two that differ only by case are two tasks."""
    put(home.saver(), "1")
    home.saver().put_writes(AT_1, [("a", 1)], task, task)
    home.saver().put_writes(AT_1, [("a", 2)], task + "B", task)
    home.saver().put_writes(AT_1, [("a", 3)], task + "b", task)
    assert pending(home.saver()) == [(task, "a", 1), (task + "B", "a", 2), (task + "b", "a", 3)]


def test_writers_that_race_agree_on_one_winner(home: Home) -> None:
    """Of eight savers that write different values for one task at once exactly one wins; every one of them sees the same."""
    savers = [home.saver() for _ in range(8)]
    barrier = threading.Barrier(len(savers))
    seen: list[list[Any]] = [[] for _ in savers]

    def race(number: int) -> None:
        for task in range(20):
            barrier.wait(60)
            savers[number].put_writes(AT_1, [("a", number), (RESUME, number)], f"task-{task:02}")
            barrier.wait(60)
            seen[number].append(pending(savers[number]))

    put(savers[0], "1")
    threads = [threading.Thread(target=race, args=(number,)) for number in range(len(savers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each == seen[0] for each in seen)
    final = pending(home.saver())
    assert final == seen[0][-1]
    assert [task for task, channel, _ in final if channel == "a"] == [f"task-{task:02}" for task in range(20)]
