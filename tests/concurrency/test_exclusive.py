"""`saver.exclusive(graph)`: a run has its thread from its first read to its last write, and leaves it in any case."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from langgraph.func import entrypoint, task
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from langgraph_filesaver import FileSaver, LockTimeoutError
from tests.concurrency.graphs import CONFIG, asking, chain_of, counting, fanning_out
from tests.concurrency.others import elsewhere, impatient
from tests.stores import Home

DURABILITIES = ["sync", "async", "exit"]


def locks_seen_by(saver: FileSaver, seen: list[int]) -> Any:
    """Return a node that notes how many leases there are while it runs."""

    def node(_: Any) -> dict[str, int]:
        seen.append(len(saver.locks()))
        return {"count": 1}

    return node


@pytest.mark.parametrize("durability", DURABILITIES)
def test_each_kind_of_run_holds_the_lock(home: Home, durability: Any) -> None:
    """Invoke, stream, batch and update_state hold the lease while they run, and none of them leaves it."""
    saver, seen = home.saver(), []  # type: tuple[FileSaver, list[int]]
    graph = saver.exclusive(counting(saver, locks_seen_by(saver, seen)))
    assert graph.invoke({"count": 0}, CONFIG, durability=durability) == {"count": 2}
    assert len(list(graph.stream({"count": 0}, CONFIG, durability=durability))) == 2
    assert [each["count"] for each in graph.batch([{"count": 0}, {"count": 0}], CONFIG)] in ([6, 8], [8, 6])
    graph.update_state(CONFIG, {"count": 100}, as_node="second")
    assert graph.get_state(CONFIG).values == {"count": 108}
    assert seen == [1, 1, 1, 1]
    assert saver.locks() == []
    assert chain_of(saver)


async def test_each_kind_of_async_run_holds_the_lock(home: Home) -> None:
    """The async forms do the same, also many at once on one thread."""
    async with home.saver(lock_timeout_seconds=60) as saver:
        seen: list[int] = []
        graph = saver.exclusive(counting(saver, locks_seen_by(saver, seen)))
        assert await graph.ainvoke({"count": 0}, CONFIG) == {"count": 2}
        assert len([each async for each in graph.astream({"count": 0}, CONFIG)]) == 2
        results = await graph.abatch([{"count": 0}] * 3, CONFIG)
        assert sorted(each["count"] for each in results) == [6, 8, 10]
        await graph.aupdate_state(CONFIG, {"count": 100}, as_node="second")
        events = [event["event"] async for event in graph.astream_events({"count": 0}, CONFIG, version="v2")]
        assert "on_chain_end" in events
        assert (await graph.aget_state(CONFIG)).values == {"count": 112}
        assert seen == [1] * 6
        assert await saver.alocks() == []
        assert chain_of(saver)


def test_others_wait_for_the_run(home: Home) -> None:
    """While a run is under way, another run of the thread gets LockTimeoutError, and one that waits goes on after it."""
    saver, begun, go_on = home.saver(lock_timeout_seconds=60), threading.Event(), threading.Event()

    def node(_: Any) -> dict[str, int]:
        begun.set()
        assert go_on.wait(60)
        return {"count": 1}

    graph, results = saver.exclusive(counting(saver, node)), []  # type: tuple[Any, list[Any]]
    runs = [threading.Thread(target=lambda: results.append(elsewhere(lambda: graph.invoke({"count": 0}, CONFIG))))]
    runs[0].start()
    assert begun.wait(60)
    hasty = impatient(home)
    assert isinstance(
        elsewhere(lambda: hasty.exclusive(counting(hasty)).invoke({"count": 0}, CONFIG)), LockTimeoutError
    )
    assert isinstance(elsewhere(lambda: counting(hasty).invoke({"count": 0}, CONFIG)), LockTimeoutError)
    runs.append(threading.Thread(target=lambda: results.append(elsewhere(lambda: graph.invoke({"count": 0}, CONFIG)))))
    runs[1].start()
    go_on.set()
    for run in runs:
        run.join(60)
    assert results == [{"count": 2}, {"count": 4}]
    assert chain_of(saver)


def test_a_failing_run_leaves_it(home: Home) -> None:
    """A node that raises ends the run, and the thread is free."""
    saver = home.saver()

    def fail(_: Any) -> dict[str, int]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        saver.exclusive(counting(saver, fail)).invoke({"count": 0}, CONFIG)
    assert saver.locks() == []


def test_an_interrupted_run_leaves_it(home: Home) -> None:
    """A run that asks a person leaves the thread meanwhile; the answer is a run of its own."""
    saver = home.saver()
    graph = saver.exclusive(asking(saver))
    assert "__interrupt__" in graph.invoke({"count": 1}, CONFIG)
    assert saver.locks() == []
    assert graph.invoke(Command(resume=41), CONFIG) == {"count": 42}
    assert saver.locks() == []


@pytest.mark.parametrize("how", ["close", "drop"])
def test_a_stream_that_is_left_early_leaves_it(home: Home, how: str) -> None:
    """A stream that its consumer closes or drops has written what it had to, and left the thread."""
    saver = home.saver()
    stream = saver.exclusive(counting(saver)).stream({"count": 0}, CONFIG)
    next(stream)
    assert len(saver.locks()) == 1
    if how == "close":
        stream.close()
    del stream
    assert saver.locks() == []


async def test_an_async_stream_that_is_left_early_leaves_it(home: Home) -> None:
    """The same for an async stream, closed or cancelled while a node runs."""
    async with home.saver() as saver:
        begun = asyncio.Event()

        async def slow(_: Any) -> dict[str, int]:
            begun.set()
            await asyncio.sleep(60)
            return {"count": 1}

        stream = saver.exclusive(counting(saver)).astream({"count": 0}, CONFIG)
        await anext(stream)
        await stream.aclose()
        assert await saver.alocks() == []
        task = asyncio.create_task(saver.exclusive(counting(saver, slow)).ainvoke({"count": 0}, CONFIG))
        await begun.wait()
        assert len(await saver.alocks()) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await saver.alocks() == []


def test_the_consumer_of_a_stream_is_not_the_owner(home: Home) -> None:
    """Between two items the caller is anybody: its own puts wait for the run, as those of others do."""
    saver = impatient(home)
    graph = counting(saver)
    for _ in saver.exclusive(graph).stream({"count": 0}, CONFIG):
        with pytest.raises(LockTimeoutError):
            graph.update_state(CONFIG, {"count": 5}, as_node="second")
    graph.update_state(CONFIG, {"count": 5}, as_node="second")


def test_runs_inside_the_owners_block(home: Home) -> None:
    """Inside `thread_lock` exclusive runs go on at once, and the lease outlasts them."""
    saver = impatient(home)
    graph = saver.exclusive(counting(saver))
    with saver.thread_lock("t") as lease:
        graph.invoke({"count": 0}, CONFIG)
        graph.update_state(CONFIG, {"count": 1}, as_node="second")
        assert [info.owner for info in saver.locks()] == [lease.owner]
    assert saver.locks() == []


def test_a_node_of_an_exclusive_run_is_its_owner(home: Home) -> None:
    """A node may correct its own thread, and run the same exclusive graph on another one."""
    saver = impatient(home)
    other = saver.exclusive(counting(saver))

    def node(_: Any) -> dict[str, int]:
        inner = other.invoke({"count": 0}, {"configurable": {"thread_id": "u"}})
        return {"count": inner["count"]}

    assert saver.exclusive(counting(saver, node)).invoke({"count": 0}, CONFIG) == {"count": 3}
    assert saver.locks() == []


def test_a_subgraph_is_part_of_the_run(home: Home) -> None:
    """An exclusive graph as a node of an exclusive graph, or of a common one, takes no lock of its own."""
    saver = impatient(home)
    inner = saver.exclusive(counting(saver))
    assert saver.exclusive(counting(saver, inner)).invoke({"count": 1}, CONFIG) == {"count": 5}
    assert counting(saver, inner).invoke({"count": 1}, {"configurable": {"thread_id": "u"}}) == {"count": 5}
    assert saver.locks() == []


@pytest.mark.parametrize("durability", DURABILITIES)
def test_parallel_tasks_are_the_owners(home: Home, durability: Any) -> None:
    """What parallel tasks wrote is stored from bare threads; it is the owner's, in an exclusive run and inside `thread_lock`."""
    saver = impatient(home)
    graph = fanning_out(saver)
    assert saver.exclusive(graph).invoke({"count": 0}, CONFIG, durability=durability) == {"count": 20}
    with saver.thread_lock("t"):
        assert graph.invoke({"count": 0}, CONFIG, durability=durability) == {"count": 40}
        assert len(list(graph.stream({"count": 0}, CONFIG, durability=durability, subgraphs=True))) == 20
    assert saver.locks() == []


