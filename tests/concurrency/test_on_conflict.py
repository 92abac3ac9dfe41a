"""`on_conflict="raise"`: what would bury another's work is refused and not stored, and forking on purpose is not."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from langgraph_filesaver import ConflictError, FileSaver
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.graphs import CONFIG, chain_of, counting
from tests.concurrency.others import elsewhere, wait_until
from tests.stores import Home


def strict(home: Home) -> FileSaver:
    """Return a saver that refuses conflicts."""
    return home.saver(on_conflict="raise")


def test_an_overtaken_put_is_refused(home: Home) -> None:
    """It raises ConflictError that names both checkpoints, and nothing is stored."""
    saver = strict(home)
    put(saver, "1")
    put(saver, "2", parent="1")
    before = home.files()
    with pytest.raises(ConflictError, match=r"checkpoint 3 .*parent is 1.*latest checkpoint is 2"):
        put(saver, "3", parent="1")
    with pytest.raises(ConflictError, match="latest checkpoint is 2"):
        put(saver, "3")
    assert home.files() == before
    put(saver, "3", parent="2")


def test_the_default_is_langgraphs(home: Home) -> None:
    """Without the option the overtaken put is a fork."""
    saver = home.saver()
    put(saver, "1")
    put(saver, "2", parent="1")
    put(saver, "3", parent="1")
    assert ids_of(saver, config_of()) == ["3", "2", "1"]


def test_the_same_checkpoint_again_is_no_conflict(home: Home) -> None:
    """A put that is repeated replaces itself, be it the latest or not."""
    saver = strict(home)
    put(saver, "1", {"a": 1})
    put(saver, "2", parent="1")
    put(saver, "2", {"a": 2}, parent="1")
    put(saver, "1", {"a": 3})
    found = saver.get_tuple(config_of("t", "", "1"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"a": 3}


def test_a_fork_on_purpose_is_no_conflict(home: Home) -> None:
    """Who asked for the parent by its id forks there, unless it was then given the same one as the latest."""
    saver = strict(home)
    put(saver, "1")
    put(saver, "2", parent="1")
    saver.get_tuple(config_of("t", "", "1"))
    saver.get_tuple(config_of())
    put(saver, "3", parent="1")
    saver.get_tuple(config_of("t", "", "3"))
    saver.get_tuple(config_of())
    elsewhere(lambda: put(saver, "4", parent="3"))
    with pytest.raises(ConflictError):
        put(saver, "5", parent="3")


def test_what_could_never_be_the_latest_is_refused(home: Home) -> None:
    """A checkpoint whose id is smaller than its parent's, as after a clock was set back, is not stored in vain."""
    saver = strict(home)
    put(saver, "2")
    with pytest.raises(ConflictError, match="smaller than that of its parent 2"):
        put(saver, "1", parent="2")
    assert ids_of(saver, None) == ["2"]


async def test_a_fork_on_purpose_by_the_async_methods(home: Home) -> None:
    """`aget_tuple` tells as `get_tuple` does, to the task that called it and no other."""
    async with strict(home) as saver:
        await asyncio.to_thread(put, saver, "1")
        await asyncio.to_thread(put, saver, "2", parent="1")
        await asyncio.create_task(saver.aget_tuple(config_of("t", "", "1")))
        with pytest.raises(ConflictError):
            await asyncio.to_thread(put, saver, "3", parent="1")
        await saver.aget_tuple(config_of("t", "", "1"))
        await asyncio.to_thread(put, saver, "3", parent="1")


def test_asking_concerns_that_thread_and_namespace(home: Home) -> None:
    """To have asked for a checkpoint of one thread says nothing about another, nor about another saver's root."""
    saver = strict(home)
    for thread_id in ("t", "u"):
        put(saver, "1", thread_id=thread_id)
        put(saver, "2", thread_id=thread_id, parent="1")
    saver.get_tuple(config_of("t", "", "1"))
    with pytest.raises(ConflictError):
        put(saver, "3", thread_id="u", parent="1")
    put(saver, "3", parent="1")


def test_subgraphs_fork_by_nature(home: Home) -> None:
    """Only the root namespace is looked at."""
    saver = strict(home)
    for checkpoint_id in ("1", "2", "3"):
        put(saver, checkpoint_id, checkpoint_ns="child")
    assert ids_of(saver, config_of("t", "child")) == ["3", "2", "1"]


