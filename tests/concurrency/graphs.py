"""A small graph whose nodes a test can hold up."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from langgraph_filesaver import FileSaver

__all__ = ["CONFIG", "asking", "chain_of", "counting", "fanning_out"]

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}


class Counter(TypedDict):
    """A count, and who has counted."""

    count: Annotated[int, operator.add]


def counting(saver: FileSaver, node: Any = None) -> Any:
    """Return a compiled graph of two nodes that each add one; `node` stands in place of the first."""
    builder = StateGraph(Counter)
    builder.add_node("first", node or (lambda _: {"count": 1}))
    builder.add_node("second", lambda _: {"count": 1})
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    return builder.compile(checkpointer=saver)


def asking(saver: FileSaver) -> Any:
    """Return a compiled graph that asks before it adds the answer."""
    builder = StateGraph(Counter)
    builder.add_node("ask", lambda _: {"count": interrupt("how many?")})
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver)


def fanning_out(saver: FileSaver) -> Any:
    """Return a compiled graph of twenty parallel tasks that each add one."""
    builder = StateGraph(Counter)
    builder.add_node("work", lambda _: {"count": 1})
    builder.add_conditional_edges(START, lambda _: [Send("work", {"count": number}) for number in range(20)], ["work"])
    return builder.compile(checkpointer=saver)


def chain_of(saver: FileSaver, thread_id: str = "t") -> bool:
    """Tell whether the history of a thread is one chain, from the latest back to the first."""
    found = list(saver.list({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}))
    ids = [each.config["configurable"]["checkpoint_id"] for each in found]
    parents = [each.parent_config and each.parent_config["configurable"]["checkpoint_id"] for each in found]
    return parents == [*ids[1:], None]