def test_a_run_that_is_not_the_owners_stays_out(home: Home) -> None:
    """A run that has read the thread before another one took it is no owner, though both are of this process."""
    saver, begun, go_on = impatient(home), threading.Event(), threading.Event()

    def node(_: Any) -> dict[str, int]:
        begun.set()
        assert go_on.wait(60)
        return {"count": 1}

    results: list[Any] = []
    run = threading.Thread(
        target=lambda: results.append(elsewhere(lambda: counting(saver, node).invoke({"count": 0}, CONFIG)))
    )
    run.start()
    assert begun.wait(60)
    with saver.thread_lock("t"):
        fanning_out(saver).get_state(CONFIG)
        go_on.set()
        run.join(60)
    assert isinstance(results[0], LockTimeoutError)


def test_the_functional_api(home: Home) -> None:
    """An `@entrypoint` with tasks, an interrupt and its answer can be made exclusive, too."""
    saver = impatient(home)

    @task
    def double(number: int) -> int:
        return 2 * number

    @entrypoint(checkpointer=saver)
    def flow(number: int) -> int:
        return double(number).result() + double(number).result() + int(interrupt("how many more?"))

    exclusive = saver.exclusive(flow)
    assert "__interrupt__" in exclusive.invoke(3, CONFIG)
    assert exclusive.invoke(Command(resume=30), CONFIG) == 42
    assert saver.locks() == []


