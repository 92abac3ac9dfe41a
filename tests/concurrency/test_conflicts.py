"""What `on_conflict="raise"` refuses in real graphs, and what it lets pass because it was asked for."""

from __future__ import annotations

import contextvars
import operator
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from langgraph_filesaver import ConflictError, FileSaver
from tests.checkpoints import config_of, ids_of, put
from tests.concurrency.stopping import between_look_and_name
from tests.stores import Home


class Count(TypedDict):
    """A number that nodes add to."""

    count: Annotated[int, operator.add]


def counting(saver: FileSaver, *, ask: bool = False) -> Any:
    """Return a graph that counts its runs, or asks what to add."""
    builder = StateGraph(Count)
    builder.add_node("add", lambda _: {"count": interrupt("How many?") if ask else 1})
    builder.add_edge(START, "add")
    builder.add_edge("add", END)
    return builder.compile(checkpointer=saver)


def test_going_on_from_an_old_checkpoint(home: Home) -> None:
    """Each way to go on from any checkpoint by its id passes: a replay, new input, an update, an answer."""
    graph = counting(home.saver(on_conflict="raise"), ask=True)
    graph.invoke({"count": 0}, config_of())
    graph.invoke(Command(resume=1), config_of())
    graph.invoke({"count": 0}, config_of())
    history = list(graph.get_state_history(config_of()))
    assert len(history) == 5
    for old in history:
        graph.invoke({"count": 0}, old.config)
        graph.update_state(old.config, {"count": 0}, as_node="add")
        if old.next:
            graph.invoke(None, old.config)
            graph.invoke(Command(resume=1), old.config)
    assert len(list(graph.get_state_history(config_of()))) > 20


async def test_going_on_from_an_old_checkpoint_async(home: Home) -> None:
    """The same on an event loop."""
    graph = counting(home.saver(on_conflict="raise"), ask=True)
    await graph.ainvoke({"count": 0}, config_of())
    await graph.ainvoke(Command(resume=1), config_of())
    for old in [each async for each in graph.aget_state_history(config_of())]:
        await graph.ainvoke({"count": 0}, old.config)
        await graph.aupdate_state(old.config, {"count": 0}, as_node="add")
        if old.next:
            await graph.ainvoke(None, old.config)
            await graph.ainvoke(Command(resume=1), old.config)


def test_a_copy_is_a_fork_on_purpose(home: Home) -> None:
    """LangGraph's copy of a checkpoint has that one's parent: of the latest, and of one asked for by its id, it is stored."""
    graph = counting(home.saver(on_conflict="raise"))
    graph.invoke({"count": 0}, config_of())
    graph.invoke({"count": 0}, config_of())
    first = next(each for each in graph.get_state_history(config_of()) if each.values == {"count": 1} and not each.next)
    graph.update_state(config_of(), None, as_node="__copy__")
    assert graph.get_state(config_of()).values == {"count": 2}
    graph.update_state(first.config, None, as_node="__copy__")
    copied = graph.get_state(config_of())
    assert (copied.values, copied.parent_config) == ({"count": 1}, first.parent_config)
    assert graph.invoke({"count": 0}, config_of()) == {"count": 2}


def test_a_copy_of_what_was_overtaken_is_refused(home: Home) -> None:
    """Who copies the latest checkpoint, without naming it, does not bury one that came meanwhile."""
    saver = home.saver(on_conflict="raise")
    graph = counting(saver)
    graph.invoke({"count": 0}, config_of())
    read, stored = saver.get_tuple, saver.put

    def overtaken(*given: Any) -> Any:
        saver.put = stored  # type: ignore[method-assign]
        counting(home.saver()).invoke({"count": 0}, config_of())
        return stored(*given)

    saver.put = overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(ConflictError):
        graph.update_state(config_of(), None, as_node="__copy__")
    assert read(config_of()).checkpoint["channel_values"] == {"count": 2}  # type: ignore[union-attr]


def test_threads_of_one_owner_check_one_after_the_other(home: Home) -> None:
    """Of many threads of an owner that put beside each other onto one parent, one is stored and the others are refused."""
    saver = home.saver(on_conflict="raise")
    put(saver, "0")
    with saver.thread_lock("t"):
        contexts = [contextvars.copy_context() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            calls = [
                pool.submit(context.run, put, saver, str(number), parent="0")
                for number, context in enumerate(contexts, 1)
            ]
    errors = [type(call.exception()) for call in calls if call.exception() is not None]
    assert errors == [ConflictError] * 7
    assert len(ids_of(saver, config_of())) == 2


def test_what_one_thread_of_an_owner_checks_no_other_one_changes(home: Home) -> None:
    """Between an owner's check and the name no other thread of the same owner publishes: that one finds itself overtaken.

    In a far store it is not held off till then, but told at once, for the other one has the claim.
    """
    saver = home.saver(on_conflict="raise")
    put(saver, "1")
    results: list[Any] = []

    def second() -> None:
        try:
            results.append(put(saver, "3", parent="1"))
        except ConflictError as error:
            results.append(error)

    def begin() -> None:
        thread.start()
        thread.join(0.2)
        assert not results or home.kind == "remote"

    with saver.thread_lock("t"):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(second,))
        with between_look_and_name(saver, begin):
            put(saver, "2", parent="1")
        thread.join(60)
    assert [type(each) for each in results] == [ConflictError]
    assert ids_of(saver, config_of()) == ["2", "1"]