def test_a_thread_that_was_deleted_meanwhile(home: Home) -> None:
    """A run whose thread was deleted is told so, and does not bring it back."""
    saver = strict(home)
    put(saver, "1")
    saver.delete_thread("t")
    with pytest.raises(ConflictError, match="was deleted"):
        put(saver, "2", parent="1")
    assert ids_of(saver, None) == []


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_runs_of_a_real_graph(home: Home, durability: Any) -> None:
    """Runs one after the other, time travel and updates of old checkpoints pass; a run that was overtaken does not."""
    saver, begun, go_on = strict(home), threading.Event(), threading.Event()

    def slow(_: Any) -> dict[str, int]:
        begun.set()
        assert go_on.wait(60)
        return {"count": 1}

    graph = counting(saver)
    for _ in range(3):
        graph.invoke({"count": 0}, CONFIG, durability=durability)
    assert chain_of(saver)
    results: list[Any] = []
    run = threading.Thread(
        target=lambda: results.append(
            elsewhere(lambda: counting(saver, slow).invoke({"count": 0}, CONFIG, durability=durability))
        )
    )
    run.start()
    assert begun.wait(60)
    if durability != "exit":  # what the run puts in the background has come by then, and is the latest
        wait_until(lambda: graph.get_state(CONFIG).next == ("first",))
    graph.update_state(CONFIG, {"count": 100}, as_node="second")
    go_on.set()
    run.join(60)
    assert isinstance(results[0], ConflictError)
    assert graph.get_state(CONFIG).values["count"] == 106
    history = list(graph.get_state_history(CONFIG))
    graph.update_state(history[2].config, {"count": 1000}, as_node="second")
    assert graph.get_state(CONFIG).values["count"] == history[2].values["count"] + 1000
    graph.update_state(history[-2].config, {"count": 1}, as_node="first")
    begun = graph.get_state(CONFIG)
    graph.update_state(CONFIG, {"count": 5}, as_node="second")
    result = graph.invoke(None, begun.config, durability=durability)
    assert result["count"] == begun.values["count"] + 1
    assert graph.get_state(CONFIG).values == result


def test_copies_of_old_checkpoints(home: Home) -> None:
    """LangGraph's copy of an old checkpoint, also of the first one, is put beside it on purpose."""
    saver = strict(home)
    graph = counting(saver)
    graph.invoke({"count": 0}, CONFIG)
    graph.invoke({"count": 0}, CONFIG)
    history = list(graph.get_state_history(CONFIG))
    for old in (history[1], history[-1]):
        copied = graph.update_state(old.config, None, as_node="__copy__")
        graph.invoke(None, copied)
    assert len(list(graph.get_state_history(CONFIG))) > len(history) + 2


def test_one_of_many_wins(local_home: Home) -> None:
    """Of sixteen puts at once on one parent, one is stored and fifteen are refused: the look and the name are one step."""
    savers = [strict(local_home) for _ in range(16)]
    put(savers[0], "00")
    for round_ in range(1, 11):
        parent = ids_of(savers[0], config_of())[0]
        barrier, results = threading.Barrier(16), []  # type: tuple[threading.Barrier, list[Any]]

        def race(number: int, parent: Any = parent, round_: int = round_, barrier: Any = barrier) -> Any:
            barrier.wait(30)
            return put(savers[number], f"{round_:02}-{number:02}", parent=parent)

        threads = [
            threading.Thread(
                target=lambda number=number, race=race, results=results: results.append(elsewhere(lambda: race(number)))
            )
            for number in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        stored = [each["configurable"]["checkpoint_id"] for each in results if isinstance(each, dict)]
        assert len(stored) == 1
        assert sum(isinstance(each, ConflictError) for each in results) == 15
        assert ids_of(savers[0], config_of())[0] == stored[0]
    assert chain_of(savers[0])


def test_an_unknown_choice_is_refused(home: Home) -> None:
    """`on_conflict` and `lock` take their words and nothing else."""
    with pytest.raises(ValueError, match="on_conflict='ignore'"):
        home.saver(on_conflict="ignore")
    with pytest.raises(ValueError, match="lock='hard'"):
        home.saver(lock="hard")
