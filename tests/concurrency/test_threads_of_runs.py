"""Of which thread a run is, and that all it writes is its owner's."""

from __future__ import annotations

import time
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph

from langgraph_filesaver import FileSaver
from tests.checkpoints import config_of
from tests.concurrency.graphs import Counter as Count
from tests.stores import Home


def telling(saver: FileSaver, seen: list[list[str]]) -> Any:
    """Return a graph that tells which threads somebody has while it runs."""

    def tell(_: Any) -> Any:
        seen.append([info.thread_id for info in saver.locks()])
        return {"count": 1}

    builder: Any = StateGraph(Count)
    builder.add_node("tell", tell)
    builder.add_edge(START, "tell")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("bound", [None, {"tags": ["a"]}, {"tags": ["a"], "configurable": {}}])
def test_the_thread_is_the_one_that_the_run_has(home: Home, bound: Any) -> None:
    """It may be named in the call, bound to the graph, or come from what surrounds the call; a node may run another one."""
    saver, seen = home.saver(), list[list[str]]()
    graph = telling(saver, seen)
    graph.config = bound
    inner = saver.exclusive(graph)
    inner.invoke({"count": 0}, config_of("t"))
    inner.invoke({"count": 0}, {"thread_id": "t"})
    RunnableLambda(lambda count: inner.invoke(count)).invoke({"count": 0}, config_of("t"))
    inner.with_config(configurable={"thread_id": "t"}).invoke({"count": 0})
    assert seen == [["t"]] * 4
    for config, expected in ((config_of("u"), ["t", "u"]), (None, ["t"])):
        builder = StateGraph(Count)
        builder.add_node("call", lambda count: inner.invoke(count, config))  # noqa: B023 called in this turn of the loop
        builder.add_edge(START, "call")
        saver.exclusive(builder.compile(checkpointer=saver)).invoke({"count": 0}, config_of("t"))
        assert seen[-1] == expected
    assert saver.locks() == []


class Overriding(FileSaver):
    """A saver that does something of its own around each call of `put_writes`."""

    def put_writes(self, *given: Any, **named: Any) -> None:
        super().put_writes(*given, **named)


@pytest.mark.parametrize("kind", [FileSaver, Overriding])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_nodes_in_parallel_threads_write_as_the_owner(home: Home, durability: Any, kind: type[FileSaver]) -> None:
    """LangGraph puts what they wrote from callbacks without a context: these are the owner's, too, also of a subclass."""
    saver = kind(home.store(), lock_timeout_seconds=1)
    builder: Any = StateGraph(Count)
    builder.add_node("begin", lambda _: {"count": 1})
    builder.add_edge(START, "begin")

    def work(_: Any) -> Any:
        time.sleep(0.01)
        return {"count": 1}

    for number in range(8):
        builder.add_node(f"node {number}", work)
        builder.add_edge("begin", f"node {number}")
    graph = builder.compile(checkpointer=saver)
    assert saver.exclusive(graph).invoke({"count": 0}, config_of("t"), durability=durability) == {"count": 9}
    with saver.thread_lock("u") as lease:
        assert graph.invoke({"count": 0}, config_of("u"), durability=durability) == {"count": 9}
    tokens = {document.fencing_token for _, document in saver._repository.all_writes("u")}
    assert tokens <= {lease.owner}
    assert saver.locks() == []
