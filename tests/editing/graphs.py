"""Graphs whose state is corrected while something of them waits, and what they did outside of it."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from tests.graphs.anonymous import Graph

__all__ = ["T", "asks_inside", "fan_out", "line"]

T: RunnableConfig = {"configurable": {"thread_id": "t"}}
"""The thread of these tests."""


class State(TypedDict, total=False):
    """What the graphs keep."""

    plan: str
    done: Annotated[list[str], operator.add]


def line(saver: BaseCheckpointSaver[Any] | None, ran: Counter[str], **options: Any) -> Graph:
    """Compile `a`, then `b` and `c`, then `e` after `c`, then `d`, which waits for both `b` and `e`."""

    def node(name: str) -> Any:
        def act(state: State) -> State:
            ran[name] += 1
            return {"done": [f"{name}: {state.get('plan')}"]}

        return act

    builder: Any = StateGraph(State)
    for name in "abced":
        builder.add_node(name, node(name))
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    builder.add_edge("a", "c")
    builder.add_edge("c", "e")
    builder.add_edge(["b", "e"], "d")
    return builder.compile(checkpointer=saver, **options)  # type: ignore[no-any-return]


def fan_out(saver: BaseCheckpointSaver[Any], ran: Counter[str]) -> Graph:
    """Compile a fan-out of 5 tasks, of which the third asks, and a last node that tells what it sees."""

    def work(part: Any) -> State:
        number = part["number"]
        answer = interrupt("go on?") if number == 2 else "-"
        ran[f"work {number}"] += 1
        return {"done": [f"work {number} {answer}"]}

    def last(state: State) -> State:
        ran["last"] += 1
        return {"done": [f"last: {state.get('plan')}"]}

    builder: Any = StateGraph(State)
    builder.add_node("work", work)
    builder.add_node("last", last)
    builder.add_conditional_edges(START, lambda _: [Send("work", {"number": n}) for n in range(5)], ["work"])
    builder.add_edge("work", "last")
    return builder.compile(checkpointer=saver)  # type: ignore[no-any-return]


def asks_inside(saver: BaseCheckpointSaver[Any], ran: Counter[str]) -> Graph:
    """Compile a graph whose node is a graph whose node is a graph that prepares, and asks; then a last node."""

    def prepare(state: State) -> State:
        ran["prepare"] += 1
        return {"done": ["prepared"]}

    def ask(state: State) -> State:
        answer = interrupt("sure?")
        ran["ask"] += 1
        return {"done": [f"asked: {state.get('plan')} {answer}"]}

    def last(state: State) -> State:
        ran["last"] += 1
        return {"done": [f"last: {state.get('plan')}"]}

    innermost: Any = StateGraph(State)
    innermost.add_sequence([("prepare", prepare), ("ask", ask)])
    innermost.add_edge(START, "prepare")
    inner: Any = StateGraph(State)
    inner.add_node("innermost", innermost.compile())
    inner.add_edge(START, "innermost")
    builder: Any = StateGraph(State)
    builder.add_node("inner", inner.compile())
    builder.add_node("last", last)
    builder.add_edge(START, "inner")
    builder.add_edge("inner", "last")
    return builder.compile(checkpointer=saver)  # type: ignore[no-any-return]