def test_it_is_the_graph_still(home: Home) -> None:
    """The wrapped graph is a compiled graph with everything it had; the graph itself is as it was."""
    saver = home.saver()
    graph = counting(saver)
    wrapped = saver.exclusive(graph)
    assert isinstance(wrapped, CompiledStateGraph)
    assert type(wrapped).__name__ == type(graph).__name__
    assert wrapped.get_graph().draw_mermaid() == graph.get_graph().draw_mermaid()
    configured = wrapped.with_config({"configurable": {"thread_id": "t"}})
    seen: list[int] = []
    saver.exclusive(counting(saver, locks_seen_by(saver, seen))).with_config(CONFIG).invoke({"count": 0})
    assert seen == [1]
    assert configured.invoke({"count": 0}) == {"count": 4}
    assert type(graph) is CompiledStateGraph


def test_what_cannot_be_made_exclusive(home: Home) -> None:
    """A graph with another checkpointer or none, and what is no graph, are refused with what to do."""
    saver, other = home.saver(), home.saver()
    for graph in (counting(other), "no graph", None):
        with pytest.raises(ValueError, match="compile it with checkpointer=saver"):
            saver.exclusive(graph)
    with pytest.raises(ValueError, match="ttl_seconds"):
        saver.exclusive(counting(saver), ttl_seconds=0)
