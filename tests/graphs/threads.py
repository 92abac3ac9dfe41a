"""Graphs that leave threads for maintenance, and what is looked at there."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import Durability, interrupt

from langgraph_filesaver import FileSaver
from tests.graphs.anonymous import Graph
from tests.graphs.delta_graphs import NEVER, Place, Workshop, listed, place_of, states
from tests.stores import Home

__all__ = [
    "CONFIG",
    "DURABILITIES",
    "SHOPS",
    "Trail",
    "asking",
    "chain",
    "checkpoint_files",
    "config_in",
    "each_durability",
    "each_shop",
    "leaving",
    "namespaces",
    "nested",
    "of_run",
    "values",
]

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")
SHOPS = (Workshop(), Workshop(1, 1, 1), Workshop(2, 3, 2), Workshop(3, NEVER, 1), Workshop(NEVER, 2, 3))

each_shop = pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: "-".join(map(str, shop)))
each_durability = pytest.mark.parametrize("durability", DURABILITIES)


def of_run(run_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    """Return the config of a run as LangGraph's server passes it."""
    configurable: dict[str, Any] = {"thread_id": "t", "run_id": run_id}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable, "metadata": {"run_id": run_id}}


def config_in(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def values(saver: FileSaver, shop: Workshop) -> dict[Place, Any]:
    """Return the channels that each listed checkpoint shows, without what is pending there."""
    return {place: shown if place[0] else shown[0] for place, shown in states(saver, shop).items()}


class Trail(TypedDict):
    trail: Annotated[list[str], operator.add]


def leaving(name: str) -> Callable[[Trail], dict[str, list[str]]]:
    return lambda state: {"trail": [f"{name} {len(state['trail'])}"]}


def asking(question: str) -> Callable[[Trail], dict[str, list[str]]]:
    return lambda state: {"trail": [f"{question} {interrupt(question)}"]}


def chain(saver: Any, **nodes: Any) -> Graph:
    """Return a graph that runs the nodes one after the other."""
    builder: Any = StateGraph(Trail)
    names = list(nodes)
    for before, name in zip([START, *names], names, strict=False):
        builder.add_node(name, nodes[name])
        builder.add_edge(before, name)
    return builder.compile(checkpointer=saver)  # type: ignore[no-any-return]


def nested(saver: Any, *questions: str) -> Graph:
    """Return a graph that asks two subgraphs deep."""
    deep = chain(None, first=leaving("deep"), **{question: asking(question) for question in questions})
    middle = chain(None, enter=leaving("middle"), deep=deep, leave=leaving("middle"))
    return chain(saver, begin=leaving("root"), middle=middle, end=leaving("root"))


def namespaces(saver: FileSaver, thread_id: str = "t") -> set[str]:
    return {place_of(each)[0] for each in listed(saver, thread_id)}


def checkpoint_files(home: Home) -> int:
    return sum("/checkpoints/" in key for key in home.files())
